#!/bin/bash
# SIGKILL of vmrun, vmrun-vm, vmrun-proxy and QEMU at random moments: after delete --force no trace.
. "$(dirname "$0")/lib.sh"
bundle b sh -c 'while :; do sleep 0.1; done'
before=$(host_state)
rounds=${E2E_KILL_ROUNDS:-20}
RANDOM=${E2E_SEED:-42}

nap() { read -rt "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))" <> <(:) || :; }

victims=3
[[ $(monitor_here) == kvm ]] || victims=4
bad=0
for ((i = 0; i < rounds; i++)); do
	victim=$((i % victims))
	delay=$((RANDOM % 3000))
	# Not through vm(): a function in the background is a shell, and it is vmrun that is killed.
	"$VMRUN" --root "$root" create --bundle "$work/b" k </dev/null >/dev/null 2>&1 &
	creator=$!
	case $victim in
	0) # vmrun itself, on its way
		nap "$delay"
		kill -9 $creator 2>/dev/null || :
		wait $creator 2>/dev/null || :
		;;
	1) # the monitor, while the guest boots or after
		nap "$delay"
		for p in $(monitors); do kill -9 "$p" 2>/dev/null || :; done
		wait $creator 2>/dev/null || :
		;;
	2) # the anchor of a running container
		wait $creator
		vm start k
		pid=$(anchor_of k)
		nap $((delay / 10))
		kill -9 "$pid"
		stopped() { has_status k stopped; }
		wait_for 20 stopped || { echo "  round $i: not stopped after its anchor died"; bad=$((bad + 1)); }
		;;
	3) # QEMU, while the guest boots or after
		nap "$delay"
		for p in $(emulators); do kill -9 "$p" 2>/dev/null || :; done
		wait $creator 2>/dev/null || :
		;;
	esac
	vm delete --force k || { echo "  round $i: delete --force failed"; bad=$((bad + 1)); }
	clean() { [[ $(host_state) == "$before" ]]; }
	if ! wait_for 30 clean; then
		echo "  round $i (victim $victim, after $delay ms): left behind:"
		diff <(echo "$before") <(host_state) | sed 's/^/    /' || :
		bad=$((bad + 1))
		for p in $(monitors); do kill -9 "$p" || :; done
	fi
done
is "$rounds rounds of kill -9 leave nothing" "$bad" 0

# The monitor's death is the container's: 137, never 0.
vm run "$work/b" gone </dev/null >/dev/null 2>&1 &
runner=$!
running() { has_status gone running; }
wait_for 60 running
monitors | xargs kill -9
code=0
wait $runner || code=$?
is "run of a container whose monitor is killed" "$code" 137
same_state "and nothing is left of it" "$before"
if ((victims > 3)); then
	vm run "$work/b" gone </dev/null >/dev/null 2>&1 &
	runner=$!
	wait_for 60 running
	emulators | xargs kill -9
	code=0
	wait $runner || code=$?
	is "run of a container whose QEMU is killed" "$code" 137
	same_state "and nothing is left of that" "$before"
fi

# A guest process whose anchor is killed dies too, the others live.
vm run -d "$work/b" two >/dev/null 2>&1 </dev/null
vm exec -d --pid-file "$work/e.pid" two sh -c 'exec sleep 4321' >/dev/null 2>&1 </dev/null
kill -9 "$(cat "$work/e.pid")"
sleeper_gone() { ! vm ps two | grep -q 4321; }
ok "the guest process of a killed exec anchor is gone" wait_for 30 sleeper_gone
is "the container lives on" "$(status_of two)" running
vm delete --force two
same_state "nothing is left in the end" "$before"
