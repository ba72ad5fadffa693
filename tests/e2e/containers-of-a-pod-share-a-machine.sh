#!/bin/bash
# Containers that name a pod run in one virtual machine: what they share, what each has of its own, and
# what becomes of the others when one ends, is killed, or loses its anchor.
. "$(dirname "$0")/lib.sh"
before=$(host_state)
stopped() { has_status "$1" stopped; }
field() { vm why --format json "$1" | jq -r "$2"; }

# member NAME FILTER ARGS...: the bundle of a container of pod p, in the machine's network.
member() {
	local name=$1 filter=$2
	shift 2
	rm -rf "${work:?}/$name"
	bundle "$name" "$@"
	config "$work/$name" '.annotations["io.vmrun.pod"] = "p" | .hostname = $ARGS.named.name' --arg name "$name"
	config "$work/$name" "$filter"
}
up() { run vm run -d --pid-file "$work/$1.pid" "$work/$1" "$1" </dev/null; }

member web . sh -c 'mkdir -p /www; echo served >/www/index.html; exec httpd -f -p 127.0.0.1:8080 -h /www'
member side '.linux.namespaces |= map(select(.type != "ipc"))' sleep 100000
up web
is "the first container of a pod runs" "$status $(cat "$err")" "0 "
up side
is "a second one" "$status $(cat "$err")" "0 "
# Of the first: its pids, and its ipc and host name, as callers say it.
joined='.linux.namespaces |= map(if .type == "pid" then .path = "/proc/PID/ns/pid"
	elif .type == "ipc" then .path = "/proc/PID/ns/ipc"
	elif .type == "uts" then .path = "/proc/PID/ns/uts"
	elif .type == "network" then .path = "/proc/PID/ns/net" else . end) | del(.hostname)'
member near "${joined//PID/$(cat "$work/web.pid")}" sleep 100000
up near
is "a third one, in namespaces of the first" "$status $(cat "$err")" "0 "
is "there is one machine" "$(monitors | wc -l)" 1
boot_id() { vm exec "$1" cat /proc/sys/kernel/random/boot_id; }
is "it is the same kernel" "$(boot_id web) $(boot_id side)" "$(boot_id near) $(boot_id near)"

served() { [[ $(vm exec side wget -qO- http://127.0.0.1:8080/) == served ]]; }
ok "localhost is the pod's" wait_for 20 served
is "host names are their own, or joined" "$(vm exec web hostname) $(vm exec side hostname) $(vm exec near hostname)" 'web side web'
like "pids are joined" "$(vm exec near ps)" 'httpd'
is "and else are not seen" "$(vm exec side ps | grep -c httpd)" 0
ipc() { vm exec "$1" readlink /proc/self/ns/ipc; }
is "ipc is joined" "$(ipc near)" "$(ipc web)"
ok "or the pod's, and another one" test "$(ipc side)" != "$(ipc web)"
is "each has its own root" "$(vm exec side ls -d /www 2>&1 | tail -n 1)" 'ls: /www: No such file or directory'
is "the anchors' namespaces on the host are handles" \
	"$(readlink "/proc/$(cat "$work/near.pid")/ns/ipc")" "$(readlink "/proc/$(cat "$work/web.pid")/ns/ipc")"
if cgroup=$(sed -n 's/^0:://p' "/proc/$(cat "$work/side.pid")/cgroup") && [[ $(stat -fc %T /sys/fs/cgroup) == cgroup2fs ]]; then
	like "an anchor is in its container's cgroup" "$cgroup" '/vmrun/side$'
	is "the machine beside it" "$(sed -n 's/^0:://p' "/proc/$(monitors)/cgroup")" '/vmrun/vmrun@p'
fi

# What is no namespace of the pod is none that a guest could join.
member strange '.linux.namespaces |= map(if .type == "ipc" then .path = "/proc/self/ns/ipc" else . end)' true
fails "a namespace of the host's" 'namespaces\[[0-9]\]\.path: a guest cannot join' vm run "$work/strange" strange
member stranger '.annotations = {"io.kubernetes.cri.container-type": "container", "io.kubernetes.cri.sandbox-id": "gone"}' true
fails "a sandbox that is not there" 'sandbox "gone".*no virtual machine' vm run "$work/stranger" stranger
member odd '.annotations = {"io.kubernetes.cri.container-type": "thing", "io.kubernetes.cri.sandbox-id": "p"}' true
fails "a kind of container that is none" 'container-type.*"thing"' vm run "$work/odd" odd
member bad '.annotations["io.vmrun.pod"] = "../p"' true
fails "a name that is a path" 'io\.vmrun\.pod.*"\.\./p"' vm run "$work/bad" bad
bundle p true
fails "a container of the pod's name, of no pod" 'there is a pod "p"' vm run "$work/p" p
is "none of these has left anything" "$(vm list -q | sort | tr '\n' ' ')" 'near side web '

# Limits and the lack of memory are each container's own.
member hungry '.linux.resources.memory = {limit: 33554432, swap: 33554432}' \
	sh -c 'until [ -e /go ]; do sleep 0.1; done; tail /dev/zero; echo "tail: $?"; sleep 100000'
up hungry
is "one with a limit" "$status $(vm exec hungry cat /sys/fs/cgroup/memory.max)" '0 33554432'
is "the others have none" "$(vm exec side cat /sys/fs/cgroup/memory.max)" max
touch "$work/hungry/rootfs/go"
oom() { [[ $(vm state "$1" | jq .oomKilled) == true ]]; }
ok "it has too much" wait_for 120 oom hungry
is "the others are well" "$(status_of web) $(status_of side) $(vm state side | jq .oomKilled)" 'running running false'
vm delete --force hungry

# An anchor's end is its container's alone.
kill -9 "$(anchor_of near)"
ok "without its anchor a container ends" wait_for 20 stopped near
is "the others go on" "$(status_of web) $(status_of side) $(boot_id web)" "running running $(boot_id side)"
vm delete near
member near "${joined//PID/$(cat "$work/web.pid")}" sleep 100000
up near
is "its id is free again, in the guest as well" "$status" 0

# A create that fails takes nothing along.
member fails '.process.args = ["/no/such/program"]' x
fails "a program that is not there" 'no/such/program' vm run "$work/fails" fails
is "the pod is as before" "$(vm list -q | sort | tr '\n' ' ')$(monitors | wc -l)" 'near side web 1'

# In any order, the first one first. Whoever is in its pids goes with it, as on any host.
vm delete --force web
is "the first one goes, the machine stays" "$(status_of side) $(monitors | wc -l)" 'running 1'
ok "the one in its pids ends" wait_for 20 stopped near
vm delete near
up web
is "the first one comes back, into the same machine" "$status $(boot_id web)" "0 $(boot_id side)"
vm kill side KILL
ok "one is killed" wait_for 20 stopped side
vm delete side
is "another one lives" "$(status_of web)" running
member side . sleep 100000
up side

# The machine's end is that of all.
kill -9 "$(monitors)"
ok "all stop with the machine" wait_for 20 stopped web
ok "(the second)" wait_for 20 stopped side
for id in web side; do
	is "$id knows why" "$(field "$id" '.death.cause + " " + (.exitStatus | tostring)')" 'monitor-killed 137'
done
vm delete web
up web
is "a pod whose machine has ended gets a new one" "$status $(status_of web) $(status_of side)" '0 running stopped'
vm delete side
vm delete --force web
same_state "nothing is left behind" "$before"

# Many at once: one boots, all others join.
for i in $(seq 20); do
	mkdir "$work/m$i"
	cp "$work/side/config.json" "$work/m$i/"
	config "$work/m$i" '.root.path = $ARGS.named.root' --arg root "$work/side/rootfs"
done
for i in $(seq 20); do
	vm run -d "$work/m$i" "m$i" >"$work/m$i.log" 2>&1 </dev/null &
	pids[i]=$!
done
done=0
for i in $(seq 20); do
	if wait "${pids[i]}"; then done=$((done + 1)); else sed 's/^/    /' "$work/m$i.log"; fi
done
is "20 are created at once" "$done $(vm list -q | wc -l) $(monitors | wc -l)" '20 20 1'
for i in $(seq 20); do
	vm delete --force "m$i" >"$work/m$i.log" 2>&1 &
	pids[i]=$!
done
done=0
for i in $(seq 20); do
	if wait "${pids[i]}"; then done=$((done + 1)); else sed 's/^/    /' "$work/m$i.log"; fi
done
is "and deleted at once" "$done $(vm list -q | wc -l)" '20 0'
same_state "nothing is left behind by them" "$before"
