/*
 * The state of vCPUs, interrupt controllers and the clock as bytes: see arch.h. The order in which
 * a vCPU's parts are put back matters: what may be loaded depends on the control registers, the
 * timer on the LAPIC, and events come last.
 */
#include "base/auto.h"
#include "vmm/arch.h"
#include "vmm/kvm.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#define TAG_VM	      SAVED_TAG('x', '8', '6', 'm')
#define TAG_VCPU      SAVED_TAG('x', '8', '6', 'c')
#define STATE_VERSION 1
#define MSRS_MAX      1024
#define XSAVE_MAX     (1U << 20)

#define CHIPS	      3 /* both PICs, the IOAPIC */

int arch_vm_save(const struct kvm *kvm, struct buf *out, struct err *err)
{
	AUTO(buf_done) struct buf body = { 0 };
	struct kvm_clock_data clock = { 0 };
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < CHIPS; i++) {
		struct kvm_irqchip chip = { .chip_id = i };

		r = kvm_ioctl(kvm->vm_fd, KVM_GET_IRQCHIP, &chip, "KVM_GET_IRQCHIP", err);
		if (r == 0 && saved_put_bytes(&body, &chip.chip, sizeof(chip.chip)) < 0)
			return err_sys(err, ENOMEM, "machine state");
	}
	if (r == 0)
		r = kvm_ioctl(kvm->vm_fd, KVM_GET_CLOCK, &clock, "KVM_GET_CLOCK", err);
	if (r < 0)
		return r;
	if (saved_put(&body, clock.clock) < 0 ||
		saved_section(out, TAG_VM, STATE_VERSION, &body) < 0)
		return err_sys(err, ENOMEM, "machine state");
	return 0;
}

int arch_vm_restore(const struct kvm *kvm, struct saved *in, struct err *err)
{
	struct saved body = saved_open(in, TAG_VM, STATE_VERSION);
	struct kvm_irqchip chip[CHIPS] = { 0 };
	struct kvm_clock_data clock = { 0 };
	int r = 0;

	for (uint32_t i = 0; i < CHIPS; i++) {
		chip[i].chip_id = i;
		saved_get_bytes(&body, &chip[i].chip, sizeof(chip[i].chip));
	}
	clock.clock = saved_get(&body, INT64_MAX);
	if (saved_close(&body) < 0)
		return err_set(err, EINVAL, "the saved state of the machine is damaged");
	for (uint32_t i = 0; r == 0 && i < CHIPS; i++)
		r = kvm_ioctl(kvm->vm_fd, KVM_SET_IRQCHIP, &chip[i], "KVM_SET_IRQCHIP", err);
	return r ? r : kvm_ioctl(kvm->vm_fd, KVM_SET_CLOCK, &clock, "KVM_SET_CLOCK", err);
}

/* Everything of a vCPU but what has a size of its own. */
struct parts {
	struct kvm_mp_state mp_state;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs;
	struct kvm_debugregs debugregs;
	struct kvm_lapic_state lapic;
	struct kvm_vcpu_events events;
};

#define PART(member, get, set)                                                                     \
	{                                                                                          \
		offsetof(struct parts, member), sizeof(((struct parts *)0)->member), get, set,     \
			#get, #set                                                                 \
	}

/* In the order of putting back; XSAVE is before `xcrs`, MSRs are before `events`. */
static const struct part {
	size_t offset, size;
	unsigned long get, set;
	const char *get_name, *set_name;
} parts[] = {
	PART(mp_state, KVM_GET_MP_STATE, KVM_SET_MP_STATE),
	PART(regs, KVM_GET_REGS, KVM_SET_REGS),
	PART(sregs, KVM_GET_SREGS, KVM_SET_SREGS),
	PART(xcrs, KVM_GET_XCRS, KVM_SET_XCRS),
	PART(debugregs, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS),
	PART(lapic, KVM_GET_LAPIC, KVM_SET_LAPIC),
	PART(events, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS),
};

#define PART_XCRS   3
#define PART_EVENTS 6

struct msr_list { /* struct kvm_msr_list with room behind it */
	uint32_t count;
	uint32_t index[MSRS_MAX];
};

struct msrs { /* struct kvm_msrs likewise */
	uint32_t count, pad;
	struct kvm_msr_entry entry[MSRS_MAX];
};

struct one_msr {
	uint32_t count, pad;
	struct kvm_msr_entry entry;
};

static size_t xsave_size(const struct kvm *kvm)
{
	int size = ioctl(kvm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);

	return size >= (int)sizeof(struct kvm_xsave) ? (size_t)size : sizeof(struct kvm_xsave);
}

/* KVM_GET_XSAVE2 where there is more than KVM_GET_XSAVE knows. */
static int get_xsave(int fd, void *to, size_t size, struct err *err)
{
	return size > sizeof(struct kvm_xsave)
		       ? kvm_ioctl(fd, KVM_GET_XSAVE2, to, "KVM_GET_XSAVE2", err)
		       : kvm_ioctl(fd, KVM_GET_XSAVE, to, "KVM_GET_XSAVE", err);
}

/* All that KVM knows and this processor has: those that cannot be read are passed over. */
static int get_msrs(const struct kvm *kvm, int fd, struct msrs *ret, struct err *err)
{
	AUTO_FREE struct msr_list *list = calloc(1, sizeof(*list));
	int r;

	if (!list)
		return err_sys(err, ENOMEM, "vCPU state");
	list->count = MSRS_MAX;
	r = kvm_ioctl(kvm->dev_fd, KVM_GET_MSR_INDEX_LIST, list, "KVM_GET_MSR_INDEX_LIST", err);
	if (r < 0)
		return r;
	ret->count = 0;
	for (uint32_t i = 0; i < list->count; i++) {
		struct one_msr one = { .count = 1, .entry.index = list->index[i] };

		if (ioctl(fd, KVM_GET_MSRS, &one) == 1)
			ret->entry[ret->count++] = one.entry;
	}
	return 0;
}

static int put_variable(struct buf *body, const void *xsave, size_t size, const struct msrs *msrs)
{
	int r = saved_put(body, size);

	if (r == 0)
		r = saved_put_bytes(body, xsave, size);
	if (r == 0)
		r = saved_put(body, msrs->count);
	for (uint32_t i = 0; r == 0 && i < msrs->count; i++) {
		r = saved_put(body, msrs->entry[i].index);
		if (r == 0)
			r = saved_put(body, msrs->entry[i].data);
	}
	return r;
}

/* 0: KVM does not know. */
static uint64_t tsc_khz(int fd)
{
	int khz = ioctl(fd, KVM_GET_TSC_KHZ, 0);

	return khz > 0 ? (uint64_t)khz : 0;
}

/* Of another rate the guest's time would go wrong, if KVM cannot scale it. */
static int set_tsc_khz(int fd, uint64_t khz, struct err *err)
{
	if (!khz || khz == tsc_khz(fd) || ioctl(fd, KVM_SET_TSC_KHZ, (unsigned long)khz) == 0)
		return 0;
	return err_set(err, EINVAL, "the processor's clock cannot run at the saved %llu kHz",
		(unsigned long long)khz);
}

int arch_vcpu_save(const struct kvm *kvm, int fd, struct buf *out, struct err *err)
{
	size_t size = xsave_size(kvm);
	AUTO_FREE struct msrs *msrs = calloc(1, sizeof(*msrs));
	AUTO_FREE uint8_t *xsave = calloc(1, size);
	AUTO(buf_done) struct buf body = { 0 };
	struct parts p = { 0 };
	int r = 0;

	if (!msrs || !xsave)
		return err_sys(err, ENOMEM, "vCPU state");
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++)
		r = kvm_ioctl(
			fd, parts[i].get, (uint8_t *)&p + parts[i].offset, parts[i].get_name, err);
	if (r == 0)
		r = get_xsave(fd, xsave, size, err);
	if (r == 0)
		r = get_msrs(kvm, fd, msrs, err);
	if (r < 0)
		return r;
	if (saved_put_bytes(&body, &p, sizeof(p)) < 0 || saved_put(&body, tsc_khz(fd)) < 0 ||
		put_variable(&body, xsave, size, msrs) < 0 ||
		saved_section(out, TAG_VCPU, STATE_VERSION, &body) < 0)
		return err_sys(err, ENOMEM, "vCPU state");
	return 0;
}

/* One that cannot be written is right if it has the value already: some are only to be read. */
static int set_msr(int fd, const struct kvm_msr_entry *msr, struct err *err)
{
	struct one_msr one = { .count = 1, .entry = *msr };

	if (ioctl(fd, KVM_SET_MSRS, &one) == 1)
		return 0;
	if (ioctl(fd, KVM_GET_MSRS, &one) == 1 && one.entry.data == msr->data)
		return 0;
	return err_set(err, EINVAL, "the processor does not take %#llx for its MSR %#x",
		(unsigned long long)msr->data, msr->index);
}

static int set_parts(int fd, const struct parts *p, size_t from, size_t to, struct err *err)
{
	int r = 0;

	for (size_t i = from; r == 0 && i < to; i++)
		r = kvm_ioctl(fd, parts[i].set, (uint8_t *)(uintptr_t)p + parts[i].offset,
			parts[i].set_name, err);
	return r;
}

static void read_msrs(struct saved *in, struct msrs *ret)
{
	ret->count = (uint32_t)saved_get(in, MSRS_MAX);
	for (uint32_t i = 0; !in->wrong && i < ret->count; i++) {
		ret->entry[i].index = (uint32_t)saved_get(in, UINT32_MAX);
		ret->entry[i].data = saved_get(in, UINT64_MAX);
	}
}

int arch_vcpu_restore(const struct kvm *kvm, int fd, struct saved *in, struct err *err)
{
	struct saved body = saved_open(in, TAG_VCPU, STATE_VERSION);
	size_t size = xsave_size(kvm);
	AUTO_FREE struct msrs *msrs = calloc(1, sizeof(*msrs));
	AUTO_FREE uint8_t *xsave = calloc(1, size);
	struct parts p;
	uint64_t khz;
	int r;

	if (!msrs || !xsave)
		return err_sys(err, ENOMEM, "vCPU state");
	saved_get_bytes(&body, &p, sizeof(p));
	khz = saved_get(&body, UINT32_MAX);
	/* Of another processor, or of a KVM that has switched on more. */
	if (saved_get(&body, XSAVE_MAX) != size)
		body.wrong = true;
	saved_get_bytes(&body, xsave, size);
	read_msrs(&body, msrs);
	if (saved_close(&body) < 0)
		return err_set(err, EINVAL, "the saved state of a vCPU is damaged, or another's");
	r = set_tsc_khz(fd, khz, err);
	if (r == 0)
		r = set_parts(fd, &p, 0, PART_XCRS, err);
	if (r == 0)
		r = kvm_ioctl(fd, KVM_SET_XSAVE, xsave, "KVM_SET_XSAVE", err);
	if (r == 0)
		r = set_parts(fd, &p, PART_XCRS, PART_EVENTS, err);
	for (uint32_t i = 0; r == 0 && i < msrs->count; i++)
		r = set_msr(fd, &msrs->entry[i], err);
	return r ? r : set_parts(fd, &p, PART_EVENTS, ARRAY_LEN(parts), err);
}
