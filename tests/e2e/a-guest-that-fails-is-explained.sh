#!/bin/bash
# No KVM, no kernel, no drivers, a panic at boot, a guest that never becomes ready: what and why.
. "$(dirname "$0")/lib.sh"
bundle b true
before=$(host_state)

conf() { printf '%s\n' "$1" >"$work/vmrun.conf"; }
with_conf() { "$VMRUN" --config "$work/vmrun.conf" --root "$root" run "$work/b"; }

fails "a kernel that does not exist" '/no/such/kernel' \
	env VMRUN_KERNEL=/no/such/kernel "$VMRUN" --root "$root" run "$work/b"
echo not a kernel >"$work/vmlinuz"
fails "a kernel that is none" 'vmlinuz' env VMRUN_KERNEL="$work/vmlinuz" "$VMRUN" --root "$root" run "$work/b"

conf '{"no_such_key": 1}'
fails "an unknown key in the settings" 'vmrun\.conf.*no_such_key' with_conf
conf '{"memory_mib": "much"}'
fails "a setting of the wrong type" 'vmrun\.conf.*memory_mib' with_conf

conf '{"kernel_params": "rdinit=/no/such/init"}'
fails "a guest that panics at boot" '(guest|phase).*' with_conf
like "its last words are quoted" "$(cat "$err")" '[Pp]anic|No working init|reset'
same_state "nothing is left of a guest that panicked" "$before"

conf '{"kernel_params": "initcall_blacklist=virtio_vsock_init"}'
fails "a guest without its vsock driver" 'guest|vsock' with_conf
same_state "nothing is left of a guest without vsock" "$before"

if command -v gcc >/dev/null; then
	# A kernel that boots and does nothing: QEMU's PVH note, a loop, and the names of drivers.
	cat >"$work/hang.S" <<-'S'
		.section .note.Xen, "a", @note
		.long 4, 4, 18
		.asciz "Xen"
		.long _start
		.text
		.globl _start
		.code32
		_start: hlt
		jmp _start
		.section .rodata
		.asciz "Linux version 9.9.9-hang (me)"
		.asciz "virtio-mmio"
		.asciz "vmw_vsock_virtio_transport"
		.asciz "virtiofs"
	S
	gcc -m32 -c "$work/hang.S" -o "$work/hang.o" 2>/dev/null && objcopy -I elf32-i386 -O elf64-x86-64 "$work/hang.o" "$work/hang64.o" &&
		ld -m elf_x86_64 -Ttext 0x1000000 -e _start "$work/hang64.o" -o "$work/hang" || :
	if [[ -e $work/hang ]]; then
		conf "{\"boot_timeout_s\": 3, \"kernel\": \"$work/hang\"}"
		fails "a guest that never becomes ready" '3 s.*phase' env -u VMRUN_KERNEL "$VMRUN" --config "$work/vmrun.conf" --root "$root" run "$work/b"
		same_state "nothing is left of a guest that hung" "$before"
	else
		fail "cannot build the kernel that hangs"
	fi
fi

if [[ $(id -u) == 0 ]]; then
	fails "/dev/kvm missing" '/dev/kvm' unshare -m sh -c \
		"mount -t tmpfs tmpfs /dev && exec '$VMRUN' --hypervisor kvm --root '$root' run '$work/b'"
	same_state "nothing is left without KVM" "$before"
	conf '{"hypervisor": "qemu", "qemu": "/no/such/qemu"}'
	fails "QEMU missing" '/no/such/qemu' env -u VMRUN_HYPERVISOR "$VMRUN" --config "$work/vmrun.conf" --root "$root" run "$work/b"
	mkdir -m 755 "$work/bin"
	printf '#!/bin/sh\necho this is no emulator >&2\nexit 9\n' >"$work/bin/qemu"
	chmod 755 "$work/bin/qemu"
	conf "{\"hypervisor\": \"qemu\", \"qemu\": \"$work/bin/qemu\"}"
	fails "a QEMU that fails" 'this is no emulator' env -u VMRUN_HYPERVISOR "$VMRUN" --config "$work/vmrun.conf" --root "$root" run "$work/b"
	same_state "nothing is left without QEMU" "$before"
fi
