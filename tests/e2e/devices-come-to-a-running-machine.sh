#!/bin/bash
# Hot-plug without PCI: slots that are empty when the guest boots get a device later, and the agent has
# the kernel look again.
. "$(dirname "$0")/lib.sh"
bootprobe_and_kernel
initramfs=$(find "$work/cache" -name 'initrd*' | head -n 1)
ok "there is an initramfs with the agent" test -s "$initramfs"
before=$(host_state)

run timeout 300 "$probe" -s 2 -p "$monitor" "$kernel" "$initramfs"
is "the guest is stopped in the end" "$status" 0
says() { like "$1" "$(cat "$out")" "$2"; }
says "a slot without a device is empty" 'slot 4: slot 4 is empty'
says "the first device is the first empty slot's, and has its driver" 'slot 4: virtio_rng has virtio[0-9]+'
says "the second is the next one's" 'slot 5: virtio_rng has virtio[0-9]+'
is "each is there once, however often the agent is told" \
	"$(sed -n 's/^slot \([45]\): virtio_rng has \(.*\)/\1 \2/p' "$out" | sort -u | wc -l)" 2
says "then there is no room" 'no more: no slot is empty for the rng device'
says "and there are no other slots" 'slot 6: the machine has no slot 6'

run timeout 300 "$probe" -p "$monitor" "$kernel" "$initramfs"
is "a machine without such slots runs, too" "$status" 0
says "and takes no devices" 'no more: no slot is empty'
run timeout 300 "$probe" -s 13 "$monitor" "$kernel" "$initramfs"
is "more than the machine has" "$status" 3
says "are refused" 'refused: no slot is left'
same_state "nothing is left" "$before"
