#!/bin/bash
# Each field that "vmrun explain --table" calls enforced or emulated (and does not leave to another
# case) is set here and looked for in the container. Every probe is made twice, with and without the
# fields of its group: one that succeeds without them would prove nothing, and fails the case.
# shellcheck disable=SC2016 # what is in single quotes the container's shell expands
. "$(dirname "$0")/lib.sh"

groups=() filters=() p_group=() p_paths=() p_command=() p_wanted=()

# group BASE: the probes that follow share a bundle, a container is started with BASE and all their
# filters, another with BASE alone.
group() {
	groups+=("$1")
	filters+=(.)
}

# probe PROPERTIES FILTER COMMAND WANTED: with the jq FILTER the COMMAND in the container prints what
# matches WANTED as a whole, its lines joined by blanks.
probe() {
	p_group+=($((${#groups[@]} - 1)))
	p_paths+=("$1")
	filters[-1]+=" | ($2)"
	p_command+=("$3")
	p_wanted+=("$4")
}

### A user without privileges, with limits and namespaces.
group '.process.noNewPrivileges = false | .linux.namespaces = [{type: "mount"}, {type: "network"}] |
	(.mounts[].options | select(.)) -= ["ro"] | del(.hostname)'
# The kernel gives its first namespaces fixed numbers; a pid, a mount and a cgroup namespace a
# container has in any case.
probe linux.namespaces[].type \
	'.linux.namespaces += [{type: "pid"}, {type: "cgroup"}, {type: "ipc"}, {type: "uts"}, {type: "time"}]' \
	'for n in pid cgroup ipc uts time; do readlink /proc/$$/ns/$n; done |
		grep -cE ":.402653183[4-9]"' 0
probe process.args '.process.args += ["a word"]' 'echo "<$1>"' '<a word>'
probe process.env '.process.env += ["FIELD=of the environment"]' 'echo "$FIELD"' 'of the environment'
probe process.cwd '.process.cwd = "/opt/dir"' pwd /opt/dir
probe process.user.uid '.process.user.uid = 1000' 'id -u' 1000
probe process.user.gid '.process.user.gid = 1001' 'id -g' 1001
probe process.user.additionalGids '.process.user.additionalGids = [2000, 2001]' 'id -G' '1001 2000 2001'
probe process.user.umask '.process.user.umask = 23' umask 0027
# Of the effective set nothing is left once a user's program runs. It is what finding the program is
# done with: only root may execute this one.
probe process.capabilities.effective \
	'.process.args[0] = "/opt/locked/sh" | .process.capabilities.effective = ["CAP_DAC_OVERRIDE"]' \
	'readlink /proc/$$/exe' /opt/locked/sh
# Ambient ones must be permitted, and are the only ones that a user's program keeps.
probe "process.capabilities.permitted process.capabilities.ambient" \
	'.process.capabilities |= (.permitted = ["CAP_CHOWN", "CAP_KILL", "CAP_DAC_OVERRIDE"] |
		.ambient = ["CAP_CHOWN"])' \
	'grep -E "^Cap(Prm|Amb)" /proc/$$/status' \
	'CapPrm:.0000000000000001 CapAmb:.0000000000000001'
probe process.capabilities.inheritable '.process.capabilities.inheritable = ["CAP_CHOWN", "CAP_KILL"]' \
	'grep CapInh /proc/$$/status' 'CapInh:.0000000000000021'
probe process.capabilities.bounding \
	'.process.capabilities.bounding = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_KILL", "CAP_FOWNER"]' \
	'grep CapBnd /proc/$$/status' 'CapBnd:.000000000000002b'
probe process.noNewPrivileges '.process.noNewPrivileges = true' \
	'grep NoNewPrivs /proc/$$/status' 'NoNewPrivs:.1'
probe "process.rlimits[].type process.rlimits[].soft process.rlimits[].hard" \
	'.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}]' \
	'ulimit -Sn; ulimit -Hn' '100 200'
probe process.oomScoreAdj '.process.oomScoreAdj = 300' 'cat /proc/$$/oom_score_adj' 300
probe hostname '.hostname = "field-host"' hostname field-host
probe domainname '.domainname = "field.domain"' 'cat /proc/sys/kernel/domainname' field.domain
probe linux.personality.domain '.linux.personality.domain = "LINUX32"' 'uname -m' 'i[3-6]86'
probe linux.maskedPaths '.linux.maskedPaths += ["/etc/passwd", "/opt/dir"]' \
	'wc -c </etc/passwd; ls /opt/dir' 0
probe linux.sysctl '.linux.sysctl = {"kernel.shm_rmid_forced": "1"}' \
	'cat /proc/sys/kernel/shm_rmid_forced' 1
probe linux.resources.memory.limit '.linux.resources.memory.limit = 134217728' \
	'cat /sys/fs/cgroup/memory.max' 134217728
probe linux.resources.memory.reservation '.linux.resources.memory.reservation = 67108864' \
	'cat /sys/fs/cgroup/memory.low' 67108864
probe linux.resources.memory.swap '.linux.resources.memory.swap = 167772160' \
	'cat /sys/fs/cgroup/memory.swap.max' 33554432
probe linux.resources.cpu.shares '.linux.resources.cpu.shares = 512' \
	'cat /sys/fs/cgroup/cpu.weight' 20
probe "linux.resources.cpu.quota linux.resources.cpu.period" \
	'.linux.resources.cpu |= (.quota = 350000 | .period = 200000)' \
	'cat /sys/fs/cgroup/cpu.max' '350000 200000'
probe linux.resources.cpu.burst '.linux.resources.cpu.burst = 10000' \
	'cat /sys/fs/cgroup/cpu.max.burst' 10000
probe linux.resources.pids.limit '.linux.resources.pids.limit = 77' \
	'cat /sys/fs/cgroup/pids.max' 77
probe "linux.resources.hugepageLimits[].pageSize linux.resources.hugepageLimits[].limit" \
	'.linux.resources.hugepageLimits = [{pageSize: "2MB", limit: 4194304}]' \
	'cat /sys/fs/cgroup/hugetlb.2MB.max' 4194304
probe linux.resources.unified '.linux.resources.unified = {"memory.high": "104857600"}' \
	'cat /sys/fs/cgroup/memory.high' 104857600
probe root.path '.root.path = "tree"' 'cat /which' tree
state_of_it='state' # what the host has of it is looked at below
probe annotations '.annotations = {"org.example.field": "kept"}' "$state_of_it" .
probe linux.cgroupsPath ".linux.cgroupsPath = \"/vmrun-e2e-$$/fields\"" "$state_of_it" .

### Root: devices, mounts, seccomp, in a machine of a certain shape.
calls='["accept", "access", "arch_prctl", "brk", "chdir", "clone", "clone3", "close", "dup", "dup2",
	"dup3", "execve", "exit", "exit_group", "faccessat", "faccessat2", "fcntl", "fork", "fstat", "futex",
	"getcwd", "getdents64", "getegid", "geteuid", "getgid", "getpgrp", "getpid", "getppid",
	"getpriority", "getrandom", "getrlimit", "gettid", "getuid", "ioctl", "lseek", "lstat", "madvise",
	"mmap", "mprotect", "mremap", "munmap", "newfstatat", "open", "openat", "pipe", "pipe2", "poll",
	"prctl", "pread64", "prlimit64", "read", "readlink", "readlinkat", "readv", "rseq", "rt_sigaction",
	"rt_sigprocmask", "rt_sigreturn", "sched_getaffinity", "sched_setaffinity", "sendfile",
	"set_robust_list", "set_tid_address", "setpgid", "sigaltstack", "stat", "statx", "sysinfo", "syslog",
	"umask", "uname", "utimensat", "utime", "vfork", "wait4", "write", "writev"]'
rights='["CAP_SYSLOG"]'
group ".linux.seccomp = {defaultAction: \"SCMP_ACT_ALLOW\"} |
	.process.capabilities |= (.bounding = $rights | .permitted = $rights | .effective = $rights) |
	.linux.readonlyPaths = []"
probe "linux.seccomp.defaultAction linux.seccomp.defaultErrnoRet" \
	'.linux.seccomp |= (.defaultAction = "SCMP_ACT_ERRNO" | .defaultErrnoRet = 71)' \
	'mkdir /tmp/no; echo' ".*: Protocol error ?"
probe "linux.seccomp.syscalls[].names linux.seccomp.syscalls[].action" \
	".linux.seccomp.syscalls = [{names: $calls, action: \"SCMP_ACT_ALLOW\"}]" \
	'echo opened >/tmp/yes && cat /tmp/yes; rmdir /tmp/no' "opened .*: Protocol error"
probe linux.seccomp.syscalls[].errnoRet \
	'.linux.seccomp.syscalls += [{names: ["chmod", "fchmodat", "fchmodat2"], action: "SCMP_ACT_ERRNO",
		errnoRet: 22}]' \
	'chmod 600 /tmp/yes' '.*: Invalid argument'
probe "linux.seccomp.syscalls[].args[].index linux.seccomp.syscalls[].args[].value
	linux.seccomp.syscalls[].args[].valueTwo linux.seccomp.syscalls[].args[].op" \
	'.linux.seccomp.syscalls += [{names: ["setpriority"], action: "SCMP_ACT_ALLOW",
		args: [{index: 2, value: 255, valueTwo: 5, op: "SCMP_CMP_MASKED_EQ"}]}]' \
	'renice -n 5 -p $$ && echo five; renice -n 1 -p $$' 'five .*: Protocol error'
# A program of 32 bits that exits with 42: killed unless its architecture is named.
probe linux.seccomp.architectures \
	'.linux.seccomp.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]' '/opt/bits32; echo $?' 42
# What is denied is in the kernel's log.
probe linux.seccomp.flags '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_LOG"]' \
	'dmesg | grep -c "type=1326.*syscall=84" | head -c 1' '[1-9]'
probe root.readonly '.root.readonly = true' 'echo >/new' '.*: Read-only file system'
probe linux.rootfsPropagation '.linux.rootfsPropagation = "shared"' \
	'awk "\$5 == \"/\" {print \$7}" /proc/self/mountinfo' 'shared:[0-9]+'
probe linux.readonlyPaths '.linux.readonlyPaths = ["/opt/volume/in"]' \
	'echo >/opt/volume/in/x' '.*: Read-only file system'
probe "mounts[].destination mounts[].type mounts[].source mounts[].options" \
	".mounts += [
		{destination: \"/tmp\", type: \"tmpfs\", source: \"field\", options: [\"noexec\", \"size=64k\", \"mode=0751\"]},
		{destination: \"/opt/volume\", type: \"bind\", source: \"$work/volume\", options: [\"bind\"]},
		{destination: \"/opt/ro\", type: \"bind\", source: \"$work/volume\", options: [\"bind\", \"ro\"]}]" \
	'grep " /tmp " /proc/mounts; cat /opt/ro/file; echo >/opt/volume/new; echo >/opt/ro/new' \
	'field /tmp tmpfs rw,.*noexec.*size=64k,mode=751.* of the host .*: Read-only file system'
node='stat -c "%F %t:%T %a %u:%g"'
probe "linux.devices[].path linux.devices[].type linux.devices[].major linux.devices[].minor
	linux.devices[].fileMode linux.devices[].uid linux.devices[].gid" \
	'.linux.devices = [
		{path: "/dev/field/null", type: "c", major: 1, minor: 3, fileMode: 416, uid: 7, gid: 8},
		{path: "/dev/field/kmsg", type: "c", major: 1, minor: 11},
		{path: "/dev/field/minor", type: "c", major: 1, minor: 12},
		{path: "/dev/field/major", type: "c", major: 2, minor: 11},
		{path: "/dev/field/block", type: "b", major: 1, minor: 11}]' \
	"$node /dev/field/null; $node /dev/field/block" \
	'character special file 1:3 640 7:8 block special file 1:b 666 0:0'
# Of all that a rule leaves out it would allow more: what has no driver would be another error.
probe "linux.resources.devices[].allow linux.resources.devices[].type linux.resources.devices[].major
	linux.resources.devices[].minor linux.resources.devices[].access" \
	'.linux.resources.devices += [{allow: true, type: "c", major: 1, minor: 11, access: "w"}]' \
	'cd /dev/field; echo field >kmsg && echo written
	dd if=kmsg count=0 2>&1 | grep -o "[^:]*$"
	for d in minor major block; do echo 2>&1 >$d; done 2>&1 | grep -o "[^:]*$"' \
	'written( +Operation not permitted){4}'
probe vm.hwConfig.vcpus '.vm.hwConfig.vcpus = 3' nproc 3
probe vm.hwConfig.memory '.vm.hwConfig.memory = 402653184' \
	'awk "/MemTotal/ {print (\$2 > 300000) ? \"more\" : \"less\"}" /proc/meminfo' more

### A user namespace, at a terminal.
# (a network namespace that is not the user namespace's own shows it no sysfs)
group '.mounts |= map(select(.type != "sysfs"))'
probe "linux.uidMappings[].containerID linux.uidMappings[].hostID linux.uidMappings[].size" \
	'.linux.namespaces += [{type: "user"}] |
	.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 5}, {containerID: 9, hostID: 7, size: 1}]' \
	'tr -s " " </proc/self/uid_map' '0 100000 5 9 7 1'
probe "linux.gidMappings[].containerID linux.gidMappings[].hostID linux.gidMappings[].size" \
	'.linux.gidMappings = [{containerID: 0, hostID: 200000, size: 6}, {containerID: 8, hostID: 9, size: 2}]' \
	'tr -s " " </proc/self/gid_map' '0 200000 6 8 9 2'
probe "process.consoleSize.height process.consoleSize.width" \
	'.process.terminal = true | .process.consoleSize = {height: 33, width: 101}' \
	'stty size' '33 101'
probe linux.resources.cpu.idle '.linux.resources.cpu.idle = 1' 'cat /sys/fs/cgroup/cpu.idle' 1

# One script makes the probes of a group.
bundle b sh /probes
mkdir -p "$work/volume/in" "$work/b/rootfs/opt/"{dir,locked}
touch "$work/b/rootfs/opt/dir/file"
echo of the host >"$work/volume/file"
cp "$work/b/rootfs/bin/busybox" "$work/b/rootfs/opt/locked/sh"
chmod 700 "$work/b/rootfs/opt/locked/sh"
chmod 755 "$work/b/rootfs" "$work/b/rootfs/opt" "$work/b/rootfs/opt/locked"
# ELF header, program header; mov eax, 1; mov ebx, 42; int 0x80.
printf '%b' '\177ELF\001\001\001\000\000\000\000\000\000\000\000\000\002\000\003\000\001\000\000\000\124\200\004\010' \
	'\064\000\000\000\000\000\000\000\000\000\000\000\064\000\040\000\001\000\050\000\000\000\000\000' \
	'\001\000\000\000\000\000\000\000\000\200\004\010\000\200\004\010' \
	'\140\000\000\000\140\000\000\000\005\000\000\000\000\020\000\000' '\270\001\000\000\000\273\052\000\000\000\315\200' >"$work/b/rootfs/opt/bits32"
chmod 755 "$work/b/rootfs/opt/bits32"
cp -a "$work/b/rootfs" "$work/b/tree"
echo tree >"$work/b/tree/which"
echo rootfs >"$work/b/rootfs/which"
cp "$work/b/config.json" "$work/plain.json"

script_of() { # GROUP
	local i
	for i in "${!p_group[@]}"; do
		((p_group[i] == $1)) || continue
		printf 'echo; echo "@@%d"\n{ %s\n} 2>&1\n' "$i" "${p_command[i]}"
	done
	echo 'echo; echo "@@end"'
}

# results: those of the probes of the container that ran last, by their numbers.
declare -A results
read_results() {
	local i='' line
	results=()
	while read -r line; do
		case $line in
		@@*) i=${line#@@} ;;
		?*) [[ ! $i ]] || results[$i]+="${results[$i]:+ }$line" ;;
		esac
	done < <(tr -d '\r' <"$out")
	[[ $i == end ]] || fail "the probes did not run to their end: status $status"
}

matches() { [[ ${results[$1]:-} =~ ^(${p_wanted[$1]})$ ]]; }

# What only the host can tell of a container, appended to its output.
host_results() {
	local i
	for i in "${!p_command[@]}"; do
		[[ ${p_command[i]} == "$state_of_it" ]] || continue
		case ${p_paths[i]} in
		annotations) results[$i]=$(vm state "$1" | jq -r '.annotations["org.example.field"] // empty') ;;
		linux.cgroupsPath) results[$i]=$(find /sys/fs/cgroup -type d -path "*/vmrun-e2e-$$/fields" | head -n 1) ;;
		esac
		[[ ${results[$i]} ]] && results[$i]=. || results[$i]=''
	done
}

receive_console() { # SOCKET: prints what comes from the terminal that is sent there
	python3 - "$1" <<'P'
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen(1)
c, _ = s.accept()
_, anc, _, _ = c.recvmsg(4096, socket.CMSG_SPACE(4))
fd = array.array("i", anc[0][2][:4])[0]
try:
    while (b := os.read(fd, 4096)):
        os.write(1, b)
except OSError:
    pass
P
}

run_probes() { # ID
	local receiver=''
	if jq -e .process.terminal "$work/b/config.json" >/dev/null; then
		receive_console "$work/$1.sock" >"$work/$1.out" &
		receiver=$!
		wait_for 20 test -S "$work/$1.sock"
		run vm create --bundle "$work/b" --console-socket "$work/$1.sock" "$1"
		((status != 0)) || run vm start "$1"
		((status == 0)) && wait $receiver
		cat "$work/$1.out" >>"$out"
	else
		run vm run --keep --bundle "$work/b" "$1"
	fi
	read_results
	host_results "$1"
	vm delete --force "$1"
}

for g in "${!groups[@]}"; do
	script_of "$g" >"$work/b/rootfs/probes"
	cp "$work/b/rootfs/probes" "$work/b/tree/probes"
	jq "${groups[g]}" "$work/plain.json" >"$work/b/config.json"
	run_probes "without$g"
	for i in "${!p_group[@]}"; do
		((p_group[i] == g)) && matches "$i" && fail "the probe of ${p_paths[i]} proves nothing"
	done
	jq "${groups[g]} | ${filters[g]}" "$work/plain.json" >"$work/b/config.json"
	run_probes "with$g"
	for i in "${!p_group[@]}"; do
		((p_group[i] == g)) || continue
		if matches "$i"; then
			pass "${p_paths[i]//$'\n\t'/ }"
		else
			fail "${p_paths[i]}: got \"${results[$i]:-}\", wanted \"${p_wanted[i]}\""
		fi
	done
done

# The version decides before anything else is read: ociVersion.
config "$work/b" '.ociVersion = "2.0.0"'
fails ociVersion 'ociVersion: version 2.0.0 is not supported' vm run "$work/b"

# No row claims more than this shows, and nothing is shown that no row claims.
vm explain --table --format json >"$work/table"
claimed=$(jq -r '.[] | select(.case == "every-field-does-what-its-row-says").property' "$work/table" | sort)
shown=$(printf '%s\n' ociVersion "${p_paths[@]}" | tr -s ' \t' '\n' | sort -u)
if [[ $claimed == "$shown" ]]; then
	pass "every row that claims an effect has a probe"
else
	fail "rows and probes differ"
	diff <(echo "$claimed") <(echo "$shown") | sed 's/^/    /' || :
fi
