#!/bin/bash
# The monitor alone, under the kernel that pods boot: processors, memory on both sides of
# the hole, and every way in which a guest can end.
. "$(dirname "$0")/lib.sh"
bootprobe_and_kernel
before=$(host_state)

mkdir -p "$work/initramfs"/{bin,proc,dev,sys}
cp /bin/busybox "$work/initramfs/bin/"
cat >"$work/initramfs/init" <<'INIT'
#!/bin/busybox sh
exec >/dev/null 2>&1
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t sysfs sys /sys
exec >/dev/kmsg
read -r cmdline </proc/cmdline
# 255: the Linux boot protocol, a loader without a number.
echo "probe: loader $(/bin/busybox cat /proc/sys/kernel/bootloader_type)"
echo "probe: cpus $(/bin/busybox nproc)"
while read -r name value _; do
	[ "$name" != MemTotal: ] || echo "probe: memory $((value / 1024))"
done </proc/meminfo
echo "probe: slots $(/bin/busybox ls -d /sys/bus/acpi/devices/LNRO0005:* | /bin/busybox wc -l)"
case $cmdline in
*do=poweroff*) /bin/busybox poweroff -f ;;
*do=reboot*) /bin/busybox reboot -f ;;
*do=panic*)
	echo 2 >/proc/sys/vm/panic_on_oom
	/bin/busybox tail /dev/zero
	;;
*do=exit*) exit 3 ;;
*do=talk*)
	i=0
	while [ $i -lt 300 ]; do echo "probe: line $((i += 1)) of many that fill the log of the console"; done
	exit 3
	;;
*do=sleep*) /bin/busybox sleep 1000000 ;;
esac
INIT
chmod +x "$work/initramfs/init"
(cd "$work/initramfs" && find . | busybox cpio -o -H newc 2>/dev/null) >"$work/initramfs.cpio"

# boot WHAT STATUS DO HOW [OPTION...]: a guest that does DO; HOW is for the kernel's reboot parameter.
boot() {
	local what=$1 wanted=$2 act=$3 how=$4
	shift 4
	run timeout 300 "$probe" -a "earlycon=uart8250,io,0x3f8 keep_bootcon loglevel=5 panic=-1 \
8250.nr_uarts=0 pci=off tsc=reliable no_timer_check printk.devkmsg=on reboot=$how do=$act" \
		"$@" "$monitor" "$kernel" "$work/initramfs.cpio"
	is "$what" "$status" "$wanted"
}
says() { like "$1" "$(cat "$out")" "$2"; }

boot "poweroff, two processors" 0 poweroff t -c 2
says "the monitor says so" 'guest powered off'
says "the kernel sees both processors" 'probe: cpus 2'
says "it was entered by the 64-bit Linux protocol" 'probe: loader 255'
says "it has its initramfs and ACPI, which lists all slots" 'probe: slots 4'
says "the phases come in order" 'phase loaded.*phase running'

boot "five processors" 0 poweroff t -c 5
says "the kernel sees five" 'probe: cpus 5'

boot "memory beyond the hole" 0 poweroff t -m 5000
memory=$(sed -n 's/.*probe: memory //p' "$out" | head -n 1)
ok "the kernel has it all: ${memory:-no} MiB" test "${memory:-0}" -gt 4700

boot "a reboot by triple fault" 4 reboot t
says "is a reset" 'guest reset'
boot "a reboot by ACPI's register" 4 reboot a
says "is a reset too" 'guest reset'
boot "a reboot by the keyboard controller" 4 reboot k
says "and so is that" 'guest reset'
boot "a panic" 4 panic t
says "leaves its last words" 'Kernel panic'
boot "a process 1 that ends" 4 exit t
says "leaves its last words too" 'Attempted to kill init'

boot "a log that is full" 4 talk t -l 4
size=$(sed -n '/^ended/,$p' "$out" | wc -c)
ok "stays bounded: $size bytes" test "$size" -lt 14000

boot "a guest whose starter goes away ends with it" 0 sleep t -g

head -c 100000 "$kernel" >"$work/short"
# refused WHAT PATTERN ARGS...: the monitor says why in its reply, and ends.
refused() {
	local what=$1 pattern=$2
	shift 2
	run timeout 60 "$probe" "$@"
	is "$what" "$status" 3
	says "and why" "refused: $pattern"
}
refused "a kernel cut short" 'kernel: .*end of the file' "$monitor" "$work/short" "$work/initramfs.cpio"
refused "an empty initramfs" 'the initramfs is empty' "$monitor" "$kernel"
refused "65 processors" '65 vCPUs' -c 65 "$monitor" "$kernel" "$work/initramfs.cpio"
refused "10 MiB" '10 MiB' -m 10 "$monitor" "$kernel" "$work/initramfs.cpio"
truncate -s 60M "$work/large"
refused "an initramfs that does not fit" 'the guest.s memory is too small' \
	-m 64 "$monitor" "$kernel" "$work/large"
same_state "nothing is left" "$before"
