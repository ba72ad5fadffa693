#!/bin/bash
# The contract that Podman, conmon and containerd's own shim rely on, with runc as the oracle.
. "$(dirname "$0")/lib.sh"

run vm --version
is "--version succeeds" "$status" 0
like "and names the program and the specification" "$(tr '\n' ' ' <"$out")" 'vmrun.*spec.*1\.'
like "features is JSON with versions" "$(vm features | jq -r '.ociVersionMin + " " + .ociVersionMax')" '^1\..* 1\.'

(mkdir "$work/spec" && cd "$work/spec" && vm spec)
fails "spec does not overwrite" 'exists' bash -c "cd '$work/spec' && '$VMRUN' spec"
if command -v runc >/dev/null; then
	(mkdir "$work/runc-spec" && cd "$work/runc-spec" && runc spec)
	keys() { jq -r '[paths(scalars) | map(tostring) | join(".")] | sort | join("\n")' "$1"; }
	# runc adds a sixth namespace, cgroup, on hosts with cgroup v2 only: ours is the guest's.
	ours() { keys "$1" | grep -v -e capabilities -e ociVersion -e 'namespaces.5' | sha256sum; }
	is "spec has runc's fields" "$(ours "$work/spec/config.json")" "$(ours "$work/runc-spec/config.json")"
	mkdir "$work/rootless" "$work/runc-rootless"
	vm spec --rootless --bundle "$work/rootless"
	runc spec --rootless --bundle "$work/runc-rootless"
	is "and with --rootless" "$(jq -c '[.mounts[0:6], .linux.uidMappings, (.linux.namespaces | map(.type) - ["cgroup"])]' "$work/rootless/config.json")" \
		"$(jq -c '[.mounts[0:6], .linux.uidMappings, (.linux.namespaces | map(.type) - ["cgroup"])]' "$work/runc-rootless/config.json")"
fi

# The same bundle with runc and vmrun: output, status and what the process sees of itself.
# shellcheck disable=SC2016
probe='id; pwd; umask; echo "$FOO"; ulimit -n; grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status
	hostname; ls /dev; readlink /dev/stdin /dev/fd; stat -c %a:%t,%T /dev/null; tr "\0" "\n" </proc/1/cmdline | head -2
	grep -v "open files" /proc/self/limits
	cat /proc/sys/kernel/domainname; cat /proc/kcore >/dev/null 2>&1; echo kcore $?; touch /proc/sys/x 2>/dev/null; echo sys $?; exit 3'
bundle oracle sh -c "$probe"
config "$work/oracle" '.process.env += ["FOO=bar baz"] | .process.cwd = "/tmp" | .process.user = {uid: 1000, gid: 1000, additionalGids: [5, 6], umask: 63}
	| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 512, hard: 1024}] | .hostname = "oracle" | .process.noNewPrivileges = true
	| .process.capabilities |= map_values(["CAP_KILL", "CAP_AUDIT_WRITE"])
	| .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"], syscalls: [{names: ["acct"], action: "SCMP_ACT_ERRNO"}]}'
# Limits that config.json does not name are the caller's.
limited() { (ulimit -u 7777 -i 5555 -c 1000 -q 100000 && "$@"); }
run limited vm run "$work/oracle"
cp "$out" "$work/vmrun.out"
is "the probe's status" "$status" 3
like "and limits" "$(grep 'Max processes' "$out")" ' 7777 +7777 '
if command -v runc >/dev/null && limited runc --root "$work/runc" run -b "$work/oracle" oracle >"$work/runc.out" 2>"$work/runc.err" || [[ -s $work/runc.out ]]; then
	# Where the host has no kcore, runc's container has none and no link to it.
	seen() { if [[ -e /proc/kcore ]]; then cat "$1"; else grep -v -e '^core$' -e '^kcore' "$1"; fi; }
	is "the process sees what it sees under runc" "$(seen "$work/vmrun.out")" "$(seen "$work/runc.out")"
	rm -rf "$work/runc"
else
	echo "  skipped - runc does not run here: $(tail -1 "$work/runc.err" 2>/dev/null)"
fi

# create hands out no descriptor that it inherited (buildah leaks a dozen).
bundle fds sh -c 'ls /proc/self/fd | wc -l; while :; do sleep 0.2; done'
(
	exec 3<"$work/fds/config.json"
	for ((fd = 10; fd < 210; fd++)); do eval "exec $fd<&3"; done
	vm create --bundle "$work/fds" --pid-file "$work/fds.pid" fds </dev/null >/dev/null 2>&1
)
leaked=0
for p in $(cat "$work/fds.pid") $(monitors); do
	if find "/proc/$p/fd" -lname "*config.json" | grep -q .; then leaked=1; fi
done
is "no inherited descriptor is in the anchor or the monitor" "$leaked" 0
stdio=$(for p in $(cat "$work/fds.pid") $(monitors); do stat -Lc %t:%T "/proc/$p/fd/0"; done | sort -u)
is "and their stdin is the null device" "$stdio" 1:3
pid=$(cat "$work/fds.pid")
fails "create with an id in use" exists vm create --bundle "$work/fds" fds
is "leaves the first as it is" "$(status_of fds) $(anchor_of fds)" "created $pid"
vm pause fds
is "a created container can be paused" "$(status_of fds)" paused
fails "but not started then" 'is paused' vm start fds
vm resume fds
is "it is created again" "$(status_of fds)" created
fails "resume of one that is not paused" 'container not paused' vm resume fds
fails "list of a root that is not there" '/nosuch: No such file' "$VMRUN" --root "$work/nosuch" list
is "list is a table" "$(vm list | head -1 | tr -s ' ')" 'ID PID STATUS BUNDLE CREATED OWNER'
is "list -f json" "$(vm list -f json | jq -r '.[] | .id + " " + .status')" 'fds created'
vm start fds
is "ps -f json has the host's pid" "$(vm ps -f json fds)" "[$pid]"

is "ps has the columns of ps -ef" "$(vm ps fds | head -1 | tr -s ' ')" 'UID PID PPID C STIME TTY TIME CMD'
like "and the guest's processes" "$(vm ps fds)" 'sleep 0.2|sh -c'
if ps --version 2>/dev/null | grep -q procps-ng; then
	titles() { head -1 | tr -s ' ' | sed 's/ $//'; }
	for options in '-e -x' aux '-ef' '-elf' '-ely' '-eF' '-ej' axl axj axs axv '-O rss' -x -A '-ef --forest' \
		'-eo pid,stat,wchan:20,comm' '-eo user:20,pid=Who' 'axo pid,lstart,%mem,ni'; do
		# shellcheck disable=SC2086
		is "ps ID $options has ps's columns" "$(vm ps fds $options | titles)" "$(ps $options | titles)"
	done
else
	echo "  skipped - ps is not procps's here"
fi
like "and nobody but the container's" "$(vm ps fds -e -o comm= | sort -u | tr '\n' ' ')" '^sh (sleep )?$'
is "a process is chosen by its number" "$(vm ps fds -p 1 -o pid= | wc -l)" 0
like "ps ID -o" "$(vm ps fds -o pid=,args= | head -1)" '^ *[0-9]+ sh -c'
fails "an option of ps that is not known" 'ps: option "-Z"' vm ps fds -Z
is "signal 0 asks whether it runs" "$(vm kill fds 0 && echo yes)" yes

# kill -9 of the anchor: the container is stopped, its monitor ends.
kill -9 "$pid"
stopped() { has_status fds stopped; }
ok "kill -9 of the anchor stops the container" wait_for 20 stopped
alone() { [[ -z $(monitors) ]]; }
ok "and its guest is gone" wait_for 20 alone
fails "kill of a stopped container" 'container not running' vm kill fds
is "kill --all of one is no error" "$(vm kill --all fds KILL && echo fine)" fine
is "ps of one is a line of titles" "$(vm ps fds -o pid,args | tr -s ' ')" ' PID COMMAND'
is "and null in JSON" "$(vm ps -f json fds)" null
vm delete fds
fails "a second delete" 'does not exist' vm delete fds

fails "kill of an unknown container" 'does not exist' vm kill nosuch 9
for flags in '--systemd-cgroup' '--cgroup-manager cgroupfs' '--log-level info' '--debug'; do
	# shellcheck disable=SC2086
	run "$VMRUN" --root "$root" $flags list
	is "global option $flags" "$status" 0
done

# Ids that are not words.
for id in -h --help _a +a .a -; do
	vm create --bundle "$work/fds" -- "$id" </dev/null >/dev/null 2>&1
	is "the id $id" "$(vm state -- "$id" | jq -r .id) $(vm list -q)" "$id $id"
	vm start -- "$id"
	is "exec in it" "$(vm exec -- "$id" echo in)" in
	vm kill -- "$id" KILL
	vm delete --force -- "$id"
done
fails "an id after a dash and nothing else is an option" 'unknown option -x' vm state -x

bundle paused sh -c 'n=0; while :; do n=$((n + 1)); echo $n >/count; sleep 0.1; done'
vm run -d "$work/paused" p >/dev/null 2>&1 </dev/null
ok "it counts" wait_for 30 test -s "$work/paused/rootfs/count"
vm pause p
is "paused" "$(status_of p)" paused
a=$(cat "$work/paused/rootfs/count")
read -rt 1.5 <> <(:) || :
is "it counts no more" "$(cat "$work/paused/rootfs/count")" "$a"
fails "exec while paused" paused vm exec p true
is "which is status 255" "$status" 255
fails "pause of a paused container" 'it is paused' vm pause p
vm exec --ignore-paused p echo late >"$work/late" 2>&1 &
late=$!
frozen() { vm ps p -o s=,args= | grep -q init; }
ok "exec --ignore-paused waits" wait_for 20 frozen
vm resume p
wait $late
is "until it is resumed" "$(cat "$work/late")" late
counts() { [[ $(cat "$work/paused/rootfs/count") != "$a" ]]; }
ok "it goes on after resume" wait_for 20 counts

limits() { vm exec p sh -c 'cd /sys/fs/cgroup; echo $(cat memory.max pids.max cpu.max)'; }
vm update --memory 100m --pids-limit 50 p
is "update by options" "$(limits)" "104857600 50 max 100000"
echo '{"cpu": {"quota": 50000, "period": 200000}, "memory": {"limit": 134217728}}' >"$work/limits.json"
vm update --resources "$work/limits.json" p
is "update by a file leaves the rest alone" "$(limits)" "134217728 50 50000 200000"
vm update -r - p <<<'{"pids": {"limit": -1}}'
is "update from stdin" "$(limits)" "134217728 max 50000 200000"
fails "update with a broken unit" '--memory.*12x' vm update --memory 12x p
fails "update with a field of the wrong type" 'stdin: memory.limit' \
	bash -c "echo '{\"memory\": {\"limit\": \"lots\"}}' | '$VMRUN' --root '$root' update -r - p"
fails "update of an unknown container" 'does not exist' vm update --pids-limit 5 nosuch
is "what failed changed nothing" "$(limits)" "134217728 max 50000 200000"

is "exec --additional-gids" "$(vm exec --user 10:11 -g 5,6 -g 7 p id -G)" '11 5 6 7'
is "exec --process -" "$(echo '{"cwd": "/tmp", "args": ["pwd"], "user": {"uid": 0, "gid": 0}}' | vm exec --process - p)" /tmp
is "exec --process of a shell's <(...)" \
	"$(vm exec --process <(echo '{"cwd": "/tmp", "args": ["pwd"]}') p)" /tmp
is "exec --cap, --no-new-privs, --apparmor" "$(vm exec --cap CAP_NET_ADMIN --no-new-privs --apparmor x p grep -E 'CapEff|NoNewPrivs' /proc/self/status | tr -s '\t\n' ' ')" \
	'CapEff: 0000000020001420 NoNewPrivs: 1 '
fails "exec --cgroup of none" 'cgroup x of container p: No such file' vm exec --cgroup x p true
fails "exec --cgroup above the container's" 'bad sub cgroup path: a/\.\.' vm exec --cgroup a/.. p true
fails "exec --cgroup of a hierarchy" '--cgroup: .*cgroup v2' vm exec --cgroup cpu:x p true
# Sends SIGNAL through the first descriptor that arrives at SOCKET, once somebody writes to the FIFO.
signal_by_pidfd() { # SOCKET SIGNAL [FIFO]
	python3 - "$@" <<-'P'
		import array, os, signal, socket, sys
		s = socket.socket(socket.AF_UNIX)
		s.bind(sys.argv[1] + ".new")
		s.listen(1)
		os.rename(sys.argv[1] + ".new", sys.argv[1])
		c, _ = s.accept()
		anc = c.recvmsg(64, socket.CMSG_SPACE(4))[1]
		fds = array.array("i")
		fds.frombytes(anc[0][2][:4])
		if sys.argv[3:]:
		    open(sys.argv[3]).read()
		signal.pidfd_send_signal(fds[0], int(sys.argv[2]))
	P
}
signal_by_pidfd "$work/pidfd.exec" 15 &
ok "a receiver of pidfds" wait_for 20 test -S "$work/pidfd.exec"
run vm exec --pidfd-socket "$work/pidfd.exec" p sleep 1000
is "exec --pidfd-socket: signals to it are the process's" "$status" 143
mkfifo "$work/pidfd.go"
signal_by_pidfd "$work/pidfd.run" 9 "$work/pidfd.go" &
ok "another" wait_for 20 test -S "$work/pidfd.run"
bundle pidfd sleep 1000
ok "run --pidfd-socket" vm run -d --pidfd-socket "$work/pidfd.run" "$work/pidfd" pidfd </dev/null
echo >"$work/pidfd.go"
pidfd_stopped() { has_status pidfd stopped; }
ok "it is the container's, too" wait_for 60 pidfd_stopped
wait
vm delete pidfd
fails "exec --pidfd-socket of nobody" '--pidfd-socket .*/nobody: No such file' \
	vm exec --pidfd-socket "$work/nobody" p true
fails "exec --preserve-fds of what is not open" 'descriptor 3 is not open' vm exec --preserve-fds 1 p true 3<&-
fails "exec of what is not there" 'executable file not found' vm exec p nosuch
is "is status 255" "$status" 255
