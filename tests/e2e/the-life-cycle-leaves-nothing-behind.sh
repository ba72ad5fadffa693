#!/bin/bash
# create, start, exec, kill, delete: each state as the specification says, and no trace afterwards.
. "$(dirname "$0")/lib.sh"
bundle b sh -c 'trap "exit 5" TERM; echo started; while :; do sleep 0.1; done'
config "$work/b" '.linux.cgroupsPath = "/vmrun-e2e/life" | .annotations = {"org.example": "yes"}'
before=$(host_state)

vm create --bundle "$work/b" --pid-file "$work/pid" life </dev/null >"$work/log" 2>&1
is "created" "$(status_of life)" created
pid=$(cat "$work/pid")
is "the pid file and the state name one process" "$(anchor_of life)" "$pid"
ok "it is alive" kill -0 "$pid"
is "the program has not started" "$(cat "$work/log")" ""
is "state has the specification's fields" \
	"$(vm state life | jq -r '[.id, .bundle, .annotations["org.example"], (.ociVersion | type)] | join(" ")')" \
	"life $work/b yes string"
is "the anchor's / is the rootfs" "$(stat -Lc %d:%i "/proc/$pid/root/bin/busybox")" \
	"$(stat -c %d:%i "$work/b/rootfs/bin/busybox")"
is "the anchor has a pid namespace of its own" \
	"$([[ $(readlink "/proc/$pid/ns/pid") != "$(readlink /proc/self/ns/pid)" ]] && echo own)" own
like "the anchor is in the container's cgroup" "$(cat "/proc/$pid/cgroup")" '/vmrun-e2e/life'

vm start life
is "running" "$(status_of life)" running
started() { grep -q started "$work/log"; }
ok "the program runs" wait_for 30 started
fails "start twice" running vm start life
fails "delete while it runs" running vm delete life

run vm exec life sh -c 'echo exec-out; echo exec-err >&2; exit 4'
is "exec: output and status" "$status $(cat "$out") $(cat "$err")" "4 exec-out exec-err"
like "ps lists the guest's processes" "$(vm ps life)" 'trap'
is "list -q" "$(vm list -q)" life
is "list -f json" "$(vm list -f json | jq -r '.[0] | [.id, .status, .pid] | join(" ")')" "life running $pid"

vm kill life TERM
stopped() { has_status life stopped; }
ok "stopped after TERM" wait_for 30 stopped
is "pid is 0 when stopped" "$(anchor_of life)" 0
fails "kill a stopped container" 'not running|stopped' vm kill life TERM
fails "exec in a stopped container" 'not running|stopped' vm exec life true
vm delete life
fails "it does not exist any more" 'does not exist' vm state life
same_state "nothing is left behind" "$before"

# The id can be used again at once, and a created container can be thrown away.
# Without force, too, as containerd's shim for runc does it.
vm create --bundle "$work/b" life </dev/null >/dev/null 2>&1
vm delete --force life
vm create --bundle "$work/b" life </dev/null >/dev/null 2>&1
vm delete life
vm create --bundle "$work/b" life </dev/null >/dev/null 2>&1
vm kill life KILL
ok "a created container can be killed" wait_for 30 stopped
vm delete life
same_state "nothing is left behind by containers that never started" "$before"
rmdir /sys/fs/cgroup/vmrun-e2e 2>/dev/null || :
