#!/bin/bash
# Users run containers without root: by hand, where vmrun makes a user namespace, and as root of one,
# as rootless Podman calls it. State and caches are theirs; files in shares are, too; ids are those of
# /etc/subuid where newuidmap(1) is there.
. "$(dirname "$0")/lib.sh"
((EUID == 0)) || skip "needs root, to become somebody else"
user=4321
as() { setpriv --reuid $user --regid $user --clear-groups env -u XDG_CACHE_HOME XDG_RUNTIME_DIR="$work/run" HOME="$work/home" "$@"; }
as test -x "$VMRUN" || skip "other users cannot execute $VMRUN"
as unshare -rm true 2>/dev/null || skip "no user namespaces for users here"
vmrun() { as "$VMRUN" "$@"; }

bundle b sh -c 'id -u; stat -c %u /etc/passwd /volume/theirs; touch /volume/made; cat /volume/below/file; exec sleep 1000'
mkdir -p "$work/run" "$work/home" "$work/volume/below" "$work/flat/below"
echo theirs >"$work/volume/theirs"
chown -R $user:$user "$work"
chmod 755 "$work"
config "$work/b" '.mounts += [{destination: "/volume", type: "bind", source: "'"$work"'/volume", options: ["rbind"]},
	{destination: "/flat", type: "bind", source: "'"$work"'/flat", options: ["bind", "ro"]}]'
cp "$work/b/config.json" "$work/plain.json"

# Access to KVM, as a group gives it; in this case's mount namespace only.
if [[ $(monitor_here) == *kvm ]]; then
	mknod -m 666 "$work/kvm" c 10 232
	mount --bind "$work/kvm" /dev/kvm
fi

# What is mounted below a share is found as long as the container runs, which is longer than create.
mount -t tmpfs tmpfs "$work/volume/below"
echo mounted >"$work/volume/below/file"
before=$(host_state)

echo "# by hand"
run vmrun create --bundle "$work/b" --pid-file "$work/run/pid" c </dev/null
is "create" "$status" 0
is "state is in XDG_RUNTIME_DIR" "$(vmrun list -q) $(ls "$work/run/vmrun/containers")" 'c c'
like "caches are below HOME" "$(ls "$work/home/.cache/vmrun")" 'initrd-'
anchor=$(<"$work/run/pid")
is "its process is the user's" "$(stat -c %u "/proc/$anchor")" $user
ok "with the container's files as its root" test -e "/proc/$anchor/root/volume/theirs"
ok "start" vmrun start c
running() { [[ -e $work/volume/made ]]; }
ok "it runs" wait_for 60 running
is "what it makes is the user's" "$(stat -c '%u %g' "$work/volume/made")" "$user $user"
run vmrun exec c sh -c 'id -u; stat -c %u /volume/theirs /volume/made; cat /volume/below/file; touch /flat/x; ls /flat'
is "exec" "$(tr '\n' ' ' <"$out")" '0 0 0 mounted below '
like "a read-only share" "$(<"$err")" 'Read-only file system'
is "exec's status" "$(vmrun exec c sh -c 'exit 7' >/dev/null 2>&1; echo $?)" 7
like "ps" "$(vmrun ps c)" 'sleep 1000'
ok "kill" vmrun kill c KILL
stopped() { [[ $(vmrun state c | jq -r .status) == stopped ]]; }
ok "it stops" wait_for 60 stopped
ok "delete" vmrun delete c
is "nothing is left of it" "$(ls "$work/run/vmrun/containers")" ''
same_state "nor anywhere else" "$before"

config "$work/b" '.process.terminal = true | .process.args = ["sh", "-c", "tty; stat -c \"%u %g\" /volume/theirs; exit 6"]
	| .linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: '$user', size: 1}] | .linux.gidMappings = .linux.uidMappings
	| .mounts[].options |= (. // [] | map(select(. != "gid=5")))'
if command -v script >/dev/null; then
	run as script -qec "'$VMRUN' run '$work/b'" /dev/null
	is "run at a terminal" "$status" 6
	like "in a user namespace of the configuration" "$(tr -d '\r' <"$out")" $'/dev/(pts/[0-9]+|console)\n0 0'
fi
config "$work/b" '.linux.uidMappings[0].hostID = 77'
fails "ids of somebody else" "config\.json: linux\.uidMappings\[0\]: ids 77 to 77 of the host are not yours, which are $user" \
	vmrun create --bundle "$work/b" c
config "$work/b" '.process.terminal = false | .linux.uidMappings[0].hostID = '$user' | .mounts += [{destination: "/tmp", type: "bind", source: "'"$work"'/volume", options: ["bind"]}]'
fails "a bind without what is mounted below" 'mounts\[[0-9]+\]\.options: what is mounted below .*/volume cannot be left out in a user namespace' \
	vmrun create --bundle "$work/b" c
is "nothing is left of that" "$(ls "$work/run/vmrun/containers")" ''

echo "# subordinate ids"
if command -v newuidmap >/dev/null && command -v newgidmap >/dev/null; then
	# For this case's mount namespace only.
	echo "somebody:x:$user:$user::/:/bin/sh" | cat /etc/passwd - >"$work/passwd"
	echo "somebody:200000:65536" >"$work/subids"
	touch /etc/subuid /etc/subgid
	mount --bind "$work/passwd" /etc/passwd
	mount --bind "$work/subids" /etc/subuid
	mount --bind "$work/subids" /etc/subgid
	cp "$work/plain.json" "$work/b/config.json"
	config "$work/b" '.process.args = ["sh", "-c", "touch /volume/root /volume/other; chown 1000:5 /volume/other; stat -c \"%u %g\" /volume/other"]
		| .process.capabilities[] += ["CAP_CHOWN"]'
	run vmrun run "$work/b"
	is "a container has more than one user" "$status $(<"$out")" '0 1000 5'
	is "with the ids that are given to him" "$(stat -c '%u %g' "$work/volume/root" "$work/volume/other" | tr '\n' ' ')" "$user $user 200999 200004 "
	config "$work/b" '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: '$user', size: 1}, {containerID: 1, hostID: 200000, size: 65536}]
		| .linux.gidMappings = .linux.uidMappings'
	run vmrun run "$work/b"
	is "in a user namespace of the configuration, too" "$status $(<"$out")" '0 1000 5'

	# "podman run --userns=keep-id": the user is himself in the container, too.
	if as unshare --map-root-user --map-auto -m true 2>/dev/null; then
		cp "$work/plain.json" "$work/b/config.json"
		config "$work/b" '.process.args = ["sh", "-c", "id -u; touch /volume/kept; stat -c \"%u %g\" /volume/kept; cat /proc/sys/net/ipv4/ping_group_range"]
			| .process.user = {uid: 1000, gid: 1000, additionalGids: [1000]} | .linux.namespaces += [{type: "user"}]
			| .linux.uidMappings = [{containerID: 0, hostID: 1, size: 1000}, {containerID: 1000, hostID: 0, size: 1}, {containerID: 1001, hostID: 1001, size: 64535}]
			| .linux.gidMappings = .linux.uidMappings | .linux.sysctl = {"net.ipv4.ping_group_range": "0 0"}
			| .process.rlimits = [{type: "RLIMIT_NPROC", soft: 32768, hard: 32768}]'
		run as unshare --map-root-user --map-auto -m "$VMRUN" run "$work/b"
		is "as Podman keeps ids" "$status $(tr '\t\n' '  ' <"$out")" '0 1000 1000 1000 0 0 '
		is "what he makes is his" "$(stat -c '%u %g' "$work/volume/kept")" "$user $user"
	fi
	umount /etc/subuid /etc/subgid /etc/passwd
fi

echo "# as root of a user namespace"
cp "$work/plain.json" "$work/b/config.json"
config "$work/b" '.process.args = ["sh", "-c", "id -u; stat -c %u /volume/theirs; cat /volume/below/file"]'
for how in -r -rm; do
	run as unshare $how "$VMRUN" run "$work/b"
	is "run (unshare $how)" "$status $(tr '\n' ' ' <"$out")" '0 0 0 mounted '
done
is "nothing is left in the system's places" "$(find /run/vmrun /var/cache/vmrun -user $user 2>/dev/null)" ''

echo "# cgroups"
cp "$work/plain.json" "$work/b/config.json"
config "$work/b" '.process.args = ["sleep", "1000"] | .linux.resources.pids = {limit: 50}'
unified=$(findmnt -nt cgroup2 -o TARGET | head -n 1)
if [[ $unified ]]; then
	# A host with cgroup v2 alone, in this case's mount namespace.
	[[ $unified == /sys/fs/cgroup ]] || mount --bind "$unified" /sys/fs/cgroup
	given=/sys/fs/cgroup/vmrun-e2e-$BASHPID
	mkdir -p "$given/shell"
	in_cgroup() { bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec "$@"' - "$@"; }
	where() { sed -n 's/^0:://p' "/proc/$(vmrun state "$1" | jq -r .pid)/cgroup"; }

	run in_cgroup "$given/shell" env VMRUN_LOG=warn setpriv --reuid $user --regid $user --clear-groups \
		env XDG_RUNTIME_DIR="$work/run" HOME="$work/home" "$VMRUN" run -d "$work/b" none </dev/null
	is "no cgroup is delegated" "$status $(where none)" "0 ${given#/sys/fs/cgroup}/shell"
	like "that limits are the guest's alone is said" "$(<"$err")" 'no cgroup on the host: limits are kept in the guest alone'
	is "and they are" "$(vmrun exec none cat /sys/fs/cgroup/pids.max)" 50
	vmrun delete --force none

	chown $user "$given" "$given"/cgroup.{procs,subtree_control} "$given/shell" "$given/shell/cgroup.procs"
	run in_cgroup "$given/shell" env VMRUN_LOG=warn setpriv --reuid $user --regid $user --clear-groups \
		env XDG_RUNTIME_DIR="$work/run" HOME="$work/home" "$VMRUN" run -d "$work/b" some </dev/null
	is "one that is delegated is used" "$status $(where some)" "0 ${given#/sys/fs/cgroup}/vmrun/some"
	if grep -q cgroup "$err"; then fail "nothing is said of that"; else pass "nothing is said of that"; fi
	is "exec, from where no process may go there" "$(vmrun exec some echo there)" there
	vmrun delete --force some
	ok "it goes with the container" test ! -e "$given/vmrun"
	rmdir "$given/shell" "$given"
	[[ $unified == /sys/fs/cgroup ]] || umount /sys/fs/cgroup
fi

echo "# what cannot be"
fails "without a place for caches" 'set HOME or XDG_CACHE_HOME' as env -u HOME "$VMRUN" run "$work/b"
powerless() {
	as unshare -r sh -c 'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$@"' - "$VMRUN" "$@"
}
fails "without user namespaces" 'vmrun needs a user namespace, which cannot be made here \(user\.max_user_namespaces\)' powerless run "$work/b"
row() { jq -r '.rows[] | select(.name == "rights") | .status + " " + .found' "$out"; }
run powerless check --format json
like "check tells that" "$status $(row)" '1 fail neither CAP_SYS_ADMIN nor a user namespace'
run vmrun check --format json
like "and what there is otherwise" "$(row)" 'ok those of a user namespace'
same_state "nothing is left" "$before"
