#!/bin/bash
# A process that the guest's kernel kills for lack of memory shows where callers look for it: runc's
# events, the exit record, state, and the container's cgroup on the host.
. "$(dirname "$0")/lib.sh"
before=$(host_state)

bundle hungry sh -c 'until [ -e /go ]; do sleep 0.1; done; tail /dev/zero; echo "tail: $?"; until [ -e /end ]; do sleep 0.1; done; exit 7'
config "$work/hungry" '.linux.resources.memory = {limit: 67108864, swap: 67108864}'
vm run -d --pid-file "$work/pid" "$work/hungry" hungry >"$work/log" 2>&1 </dev/null
pid=$(cat "$work/pid")

# Where the memory controller counts: cgroup v2's only hierarchy, or v1's for memory.
cgroup=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup") counter=memory.events
if [[ $(stat -fc %T /sys/fs/cgroup) != cgroup2fs ]]; then
	cgroup=/sys/fs/cgroup/memory$(sed -n 's/^[0-9]*:memory://p' "/proc/$pid/cgroup") counter=memory.oom_control
fi
kills() { awk '$1 == "oom_kill" {print $2}' "$cgroup/$counter"; }
killed() { (($(kills) > 0)); }

vm events --interval 1h hungry >"$work/events" 2>&1 &
events=$!
is "nothing was killed yet" "$(vm state hungry | jq .oomKilled)" false
touch "$work/hungry/rootfs/go"
seen() { grep -q . "$work/events"; }
ok "events tells of the OOM kill" wait_for 60 seen
is "as runc does" "$(head -1 "$work/events")" '{"type":"oom","id":"hungry"}'
known() { [[ $(vm state hungry | jq .oomKilled) == true ]]; }
ok "state has it while the container lives on" wait_for 20 known
if [[ -e $cgroup/$counter ]]; then
	ok "the container's cgroup on the host counts it ($counter)" wait_for 20 killed
	[[ ! -e $cgroup/memory.events.local ]] ||
		is "as its own" "$(awk '$1 == "oom_kill" {print $2}' "$cgroup/memory.events.local")" "$(kills)"
	is "the proxy and the monitor live" "$(status_of hungry) $(monitors | wc -l)" 'running 1'
	little() { find "$(dirname "$cgroup")" -maxdepth 1 -name 'hungry.vmrun-oom'; }
	gone() { [[ -z $(little) ]]; }
	ok "the cgroup that was made for it is gone" wait_for 20 gone
else
	echo "  skipped - no memory controller for containers here"
fi
touch "$work/hungry/rootfs/end"
stopped() { has_status hungry stopped; }
ok "it ends as it likes" wait_for 30 stopped
wait $events
is "events ends with the container, with success" "$?" 0
is "why has status and OOM" "$(vm why -f json hungry | jq -c '[.exitStatus, .oomKilled, .death]')" '[7,true,null]'
is "the program saw a SIGKILL" "$(grep '^tail: ' "$work/log")" 'tail: 137'
vm delete hungry

# The container's own program is the victim: before run returns, the host has counted.
bundle victim tail /dev/zero
config "$work/victim" '.linux.resources.memory = {limit: 67108864, swap: 67108864}'
run vm run --keep "$work/victim" victim
is "a program that eats its memory" "$status" 137
is "its record says so" "$(vm why -f json victim | jq -c '[.exitStatus, .oomKilled]')" '[137,true]'
cgroup=$(dirname "$cgroup")/victim
[[ ! -e $cgroup/$counter ]] || is "it is counted when the status is there" "$(kills)" 1
vm delete victim
same_state "nothing is left" "$before"
