#!/bin/bash
# Whatever ends the virtual machine under a container: status 137, and "why" names the cause.
. "$(dirname "$0")/lib.sh"
before=$(host_state)

# sleeper NAME [ARGS...]: a container that runs until it is ended.
sleeper() {
	local name=$1
	shift
	bundle "$name" "${@:-sleep}" 100000
	run vm run -d --pid-file "$work/$name.pid" "$work/$name" "$name" </dev/null
	is "container $name runs" "$status" 0
}
stopped() { has_status "$1" stopped; }
field() { vm why --format json "$1" | jq -r "$2"; }

bundle well sh -c 'exit 3'
run vm run --keep "$work/well" well
is "a container that ends well has its status" "$status $(field well .exitStatus)" '3 3'
like "why tells when" "$(vm why well)" 'ended at 20[0-9-]+T[0-9:.]+Z with status 3'
is "and that there was no death" "$(field well .death)" null
vm delete well
fails "why of a deleted one" 'does not exist' vm why well

# A panic, asked for by who may, of any kernel: by using up all memory. The console's last lines are in
# the record.
bundle panic sh -c 'echo 2 >/proc/sys/vm/panic_on_oom; tail /dev/zero; sleep 100000'
config "$work/panic" '.linux.readonlyPaths = [] | .linux.maskedPaths = [] | .mounts |= map(if .destination == "/proc" then .options = [] else . end)'
run vm run --keep "$work/panic" panic
is "run of a container whose guest panics" "$status" 137
is "its cause" "$(field panic '.death.cause + " " + .death.phase')" 'guest-panic running'
like "the log's tail has the panic" "$(vm why panic)" 'Kernel panic'
is "the record is bounded, without control characters" \
	"$(field panic '(.death.log | length <= 40) and ([.death.log[] | test("[\\x00-\\x1f\\x7f-\\x9f]")] | any | not)')" true
is "the monitor's status is known" "$(field panic .death.monitor.exitStatus)" 4
is "state says stopped, pid 0" "$(vm state panic | jq -r '.status + " " + (.pid | tostring)')" 'stopped 0'
vm delete panic

sleeper killed
is "why of one that runs" "$(vm why killed | head -1)" 'container "killed" is running, and has not ended'
monitors | xargs kill -9
ok "its monitor is killed: it stops" wait_for 20 stopped killed
is "the cause" "$(field killed '.death.cause + " " + (.exitStatus | tostring)')" 'monitor-killed 137'
like "the text says what to do" "$(vm why killed)" 'what to do: .+'
fails "events of a stopped container" 'is not running' vm events killed
vm delete killed

if [[ $(monitor_here) != kvm ]]; then
	sleeper emulator
	emulators | xargs kill -9
	ok "QEMU is killed: it stops" wait_for 20 stopped emulator
	is "the cause" "$(field emulator '.death.cause + " " + (.exitStatus | tostring)')" 'emulator-died 137'
	like "QEMU's signal is in the log" "$(vm why emulator)" 'ended by signal 9'
	vm delete emulator
fi

# The host's kernel kills the machine for lack of memory: told apart from another SIGKILL.
if [[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs ]]; then
	sleeper starved
	echo 12M >"/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(cat "$work/starved.pid")/cgroup")/memory.max" || :
	ok "no memory for it on the host: it stops" wait_for 60 stopped starved
	like "the cause" "$(field starved .death.cause)" '^(monitor-oom-killed|anchor-killed)$'
	vm delete starved
fi

sleeper anchor
kill -9 "$(cat "$work/anchor.pid")"
ok "its proxy is killed: it stops" wait_for 20 stopped anchor
is "the cause" "$(field anchor '.death.cause + " " + (.exitStatus | tostring)')" 'anchor-killed 137'
vm delete anchor
same_state "nothing is left" "$before"
