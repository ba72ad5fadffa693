#!/bin/bash
# "events" in runc's JSON, with the numbers of the container's cgroup in its guest.
. "$(dirname "$0")/lib.sh"
before=$(host_state)

bundle busy sh -c 'sleep 100000 & until [ -e /end ]; do :; done'
config "$work/busy" '.linux.resources = {memory: {limit: 100663296}, pids: {limit: 42}, cpu: {quota: 50000, period: 100000}}'
vm run -d "$work/busy" busy >/dev/null 2>&1 </dev/null
two() { [[ $(vm events --stats busy | jq .data.pids.current) == 2 ]]; }
ok "both processes are counted" wait_for 30 two
run vm events --stats busy
is "events --stats is one line" "$status $(wc -l <"$out")" '0 1'
cp "$out" "$work/first"
get() { jq "$1" "$work/first"; }
is "its frame" "$(get '[.type, .id]' | jq -c .)" '["stats","busy"]'
is "the fields of data" "$(get '.data | keys_unsorted' | jq -c .)" \
	'["cpu","cpuset","memory","pids","blkio","hugetlb","intel_rdt","network_interfaces"]'
is "limits" "$(get '[.data.memory.usage.limit, .data.pids.limit]' | jq -c .)" '[100663296,42]'
is "usage" "$(get '.data | .memory.usage.usage > 0 and .memory.usage.usage < .memory.usage.limit
	and .cpu.usage.total > 0 and .memory.raw.anon > 0 and .memory.cache == .memory.raw.file')" true
later() { (($(vm events --stats busy | jq .data.cpu.usage.total) > $(get .data.cpu.usage.total) + 200000000)); }
ok "CPU time grows" wait_for 30 later
throttled() { (($(vm events --stats busy | jq ".data.cpu.throttling.throttledPeriods // 0") > 0)); }
ok "and is throttled" wait_for 30 throttled

vm events --interval 200ms busy >"$work/events" &
events=$!
three() { (($(wc -l <"$work/events") >= 3)); }
ok "a line every interval" wait_for 30 three
touch "$work/busy/rootfs/end"
code=0
wait $events || code=$?
is "until the container ends" "$code" 0
is "each is a line of JSON of its own" "$(jq -r .type "$work/events" | sort -u)" stats
is "numbers only grow" "$(jq -s '[.[].data.cpu.usage.total] | . == sort' "$work/events")" true
stopped() { has_status busy stopped; }
ok "it has ended" wait_for 20 stopped
fails "events of a stopped container" 'container with id busy is not running' vm events --stats busy
fails "an interval of nothing" '--interval' vm events --interval 0s busy
fails "an interval that is none" '--interval.*5 minutes' vm events --interval '5 minutes' busy
fails "events of an unknown container" 'does not exist' vm events nosuch
vm delete busy

# runc itself, where it can run: the same names wherever the host's cgroups have the numbers.
if command -v runc >/dev/null && bundle runcs sleep 100000 &&
	runc --root "$work/runc" run -d -b "$work/runcs" runcs >/dev/null 2>&1 </dev/null; then
	run runc --root "$work/runc" events --stats runcs
	shape() { jq -c '[(.data | keys), (.data.cpu | keys), (.data.memory | keys - ["cache", "raw"]), (.data.memory.usage | keys - ["max"])]' "$1"; }
	is "runc's fields are ours" "$(shape "$work/first")" "$(shape "$out")"
	runc --root "$work/runc" delete --force runcs
	rm -rf "$work/runc"
else
	echo "  skipped - runc does not run here"
fi
same_state "nothing is left" "$before"
