#!/bin/bash
# cpu, memory and pids limits of config.json shape the guest and are enforced in it.
. "$(dirname "$0")/lib.sh"

bundle cpus sh -c 'nproc; grep -c ^processor /proc/cpuinfo'
run vm run "$work/cpus"
is "one processor by default" "$(tr '\n' ' ' <"$out")" "1 1 "
config "$work/cpus" '.linux.resources.cpu = {quota: 200000, period: 100000}'
run vm run "$work/cpus"
is "two when the quota asks for two" "$(tail -1 "$out")" 2

bundle grow sh -c 'while :; do sleep 1; done'
run vm run -d "$work/grow" grow
is "one processor at first" "$(vm exec grow nproc)" 1
run vm update --cpu-quota 250000 grow
is "update raises the quota to two and a half" "$status" 0
# An emulated machine has no processors to spare.
[[ $(monitor_here) == qemu-tcg ]] && spare=0 || spare=3
is "and there are as many processors as there can be" "$(vm exec grow nproc)" "$((spare ? 3 : 1))"
run vm update --cpu-quota 50000 grow
is "a lower quota takes none away" "$(vm exec grow nproc)" "$((spare ? 3 : 1))"
VMRUN_LOG=warning run vm update --cpu-quota 900000 grow
is "a quota above what the machine can have is set" "$status $(vm exec grow cut -d' ' -f1 /sys/fs/cgroup/cpu.max)" "0 900000"
like "with a warning" "$(cat "$err")" "those of 9 processors, the virtual machine has $((1 + spare))"
VMRUN_LOG=warning run vm update --memory 1g grow
like "so has a memory limit above the machine's" "$status $(cat "$err")" '^0 .*limit is 1024 MiB now, but .* 256 MiB'

# linux.resources.memory.checkBeforeUpdate
memory() { jq -nc --argjson limit "$1" --argjson check "$2" '{memory: ({limit: $limit} + $check)}' | vm update -r - grow; }
before=$(vm exec grow cat /sys/fs/cgroup/memory.max)
fails "a limit below use is refused" \
	'cannot update container "grow": memory\.limit: rejecting memory limit 4096: it is not above the [0-9]+ bytes in use' memory 4096 '{"checkBeforeUpdate": true}'
is "and changes nothing" "$(vm exec grow cat /sys/fs/cgroup/memory.max) $(status_of grow)" "$before running"
is "one above it is taken" "$(memory 104857600 '{"checkBeforeUpdate": true}'; vm exec grow cat /sys/fs/cgroup/memory.max)" 104857600
is "so is none" "$(memory -1 '{"checkBeforeUpdate": true}'; vm exec grow cat /sys/fs/cgroup/memory.max)" max
run memory 4096 '{}'
over() { has_status grow stopped; }
ok "without the check such a limit holds, and kills" wait_for 60 over
is "which is no error of update's" "$status" 0
vm delete --force grow
config "$work/grow" '.linux.resources.memory.checkBeforeUpdate = true'
run vm run -d "$work/grow" grow
fails "what config.json asks for holds where an update says nothing" 'bytes in use' vm update --memory 4096 grow
run memory 4096 '{"checkBeforeUpdate": false}'
is "an update can do without" "$status" 0
vm delete --force grow

bundle mem sh -c 'grep MemTotal /proc/meminfo'
run vm run "$work/mem"
total=$(awk '{print int($2 / 1024)}' "$out")
ok "256 MiB by default (the guest sees $total)" test "$total" -gt 150 -a "$total" -le 256
config "$work/mem" '.linux.resources.memory = {limit: 1073741824}'
run vm run "$work/mem"
ok "a limit of 1 GiB makes a larger guest" test "$(awk '{print int($2 / 1024)}' "$out")" -ge 1000

bundle oom sh -c 'cat /sys/fs/cgroup/memory.max; exec dd if=/dev/zero of=/dev/null bs=200M count=1'
config "$work/oom" '.linux.resources.memory = {limit: 134217728}'
run vm run --keep "$work/oom" oom
is "the limit is in the container's cgroup" "$(head -1 "$out")" 134217728
is "200 MiB in a 128 MiB container die with 137" "$status" 137
like "the end is recorded as out of memory" "$(find "$root" -name exit -exec cat {} +)" '^137 [0-9]+ 1$'
vm delete oom

# shellcheck disable=SC2016
bundle bomb sh -c 'cat /sys/fs/cgroup/pids.max; n=0; while [ $n -lt 60 ]; do sleep 30 & n=$((n+1)); done; echo all'
config "$work/bomb" '.linux.resources.pids = {limit: 20}'
run vm run "$work/bomb"
is "the pids limit is in the container's cgroup" "$(head -1 "$out")" 20
like "a fork bomb stops at it" "$(cat "$err")" "can't fork|Resource temporarily unavailable"
