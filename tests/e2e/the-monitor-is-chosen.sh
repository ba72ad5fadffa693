#!/bin/bash
# Without usable KVM guests run in QEMU by software emulation, which is said once, where the caller
# looks; whoever wants KVM or nothing gets nothing.
. "$(dirname "$0")/lib.sh"
[[ -x /usr/bin/qemu-system-x86_64 ]] || skip "no qemu-system-x86_64 here"
((EUID == 0)) || skip "hiding /dev/kvm takes root"
unset VMRUN_LOG VMRUN_HYPERVISOR
# An emulator in an emulator needs its time.
echo '{"boot_timeout_s": 600}' >"$work/vmrun.conf"
bundle b sh -c 'echo out; echo err >&2; exit 5'
before=$(host_state)
warning='warning: software emulation by QEMU: slow, and not a security boundary .*/dev/kvm'

# no_kvm COMMAND...: something is at /dev/kvm, but not KVM.
[[ -e /dev/kvm ]] || touch /dev/kvm
no_kvm() { unshare -m sh -c 'mount --bind /dev/null /dev/kvm && exec "$@"' sh "$@"; }
conf_vm() { no_kvm "$VMRUN" --config "$work/vmrun.conf" --root "$root" "$@"; }

run conf_vm run "$work/b"
is "auto runs it in QEMU" "$status $(cat "$out")" "5 out"
like "with one warning" "$(grep -c . "$err") $(head -1 "$err")" "^2 .*$warning"
is "and the program's own words" "$(tail -1 "$err")" err

run conf_vm --log "$work/log" --log-format json run "$work/b"
is "with --log stderr is the program's alone" "$status $(cat "$err")" "5 err"
like "and the warning is in the log" "$(jq -r '.level + " " + .msg' "$work/log")" '^warning software emulation'

# A QEMU without microvm: a wrapper that denies having it.
mkdir -m 755 "$work/bin"
cat >"$work/bin/qemu" <<-'S'
	#!/bin/sh
	[ "$*" != "-machine help" ] || { echo "q35 Standard PC"; exit; }
	exec /usr/bin/qemu-system-x86_64 "$@"
S
chmod 755 "$work/bin/qemu"
echo "{\"boot_timeout_s\": 600, \"qemu\": \"$work/bin/qemu\"}" >"$work/vmrun.conf"
config "$work/b" '.process.args[2] = "ls /sys/bus/pci/devices | wc -l; echo out; exit 5"'
# Our own kernel has no drivers for PCI.
stock=$("$(dirname "$0")/../../contrib/fetch-kernel")
run no_kvm env VMRUN_KERNEL="$stock" "$VMRUN" --config "$work/vmrun.conf" --root "$root" run "$work/b"
like "without microvm it is a machine with PCI" "$status $(tr '\n' ' ' <"$out")" '^5 ([3-9]|1[0-9]) out'

fails "kvm or nothing" '/dev/kvm' conf_vm --hypervisor kvm run "$work/b"
fails "an unknown one" 'hypervisor.*xen' conf_vm --hypervisor xen run "$work/b"
same_state "nothing is left" "$before"
