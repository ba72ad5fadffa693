/* What kernels and QEMU are told on this architecture: see arch.h. */
#include "base/auto.h"
#include "vmm/arch.h"
#include "vmm/x86/tsc.h"

#include <string.h>

/*
 * No probing for hardware that is not there; the early console is COM1. noreplace-smp: a guest that
 * starts with one processor would take 9,000 lock prefixes out of its code, and put them back when
 * it gets another.
 */
static const char params[] =
	" earlycon=uart8250,io,0x3f8 reboot=t tsc=reliable no_timer_check noreplace-smp "
	"8250.nr_uarts=0 i8042.nokbd i8042.noaux";

int arch_kernel_params(const struct arch_platform *p, struct buf *out)
{
	int r = buf_append_str(out, params);

	/* What is known of the machine: the kernel need not look for a PCI bus. */
	if (r == 0 && !p->pci)
		r = buf_append_str(out, " pci=off");
	/* With KVM the guest is told the frequencies of its clocks; without, it would measure. */
	if (r == 0 && p->qemu && !p->kvm)
		r = buf_printf(out, " tsc_early_khz=%u", tsc_measure_khz());
	return r;
}

struct arch_qemu arch_qemu(const struct arch_platform *p)
{
	/* Without KVM a guest may measure its timer by the PIT. */
	static const struct {
		const char *kvm, *tcg, *suffix;
	} kinds[] = {
		{ "microvm,accel=kvm,pit=off,pic=off,rtc=off", "microvm,accel=tcg", "device" },
		{ "q35,accel=kvm,sata=off,smbus=off,vmport=off",
			"q35,accel=tcg,sata=off,smbus=off,vmport=off", "pci" },
	};

	return (struct arch_qemu){
		.machine = p->kvm ? kinds[p->pci].kvm : kinds[p->pci].tcg,
		.cpu = p->kvm ? "host" : "max",
		.suffix = kinds[p->pci].suffix,
	};
}
