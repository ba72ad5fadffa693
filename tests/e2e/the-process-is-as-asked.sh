#!/bin/bash
# What config.json says about a process holds in the guest: scheduler, I/O priority, CPUs, memory
# policy, clocks, limits, ids, capabilities; for the first process and for those of exec.
. "$(dirname "$0")/lib.sh"
inside=$(dirname "$VMRUN")/tests/e2e/bin/inside

bundle b sh -c 'inside scheduling; inside memory; inside clocks; uname -m; umask
	cat /proc/self/status /proc/self/limits /proc/self/oom_score_adj; touch /tmp/told; exec sleep 1000'
cp "$inside" "$work/b/rootfs/bin/"
config "$work/b" '.process.scheduler = {policy: "SCHED_RR", priority: 7}
	| .process.ioPriority = {class: "IOPRIO_CLASS_IDLE", priority: 4}
	| .process.execCPUAffinity = {initial: "1", final: "0"}
	| .process.user = {uid: 1000, gid: 1001, additionalGids: [5, 77], umask: 54}
	| .process.oomScoreAdj = 321
	| .process.noNewPrivileges = true
	| .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 512, hard: 600},
		{type: "RLIMIT_CORE", soft: 0, hard: 1048576},
		{type: "RLIMIT_RTPRIO", soft: 3, hard: 4}]
	| .process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN", "CAP_NET_RAW"],
		permitted: ["CAP_KILL", "CAP_CHOWN"], effective: ["CAP_KILL"],
		inheritable: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"]}
	| .linux.namespaces += [{type: "time"}]
	| .linux.timeOffsets = {monotonic: {secs: 100000}, boottime: {secs: 200000, nanosecs: 5}}
	| .linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}
	| .linux.personality = {domain: "LINUX32"}
	| .vm.hwConfig.vcpus = 2'
vm run -d "$work/b" c >"$work/told" 2>"$err" </dev/null || fail "it runs"
in_c() { vm exec c "$@"; }
ok "the container runs" wait_for 30 in_c test -e /tmp/told
told=$(<"$work/told")
has() { like "$1" "$told" "$2"; }

has "scheduler" $'policy=2 nice=0 priority=7 flags=0 '
has "I/O priority" ' io=3:4 '
has "execCPUAffinity is not the first process's" 'cpus=0,1,'
has "memory policy" 'mode=32770 nodes=1'
has "clocks" $'\n1000[0-9]{2} 2000[0-9]{2}\n'
has "personality" $'\ni686\n'
has "umask" $'\n0066\n'
has "user" $'Uid:\t1000\t1000\t1000\t1000\nGid:\t1001\t1001\t1001\t1001'
has "additional groups" $'Groups:\t5 77 \n'
has "inheritable capabilities" $'CapInh:\t0000000000000001'
has "permitted capabilities: a program of a user has the ambient ones" $'CapPrm:\t0000000000000001'
has "effective capabilities" $'CapEff:\t0000000000000001'
has "bounding capabilities" $'CapBnd:\t0000000000002021'
has "ambient capabilities" $'CapAmb:\t0000000000000001'
has "noNewPrivileges" $'NoNewPrivs:\t1'
has "RLIMIT_NOFILE" 'Max open files +512 +600 '
has "RLIMIT_CORE" 'Max core file size +0 +1048576 '
has "RLIMIT_RTPRIO" 'Max realtime priority +3 +4 '
has "oomScoreAdj" $'\n321$'

echo "# exec with the container's own process"
told=$(in_c sh -c 'inside scheduling; inside memory; inside clocks; uname -m; umask
	cat /proc/self/status /proc/self/limits /proc/self/oom_score_adj')
has "scheduler" 'policy=2 nice=0 priority=7 '
has "I/O priority" ' io=3:4 '
has "the final CPUs" 'cpus=0,'$'\n'
has "memory policy" 'mode=32770 nodes=1'
has "clocks" $'\n1000[0-9]{2} 2000[0-9]{2}\n'
has "personality" $'\ni686\n'
has "umask" $'\n0066\n'
has "additional groups" $'Groups:\t5 77 \n'
has "bounding capabilities" $'CapBnd:\t0000000000002021'
has "oomScoreAdj" $'\n321$'

echo "# exec with a process file"
exec_file() {
	jq -n "{args: [\"inside\", \"scheduling\"], cwd: \"/\", env: [\"PATH=/bin\"]} + $1" >"$work/p.json"
	vm exec --process "$work/p.json" c
}
told=$(exec_file '{scheduler: {policy: "SCHED_BATCH", nice: 9},
	ioPriority: {class: "IOPRIO_CLASS_BE", priority: 6}, execCPUAffinity: {final: "1,700"}}')
has "its own scheduler" 'policy=3 nice=9 '
has "its own I/O priority" ' io=2:6 '
has "its own CPUs, of those that the guest has" 'cpus=1,$'
told=$(exec_file '{scheduler: {policy: "SCHED_DEADLINE", runtime: 1000000, deadline: 20000000,
	period: 40000000, flags: ["SCHED_FLAG_RECLAIM"]}, execCPUAffinity: {}}')
has "a deadline" 'policy=6 .*flags=2 runtime=1000000 deadline=20000000 period=40000000'
fails "CPUs that the guest does not have" 'execCPUAffinity.final: the guest has none of these' \
	exec_file '{execCPUAffinity: {final: "700"}}'
fails "nor at first" 'execCPUAffinity.initial: the guest has none of these' \
	exec_file '{execCPUAffinity: {initial: "700"}}'
is "afterwards all CPUs are there again" "$(exec_file '{execCPUAffinity: {}}' | sed 's/.* //')" 'cpus=0,1,'

echo "# what cannot be had is refused, by name"
refused() {
	cp "$work/b/config.json" "$work/config"
	config "$work/b" "$3"
	fails "$1" "$2" vm create --bundle "$work/b" refused
	cp "$work/config" "$work/b/config.json"
}
refused "a scheduler" 'process\.scheduler: ' '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 5}'
refused "memory nodes" 'linux\.memoryPolicy: ' '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "9"}'
refused "clocks before the guest's boot" 'linux\.timeOffsets\.monotonic: ' '.linux.timeOffsets.monotonic.secs = -100000'
