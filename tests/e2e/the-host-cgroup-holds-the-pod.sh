#!/bin/bash
# The cgroup on the host: where linux.cgroupsPath says, with the monitor and the proxies in it, with
# the container's limits and room for the machine; changed by update, gone with the container.
. "$(dirname "$0")/lib.sh"

bundle b sleep 1000
before=$(host_state)
v2=''
[[ $(stat -f -c %T /sys/fs/cgroup) != cgroup2fs ]] || v2=1

# file V1 V2: the content of the cgroup's file on this host; V1 is hierarchy/file.
file() {
	if [[ $v2 ]]; then
		cat "/sys/fs/cgroup$path/$2"
	else
		cat "/sys/fs/cgroup/${1%%/*}$path/${1#*/}"
	fi
}
procs() { file pids/cgroup.procs cgroup.procs; }

# holds NAME: the anchor and a monitor are in it.
holds() {
	ok "$1: the anchor is in the cgroup" grep -qx "$(anchor_of p)" <(procs)
	ok "$1: a monitor is in the cgroup" grep -qx "$(jq .monitorPid "$root/pods/p/pod.json")" <(procs)
}

path=/vmrun-e2e/absolute
limits='{memory: {limit: 402653184}, pids: {limit: 20}, cpu: {shares: 512, quota: 150000, period: 100000, cpus: "0", mems: "0"}}'
config "$work/b" ".linux.cgroupsPath = \"$path\" | .linux.resources = $limits"
run vm create --bundle "$work/b" p
is "create with limits" "$status" 0
holds "an absolute path"
memory=$(file memory/memory.limit_in_bytes memory.max)
ok "memory: the limit and the machine's own ($memory)" test "$memory" -gt $((402653184 + (64 << 20)))
ok "memory: not without end" test "$memory" -lt $((4 << 30))
ok "pids: the monitor's threads fit" test "$(file pids/pids.max pids.max)" -ge 512
is "cpu time" "$(file cpu/cpu.cfs_quota_us cpu.max)" "$([[ $v2 ]] && echo "150000 100000" || echo 150000)"
is "cpu shares" "$(file cpu/cpu.shares cpu.weight)" "$([[ $v2 ]] && echo 20 || echo 512)"
is "the cpuset, which no guest has" "$(file cpuset/cpuset.cpus cpuset.cpus)" 0
is "and its nodes" "$(file cpuset/cpuset.mems cpuset.mems)" 0

run vm update --cpu-quota 50000 --cpu-period 100000 --pids-limit 2000 p
is "update" "$status" 0
is "update changes the host's cpu time" "$(file cpu/cpu.cfs_quota_us cpu.max)" \
	"$([[ $v2 ]] && echo "50000 100000" || echo 50000)"
is "update changes the host's pids" "$(file pids/pids.max pids.max)" 2000
fails "a cpuset of no such CPU" 'options: cannot write "4000" to /sys/fs/cgroup.*/cpuset\.cpus: ' \
	vm update --cpuset-cpus 4000 p
limits_now() {
	echo "$(file cpu/cpu.cfs_quota_us cpu.max) $(file pids/pids.max pids.max) in the guest" \
		"$(vm exec p cat /sys/fs/cgroup/cpu.max /sys/fs/cgroup/pids.max | tr '\n' ' ')"
}
limits_before=$(limits_now)
fails "limits of which the host refuses one" 'cannot write "4000" to ' \
	vm update --cpu-quota 70000 --cpu-period 100000 --pids-limit 3000 --cpuset-cpus 4000 p
is "none is changed" "$(limits_now)" "$limits_before"
echo '{"pids": {"limit": 3000}, "cpu": {"quota": 70000, "period": 100000}, "unified": {"memory.nosuch": "1"}}' \
	>"$work/limits"
fails "limits of which the guest refuses one" 'memory\.nosuch' vm update --resources "$work/limits" p
is "what the host had taken is put back, and what the guest had" "$(limits_now)" "$limits_before"
config "$work/b" '.linux.resources = {}'
fails "a cgroup that others are in" "linux\.cgroupsPath: container's cgroup is not empty: there are processes in the cgroup $path" \
	vm create --bundle "$work/b" q
sleep 60 &
other=$!
echo $other >"/sys/fs/cgroup$([[ $v2 ]] || echo /pids)$path/cgroup.procs"
if [[ $v2 ]]; then
	echo 1 >"/sys/fs/cgroup$path/cgroup.freeze"
else
	echo FROZEN >"/sys/fs/cgroup/freezer$path/freezer.state"
fi
run vm delete --force p
is "what is frozen can be deleted" "$status" 0
other_status=0
wait $other || other_status=$?
is "what somebody has put into the cgroup goes with it" $other_status 137
same_state "the cgroups and the parents made for them are gone" "$before"

# Somebody else's, with nobody in it: vmrun-vm would never run there.
frozen=/sys/fs/cgroup$([[ $v2 ]] || echo /freezer)/e2e-frozen
mkdir "$frozen"
if [[ $v2 ]]; then echo 1 >"$frozen/cgroup.freeze"; else echo FROZEN >"$frozen/freezer.state"; fi
config "$work/b" '.linux.cgroupsPath = "/e2e-frozen"'
fails "a cgroup that is frozen" "linux\.cgroupsPath: container's cgroup unexpectedly frozen: /e2e-frozen$" \
	timeout 60 "$VMRUN" --root "$root" create --bundle "$work/b" q
rmdir /sys/fs/cgroup/e2e-frozen /sys/fs/cgroup/*/e2e-frozen 2>/dev/null || :
same_state "nothing is left of that" "$before"

config "$work/b" '.linux.cgroupsPath = "e2e-slice-name.slice:pre:e2e"'
path=/e2e.slice/e2e-slice.slice/e2e-slice-name.slice/pre-e2e.scope
run vm --systemd-cgroup create --bundle "$work/b" p
is "create with a slice" "$status" 0
holds "a slice"
vm delete --force p
same_state "nothing of the slices is left" "$before"

config "$work/b" '.linux.cgroupsPath = "name:pre:e2e"'
fails "a name that is no slice's" 'config\.json: linux\.cgroupsPath: "name" is not the name of a slice' \
	vm --systemd-cgroup create --bundle "$work/b" q
config "$work/b" '.linux.cgroupsPath = "/"'
fails "the root cgroup" "linux\.cgroupsPath: container's cgroup is not empty: there are processes in the cgroup /" \
	vm create --bundle "$work/b" q
config "$work/b" 'del(.linux.cgroupsPath) | .linux.resources = {cpu: {cpus: "4000"}}'
fails "a cpuset that this host cannot give" 'linux\.resources: cannot write "4000" to ' \
	vm create --bundle "$work/b" q
# A field that were dropped would not be refused.
config "$work/b" '.linux.resources = {rdma: {nosuch0: {hcaHandles: 3, hcaObjects: 10000}}}'
fails "a device for rdma that is not there" 'linux\.resources: .*rdma\.max' vm create --bundle "$work/b" q
# limited DEVICE: a device's limits, all six of them.
limited() {
	config "$work/b" '.linux.resources = {blockIO: ({weight: 300, weightDevice: [$d + {weight: 400}]}
		+ ([["ReadBps", 1048576], ["WriteBps", 2097152], ["ReadIOPS", 100], ["WriteIOPS", 200]]
			| map({key: "throttle\(.[0])Device", value: [$d + {rate: .[1]}]}) | from_entries))}
		| .linux.cgroupsPath = $path' --arg path "$path" \
		--argjson d "{\"major\": ${1%:*}, \"minor\": ${1#*:}}"
}
limited 4095:0 # throttleReadBpsDevice throttleWriteBpsDevice throttleReadIOPSDevice throttleWriteIOPSDevice
fails "a disk that is not there" 'linux\.resources: .*io\.' vm create --bundle "$work/b" q
loop=''
[[ ! $v2 || ! -e /sys/fs/cgroup/cgroup.controllers ]] || ! grep -qw io /sys/fs/cgroup/cgroup.controllers ||
	loop=$(truncate -s 1M "$work/disk" && losetup -f --show "$work/disk") || :
if [[ $loop ]]; then
	device=$((16#$(stat -c %t "$loop"))):$((16#$(stat -c %T "$loop")))
	limited "$device"
	config "$work/b" 'del(.linux.resources.blockIO.weight, .linux.resources.blockIO.weightDevice)'
	run vm create --bundle "$work/b" p
	is "limits of a disk" "$status" 0
	is "are in its cgroup" "$(file - io.max)" "$device rbps=1048576 wbps=2097152 riops=100 wiops=200"
	vm delete --force p
	losetup -d "$loop"
fi
if [[ -e /sys/fs/resctrl/schemata ]]; then
	config "$work/b" '.linux.resources = {} | .linux.intelRdt = {closID: "vmrun-e2e", enableMonitoring: true,
		l3CacheSchema: $l3, memBwSchema: $mb, schemata: [$l3 + $mb]}' \
		--arg l3 "$(grep -o 'L3:.*' /sys/fs/resctrl/schemata || :)" \
		--arg mb "$(grep -o 'MB:.*' /sys/fs/resctrl/schemata || :)"
	vm create --bundle "$work/b" rdt </dev/null >/dev/null 2>&1
	ok "the pod is in its resctrl group" grep -qx "$(monitors)" /sys/fs/resctrl/vmrun-e2e/tasks
	ok "and has one to be watched by" grep -rqx "$(monitors)" /sys/fs/resctrl/vmrun-e2e/mon_groups
	vm delete --force rdt
	ok "which goes with it" test ! -e /sys/fs/resctrl/vmrun-e2e/mon_groups/rdt
	ok "while one that has a name stays" rmdir /sys/fs/resctrl/vmrun-e2e
else
	config "$work/b" '.linux.resources = {} | .linux.intelRdt = {closID: "gold"}'
	fails "intelRdt without resctrl" 'config\.json: linux\.intelRdt: no resctrl file system is mounted' \
		vm create --bundle "$work/b" q
fi
same_state "refusals leave nothing" "$before"
