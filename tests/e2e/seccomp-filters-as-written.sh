#!/bin/bash
# linux.seccomp: each action, its errno, conditions on arguments, architectures and flags.
. "$(dirname "$0")/lib.sh"
syscalls=$(dirname "$VMRUN")/tests/e2e/bin/syscalls
[[ -x $syscalls ]] || skip "tests/e2e/bin/syscalls is not built (sanitizers)"

# What the filter says something special about, in place of "allowed". Nothing else calls these.
cat >"$work/rules" <<'END'
[
	{"names": ["swapoff"], "action": "SCMP_ACT_ERRNO"},
	{"names": ["swapon", "no_such_system_call"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99},
	{"names": ["quotactl"], "action": "SCMP_ACT_KILL_PROCESS"},
	{"names": ["lookup_dcookie"], "action": "SCMP_ACT_KILL_THREAD"},
	{"names": ["nfsservctl"], "action": "SCMP_ACT_KILL"},
	{"names": ["uselib"], "action": "SCMP_ACT_TRAP"},
	{"names": ["sysfs"], "action": "SCMP_ACT_TRACE", "errnoRet": 7},
	{"names": ["ustat"], "action": "SCMP_ACT_LOG"},
	{"names": ["getsid"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}]},
	{"names": ["sched_getscheduler"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 5, "op": "SCMP_CMP_NE"}]},
	{"names": ["sched_get_priority_max"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_LT"}]},
	{"names": ["sched_get_priority_min"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_LE"}]},
	{"names": ["sched_rr_get_interval"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_GT"}]},
	{"names": ["ioprio_get"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 2, "op": "SCMP_CMP_GE"}]},
	{"names": ["sched_getparam"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": 65280, "valueTwo": 2048, "op": "SCMP_CMP_MASKED_EQ"}]},
	{"names": ["getpriority"], "action": "SCMP_ACT_ALLOW", "args": [
		{"index": 0, "value": 0, "op": "SCMP_CMP_EQ"}, {"index": 1, "value": 0, "op": "SCMP_CMP_EQ"}]},
	{"names": ["mincore"], "action": "SCMP_ACT_ALLOW", "args": [
		{"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}, {"index": 0, "value": 3, "op": "SCMP_CMP_EQ"}]}
]
END
# All others are allowed, but for acct: the default action says ENOSYS.
"$syscalls" names | jq -nR --slurpfile rules "$work/rules" '
	[inputs] - ["acct"] - [$rules[0][].names[]] | [{names: ., action: "SCMP_ACT_ALLOW"}] + $rules[0]' \
	>"$work/syscalls.json"

# filtered NAME FILTER ARGS...: a bundle with the filter, in $dir.
filtered() {
	local filter=$2
	dir=$work/$1
	bundle "$1" "${@:3}"
	cp "$syscalls" "$dir/rootfs/bin/syscalls"
	config "$dir" '.linux.seccomp = {defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38,
		syscalls: $syscalls[0]} | .process.capabilities |= map_values(. + ["CAP_SYSLOG"])' \
		--slurpfile syscalls "$work/syscalls.json"
	config "$dir" "$filter"
}

# says WHAT LINE: the container has printed it.
says() { ok "$1 ($2)" grep -qxF -- "$2" "$out"; }

filtered all '.process.noNewPrivileges = true
	| .linux.seccomp.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"]
	| .linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"]
	| .hooks.startContainer = [{path: "/bin/sh", args: ["sh", "-c", "syscalls try acct >/hook.out"]}]' \
	sh -c '
	t() { syscalls try "$@" | sed "s/^[^:]*/$*/"; }
	grep Seccomp: /proc/self/status
	sed "s/^/hook: /" /hook.out
	# Those whose log is looked at first: the kernel prints ten such lines in a row.
	for name in ustat swapon lookup_dcookie acct swapoff quotactl nfsservctl uselib sysfs; do t $name; done
	syscalls trace sysfs
	t getsid 0; t getsid 0x100000000; t getsid 7
	t sched_getscheduler 0; t sched_getscheduler 5
	t sched_get_priority_max 1; t sched_get_priority_max 2
	t sched_get_priority_min 2; t sched_get_priority_min 3
	t sched_rr_get_interval 99; t sched_rr_get_interval 2
	t ioprio_get 2; t ioprio_get 1
	t sched_getparam 0x7f0899; t sched_getparam 0x7f0999
	t getpriority 0 0; t getpriority 0 1
	t mincore 3; t mincore 2
	syscalls i386 getpid; syscalls i386 acct
	echo log:; dmesg | grep "type=1326" || :'
run vm run "$dir" all </dev/null
is "a process under the filter" "$status" 0
says "a filter is in force" $'Seccomp:\t2'
says "the default action has its errno" "acct: errno 38"
says "startContainer hooks are under it, too" "hook: acct: errno 38"
says "SCMP_ACT_ERRNO without one is EPERM" "swapoff: errno 1"
says "SCMP_ACT_ERRNO with one" "swapon: errno 99"
says "SCMP_ACT_KILL_PROCESS kills all threads" "quotactl: process killed by signal 31"
says "SCMP_ACT_KILL_THREAD kills one" "lookup_dcookie: thread killed"
says "SCMP_ACT_KILL is the same" "nfsservctl: thread killed"
says "SCMP_ACT_TRAP is a signal" "uselib: trapped"
says "SCMP_ACT_TRACE without a tracer" "sysfs: errno 38"
says "SCMP_ACT_TRACE with one" "sysfs: traced, data 7"
says "SCMP_ACT_LOG lets it through" "ustat: errno 22"
for line in "getsid 0: done" "getsid 0x100000000: errno 38" "getsid 7: errno 38" \
	"sched_getscheduler 0: done" "sched_getscheduler 5: errno 38" \
	"sched_get_priority_max 1: done" "sched_get_priority_max 2: errno 38" \
	"sched_get_priority_min 2: done" "sched_get_priority_min 3: errno 38" \
	"sched_rr_get_interval 99: errno 3" "sched_rr_get_interval 2: errno 38" \
	"ioprio_get 2: done" "ioprio_get 1: errno 38" \
	"sched_getparam 0x7f0899: errno 22" "sched_getparam 0x7f0999: errno 38"; do
	says "a condition" "$line"
done
says "two arguments: both conditions hold" "getpriority 0 0: done"
says "two arguments: one does not" "getpriority 0 1: errno 38"
says "one argument twice: either condition" "mincore 3: errno 22"
says "one argument twice: neither" "mincore 2: errno 38"
says "a second architecture is let in" "getpid: done"
says "and filtered" "acct: errno 38"
like "SCMP_ACT_LOG is in the kernel's log" "$(grep ' syscall=136 ' "$out")" "comm=\"syscalls\" .* code=0x7ffc0000"
like "with the LOG flag the others are, too" "$(grep ' syscall=167 ' "$out")" "code=0x50000"
like "a killed thread is" "$(grep ' syscall=212 ' "$out")" "sig=31 .* code=0x0"

# Without no_new_privs, with one architecture, no flags; for an exec as for the container.
filtered plain '.process.noNewPrivileges = false | .linux.seccomp.architectures = ["SCMP_ARCH_X86_64"]
	| .linux.seccomp.flags = []' sleep 1000
ok "create and start" vm run -d "$dir" plain </dev/null
run vm exec plain sh -c 'grep -E "NoNewPrivs|Seccomp:" /proc/self/status
	syscalls try acct; syscalls try swapon; syscalls i386 getpid
	echo log:; dmesg | grep "type=1326" || :' </dev/null
says "an exec is under the filter" $'Seccomp:\t2'
says "without no_new_privs" $'NoNewPrivs:\t0'
says "the default action" "acct: errno 38"
says "a rule" "swapon: errno 99"
says "an architecture that is not listed is no way around it" "getpid: thread killed"
is "without the LOG flag errors are not logged" "$(grep -c 'code=0x50' "$out")" 0
vm delete --force plain

# refused WHAT FILTER PATTERN
refused() {
	filtered refused "$2" true
	fails "$1" "$3" vm create --bundle "$dir" refused
	rm -rf "$dir"
}
refused "an errno where there is none" '.linux.seccomp.syscalls[0].errnoRet = 1' \
	'linux\.seccomp\.syscalls\[0\]\.errnoRet: SCMP_ACT_ALLOW takes none$'
refused "a default errno where there is none" '.linux.seccomp.defaultAction = "SCMP_ACT_KILL"' \
	'linux\.seccomp\.defaultErrnoRet: SCMP_ACT_KILL takes none$'
refused "an unknown action" '.linux.seccomp.syscalls[1].action = "SCMP_ACT_MAYBE"' \
	'linux\.seccomp\.syscalls\[1\]\.action: .*SCMP_ACT_MAYBE'
refused "an unknown operator" '.linux.seccomp.syscalls[9].args[0].op = "SCMP_CMP_MAYBE"' \
	'linux\.seccomp\.syscalls\[9\]\.args\[0\]\.op: .*SCMP_CMP_MAYBE'
refused "a seventh argument" '.linux.seccomp.syscalls[9].args[0].index = 6' \
	'linux\.seccomp\.syscalls\[9\]\.args\[0\]\.index: '
refused "an unknown architecture" '.linux.seccomp.architectures = ["SCMP_ARCH_Z80"]' \
	'linux\.seccomp\.architectures\[0\]: .*SCMP_ARCH_Z80'
refused "an unknown flag" '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_MAYBE"]' \
	'linux\.seccomp\.flags\[0\]: .*SECCOMP_FILTER_FLAG_MAYBE'
# It is about listeners, and the kernel refuses it without one.
refused "a flag of listeners" '.linux.seccomp.flags = ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]' \
	'linux\.seccomp\.flags\[0\]: .*SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV'
refused "a listener without a path" '.linux.seccomp.syscalls[1].action = "SCMP_ACT_NOTIFY"' \
	'linux\.seccomp\.listenerPath: missing, SCMP_ACT_NOTIFY needs it'
