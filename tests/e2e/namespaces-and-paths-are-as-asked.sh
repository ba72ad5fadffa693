#!/bin/bash
# Namespaces, id mappings, masked and read-only paths, sysctls, propagation of the root, and the
# process fields that a user namespace makes different.
. "$(dirname "$0")/lib.sh"
inside=$(dirname "$VMRUN")/tests/e2e/bin/inside

bundle b sh -c 'touch /tmp/told; exec sleep 1000'
fs=$work/b/rootfs
cp "$inside" "$fs/bin/"
mkdir -p "$fs/hidden/sub" "$fs/fixed/sub" "$fs/target"
echo secret | tee "$fs/hidden/file" "$fs/hidden.file" "$fs/target/file" >"$fs/fixed/file"
ln -s ../target "$fs/hidden/../mask.link"
ln -s /target "$fs/ro.link"
mkdir "$work/volume"
echo mine >"$work/volume/file"
chown -R 100000:100000 "$fs"
chown 101000:100005 "$work/volume" "$work/volume/file"
config "$work/b" '.linux.maskedPaths = ["/hidden", "/hidden.file", "/mask.link", "/nothing/there", "/proc/kcore", "/bin/busybox/x"]
	| .linux.readonlyPaths = ["/fixed", "/fixed/file", "/etc/passwd", "/ro.link", "/missing", "/proc/sys"]
	| .linux.namespaces = [{type: "pid"}, {type: "ipc"}, {type: "uts"}, {type: "mount"}, {type: "cgroup"},
		{type: "network"}, {type: "user"}, {type: "time"}]
	| .linux.timeOffsets = {monotonic: {secs: 100000}}
	| .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}, {containerID: 1000, hostID: 101000, size: 1}]
	| .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 1001}]
	| .linux.sysctl = {"kernel.shmmax": "123456", "kernel/msgmax": "4321", "fs.mqueue.msg_max": "17",
		"user.max_uts_namespaces": "3", "net.ipv4.ping_group_range": "0 1000", "net.ipv4.ip_forward": "1"}
	| .hostname = "in-guest" | .domainname = "in.domain"
	| .process.user = {uid: 1000, gid: 1000, additionalGids: [5, 100]}
	| .process.capabilities[] |= ["CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN"]
	| .linux.rootfsPropagation = "shared"
	| .process.rlimits += [{type: "RLIMIT_NPROC", soft: 123456, hard: 234567}]
	| .mounts += [{destination: "/volume", type: "bind", source: "'"$work/volume"'", options: ["bind"]}]'
vm run -d "$work/b" spaces >/dev/null 2>"$err" </dev/null || fail "it runs"
in_c() { vm exec spaces "$@"; }
ok "the container runs" wait_for 30 in_c test -e /tmp/told
((failures == 0)) || exit 1

run in_c sh -c '
	t() { if "$@" >/dev/null 2>&1; then echo -n "yes "; else echo -n "no "; fi; }
	say() { echo; echo -n "$1: "; }
	say ids; echo -n "$(id -u) $(id -g) $(id -G)"
	say map; tr -s " " " " </proc/self/uid_map | tr "\n" ";"
	say names; echo -n "$(hostname) $(cat /proc/sys/kernel/domainname)"
	say sysctls; echo -n $(cat /proc/sys/kernel/shmmax /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max /proc/sys/user/max_uts_namespaces)
	say net; echo -n $(cat /proc/sys/net/ipv4/ping_group_range /proc/sys/net/ipv4/ip_forward; ls /sys/class/net)
	say limits; sed -n "s/Max processes *\([0-9]*\) *\([0-9]*\).*/\1 \2/p" /proc/self/limits
	say clocks; inside clocks | cut -c1-4 | tr "\n" " "
	say masked; t ls /hidden; ls /hidden | wc -l | tr "\n" " "; cat /hidden.file | wc -c | tr "\n" " "
	ls /target | wc -l | tr "\n" " "; t touch /hidden/x; t sh -c "echo x >/hidden/x"
	say volume; stat -c "%u %g" /volume/file | tr "\n" " "; t sh -c "echo more >>/volume/file"; t touch /volume/new
	say rootfs; stat -c "%u %g" /etc/passwd
	say sys; t ls /sys/class/net/lo; t ls /sys/fs/cgroup/cgroup.procs
	say fds; t sh -c "echo out >/dev/stdout"
	echo'
told=$(<"$out")
tells() { is "$1" "$(sed -n "s/^$2: //p" <<<"$told" | sed 's/ $//')" "$3"; }
tells "user and groups" ids '1000 1000 1000 5 100'
tells "mappings" map ' 0 100000 1000; 1000 101000 1;'
tells "hostname, domainname" names 'in-guest in.domain'
tells "sysctls of namespaces" sysctls '123456 4321 17 3'
tells "sysctls of its own network, and what sysfs shows of it" net '0 1000 1 lo'
tells "limits that no root of a user namespace may raise" limits '123456 234567'
tells "clocks of a time namespace" clocks 1000
tells "masked paths: a directory, a file, through a symlink" masked 'yes 0 0 0 no no'
tells "a volume of a mapped user" volume '1000 5 yes yes'
tells "a root of the mapped root" rootfs '0 0'
tells "sysfs and cgroups" sys 'yes yes'
tells "stdout can be opened" fds 'yes'
is "files belong to whom the mappings say" "$(stat -c '%u %g' "$work/volume/new")" '101000 101000'
is "the volume was written" "$(tr '\n' ' ' <"$work/volume/file")" 'mine more '
like "the root is shared" "$(in_c cat /proc/self/mountinfo | awk '$5 == "/" {print $7}')" '^shared:'
as_root() {
	jq -n '{args: $ARGS.positional, cwd: "/", env: ["PATH=/bin"], user: {uid: 0, gid: 0}}' --args -- "$@" >"$work/p.json"
	vm exec --process "$work/p.json" spaces
}
is "read-only paths: directories, files, through symlinks" "$(as_root sh -c 'for f in /fixed/x /fixed/sub/x /fixed/file /etc/passwd /target/x /writable; do
	if touch $f 2>/dev/null; then echo -n "yes "; else echo -n "no "; fi; done')" 'no no no no no yes '
is "root of the user namespace owns its ports, raw sockets, host names and interfaces" \
	"$(vm exec -u 0 --cap CAP_NET_BIND_SERVICE --cap CAP_NET_RAW --cap CAP_NET_ADMIN --cap CAP_SYS_ADMIN spaces sh -c '
		t() { if "$@" >/dev/null 2>&1; then echo -n "yes "; else echo -n "no "; fi; }
		nc -l -p 80 & until netstat -ltn | grep -q :80 || ! kill -0 $!; do :; done; t kill $!
		t ping -c 1 -W 5 127.0.0.1; t hostname changed; t ifconfig lo 127.0.0.9 up')" 'yes yes yes yes '
fails "sysctls" 'Read-only' as_root sh -c 'echo 1 >/proc/sys/kernel/shmmax'
not_ours() { [[ $(readlink "/proc/$(anchor_of "$1")/ns/net") != "$(readlink /proc/self/ns/net)" ]]; }
ok "the network that callers may set up is not the host's" not_ours spaces
vm delete --force spaces

echo "# what would change the pod is refused"
refused() {
	cp "$work/b/config.json" "$work/config"
	config "$work/b" "$3"
	fails "$1" "$2" vm create --bundle "$work/b" refused
	cp "$work/config" "$work/b/config.json"
}
refused "a sysctl of the kernel" 'linux\.sysctl\["vm\.overcommit_memory"\]: not of a namespace' '.linux.sysctl["vm.overcommit_memory"] = "1"'
refused "one of a namespace that the container does not have" 'linux\.sysctl\["net\.ipv4\.ip_forward"\]: needs one of type network' \
	'.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces |= map(select(.type != "network"))'
refused "a value that the kernel does not take" 'sysctl kernel\.shmmax=much: Invalid argument' '.linux.sysctl["kernel.shmmax"] = "much"'
refused "a network device of the host" 'linux\.netDevices: not supported, a device of the host' '.linux.netDevices = {eth0: {}}'

echo "# without a user namespace"
config "$work/b" 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))
	| .linux.sysctl = {"kernel.domainname": "by.sysctl", "net.ipv4.ip_default_ttl": "77", "net/ipv4/conf/lo/forwarding": "1"} | .linux.timeOffsets = {}
	| .linux.rootfsPropagation = "unbindable" | .root.readonly = true | del(.domainname)
	| .process.user = {uid: 0, gid: 0}
	| .process.args = ["sh", "-c", "cat /proc/sys/kernel/domainname /proc/sys/net/ipv4/ip_default_ttl /proc/sys/net/ipv4/conf/lo/forwarding; touch /x || echo read-only; cat /proc/self/mountinfo"]'
run vm run "$work/b" spaces2
is "net sysctls, a read-only root" "$(head -n 4 "$out" | tr '\n' ' ')" 'by.sysctl 77 1 read-only '
is "unbindable" "$(awk '$5 == "/" {print $7}' "$out")" unbindable

echo "# a user namespace of the host, by its path"
unshare -U sleep 1000 &
holder=$!
in_userns() { [[ $(readlink /proc/$holder/ns/user) != "$(readlink /proc/self/ns/user)" && $(</proc/$holder/comm) == sleep ]]; }
ok "there is one" wait_for 10 in_userns
echo 0 100000 1000 | tee /proc/$holder/uid_map >/proc/$holder/gid_map
config "$work/b" '.linux.namespaces += [{type: "user", path: "/proc/'$holder'/ns/user"}] | .root.readonly = false
	| .linux.sysctl = {"net.ipv4.ping_group_range": "0 7"} | .process.args = ["sh", "-c", "tr -s \" \" <proc/self/uid_map; stat -c %u /etc/passwd; cat /proc/sys/net/ipv4/ping_group_range"]'
run vm run "$work/b" spaces3
is "the container has one like it" "$(tr '\t\n' '  ' <"$out")" ' 0 100000 1000 0 0 7 '
kill $holder
