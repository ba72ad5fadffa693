#!/bin/bash
# vmrun check: its rows, its exit status, what it says without KVM, and that it changes nothing.
. "$(dirname "$0")/lib.sh"
before=$(host_state)
# How the harness chooses the monitor must not matter here.
unset VMRUN_CONFIG VMRUN_HYPERVISOR
check() { "$VMRUN" --root "$root" check "$@"; }
row() { jq -r --arg n "$1" ".rows[] | select(.name == \$n) | .$2" "$out"; }

run check --format json
is "JSON that agrees with the exit status" "$(jq .canRun "$out") $status" \
	"$(jq 'if .monitor and all(.rows[]; .status != "fail") then true else false end' "$out") $(jq 'if .canRun then 0 else 1 end' "$out")"
is "every row has a name, a status, something found" \
	"$(jq '[.rows[] | select((.name | length > 0) and (.found | length > 0) and (.status | IN("ok", "warn", "fail")))] | length' "$out")" \
	"$(jq '.rows | length' "$out")"
is "what is not ok has what mends it, and nothing else" "$(jq 'all(.rows[]; (.status == "ok") == (.fix == null))' "$out")" true
is "guests can run here" "$(jq .canRun "$out")" true
is "the kernel is the one that pods boot" "$(row 'guest kernel' status)" ok
is "our programs are found" "$(row programs status)" ok
monitor=$(jq -r .monitor "$out")
like "a monitor is named" "$monitor" '^(kvm|qemu-kvm|qemu-tcg)$'
if grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo && [[ -w /dev/kvm ]]; then
	is "hardware KVM is taken" "$monitor" kvm
	like "and called fast" "$(row kvm found)" ' fast: '
	is "that is nothing to mend" "$(row kvm status)" ok
elif [[ -w /dev/kvm ]]; then
	is "a KVM that emulates is passed over" "$monitor" qemu-tcg
	like "and said to crawl" "$(row kvm found)" ' crawls: '
fi

run check
is "the table has the same exit status" "$status" 0
like "its last line is the answer" "$(tail -n 1 "$out")" '^vmrun runs here\. Monitor: '
is "no other stream is used" "$(cat "$err")" ""
fails "an unknown format" '--format: expected text or json' check --format yaml
fails "an argument" 'usage: vmrun check' check x
same_state "nothing was made" "$before"
ok "nor a state root" test ! -e "$root"

run check --format json --no-such-option
is "an unknown option is no answer" "$status" 1

# Settings that nothing can come of.
printf '{"kernel": "%s"}' "$work/none" >"$work/vmrun.conf"
run env -u VMRUN_KERNEL "$VMRUN" --root "$root" --config "$work/vmrun.conf" check --format json
is "no kernel, no guests" "$status $(jq .canRun "$out") $(row 'guest kernel' status)" "1 false fail"
like "the row names the file" "$(row 'guest kernel' found)" "$work/none"
printf '{"qemu": "%s"}' "$work/none" >"$work/vmrun.conf"
run "$VMRUN" --root "$root" --config "$work/vmrun.conf" --hypervisor qemu check
is "no QEMU where QEMU is wanted" "$status" 1
like "the answer says which" "$(tail -n 1 "$out")" "^vmrun cannot run here: .*$work/none"

if [[ $(id -u) == 0 ]]; then
	# In a mount namespace without the device, but with what other programs need.
	without_kvm() {
		unshare -m sh -c 'mount -t tmpfs tmpfs /dev && mknod -m 666 /dev/null c 1 3 &&
			mknod -m 666 /dev/urandom c 1 9 && exec "$@"' - "$@"
	}
	printf '{"qemu": "%s"}' "$work/none" >"$work/vmrun.conf"
	run without_kvm "$VMRUN" --root "$root" --config "$work/vmrun.conf" check --format json
	is "without KVM and QEMU" "$status $(jq -c '[.monitor, .canRun]' "$out")" '1 [null,false]'
	is "the row is what stands in the way" "$(row kvm status)" fail
	like "it names the device" "$(row kvm found)" '/dev/kvm: hardware virtualisation is not available'
	like "the answer names both ways out" "$(jq -r .reason "$out")" '/dev/kvm.*"qemu"'
	run without_kvm "$VMRUN" --root "$root" --hypervisor kvm check
	is "without KVM where KVM is wanted" "$status" 1
	like "the answer says what to do" "$(tail -n 1 "$out")" '^vmrun cannot run here: /dev/kvm: .*kvm_intel or kvm_amd'
	run without_kvm "$VMRUN" --root "$root" check --format json
	if [[ -x /usr/bin/qemu-system-x86_64 ]]; then
		is "QEMU does without KVM" "$status $(jq -r .monitor "$out") $(row kvm status)" "0 qemu-tcg warn"
	fi

	# A device that is no KVM.
	run unshare -m sh -c 'mount --bind /dev/null /dev/kvm && exec "$@"' - \
		"$VMRUN" --root "$root" --hypervisor kvm check
	is "a device that is no KVM" "$status" 1
	like "it is told" "$(tail -n 1 "$out")" '/dev/kvm: KVM_GET_API_VERSION'

	# Somebody who may do little.
	nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups env -u XDG_CACHE_HOME XDG_RUNTIME_DIR=/nowhere HOME=/nowhere "$@"; }
	if nobody test -x "$VMRUN"; then
		run nobody "$VMRUN" check --format json
		is "another user has places of his own" "$(row state found) $(row cache found)" \
			'/nowhere/vmrun, made when it is needed: /: Permission denied /nowhere/.cache/vmrun, made when it is needed: /: Permission denied'
		is "it is told that they are none" "$status $(row state status) $(row cache status)" "1 fail fail"
		like "and what to do" "$(row state fix) $(row cache fix)" 'XDG_RUNTIME_DIR.*cache_dir'
	fi
fi

# Only our own monitor where there is hardware KVM: the others are slow in emulated machines.
[[ $monitor != kvm ]] || printf '{"qemu": "%s"}' "$work/none" >"$work/vmrun.conf"
[[ $monitor == kvm ]] || printf '{"boot_timeout_s": 300}' >"$work/vmrun.conf"
try() { "$VMRUN" --root "$root" --config "$work/vmrun.conf" check --try; }
run try
is "a guest boots with $monitor" "$status" 0
like "its phases have times" "$(cat "$out")" $'\n'"$monitor"$': a guest has booted\n.* ms  agent ready'
same_state "nothing is left of the guest" "$before"
ok "no state root either" test ! -e "$root"

"$VMRUN" --root "$root" --config "$work/vmrun.conf" check --try >/dev/null 2>&1 &
pid=$!
wait_for 60 compgen -G "$root/.try-*"
kill -TERM $pid
status=0
wait $pid || status=$?
is "a signal ends a try" "$status" 143
same_state "and nothing is left of it" "$before"
ok "its folder neither" test ! -e "$root"

if [[ $monitor == kvm ]]; then
	printf '{"kernel_params": "rdinit=/no/such/init", "qemu": "%s"}' "$work/none" >"$work/vmrun.conf"
	run try
	is "a guest that does not boot is no guest" "$status" 1
	like "its last words are quoted" "$(cat "$out")" $'\nkvm: the guest ended while it booted'
	like "the answer follows" "$(tail -n 1 "$out")" '^vmrun cannot run here: see what was tried'
fi
