/* The machine: see machine.h. Set up by the main thread; accesses come from vCPU threads. */
#include "vmm/machine.h"

#include "base/auto.h"
#include "base/log.h"
#include "dev/mmio.h"
#include "vmm/kvm.h"
#include "vmm/layout.h"
#include "vmm/vcpu.h"
#include "vmm/x86/acpi.h"
#include "vmm/x86/boot.h"
#include "vmm/x86/regs.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

struct machine {
	struct machine_config config;
	struct kvm kvm;
	struct gmem gm;
	struct mmio slot[MMIO_SLOTS_MAX];
	unsigned slots;
	uint64_t entry;
	struct vcpu *vcpu[MACHINE_VCPUS_MAX];
	atomic_bool com1_divisor; /* COM1's data register is the divisor's now */
	atomic_bool ended;
};

/*
 * Backed as it is touched; the size is a limit, not a cost. Aligned like the guest's addresses:
 * only then can KVM map a huge page of ours as one of the guest's, with one exit instead of 512.
 */
static void *reserve(uint64_t len)
{
	uint8_t *at = mmap(NULL, len + HUGE_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t before;

	if (at == MAP_FAILED)
		return at;
	before = -(uintptr_t)at % HUGE_BYTES;
	if (before)
		munmap(at, before);
	munmap(at + before + len, HUGE_BYTES - before);
	return at + before;
}

static int add_ram(struct machine *m, uint64_t gpa, uint64_t len, struct err *err)
{
	void *hva = reserve(len);
	uint32_t slot = m->gm.count;

	if (hva == MAP_FAILED)
		return err_sys(err, errno, "cannot reserve %llu MiB for the guest",
			(unsigned long long)(len / MIB));
	(void)madvise(hva, len, MADV_DONTDUMP);
	if (gm_add(&m->gm, gpa, len, hva) < 0) {
		munmap(hva, len);
		return err_set(err, EINVAL, "the memory map is wrong");
	}
	return kvm_set_memory(&m->kvm, slot, gpa, len, hva, err);
}

static int add_memory(struct machine *m, struct err *err)
{
	uint64_t total = m->config.memory_mib * MIB;
	uint64_t low = total < GPA_HOLE ? total : GPA_HOLE;
	int r = add_ram(m, 0, low, err);

	return r || total == low ? r : add_ram(m, GPA_HOLE_END, total - low, err);
}

static unsigned processors(const struct machine *m)
{
	return m->config.vcpus + m->config.spare;
}

int machine_new(const struct machine_config *config, struct machine **ret, struct err *err)
{
	struct machine *m;
	int r;

	if (config->vcpus < 1 || config->vcpus > MACHINE_VCPUS_MAX ||
		config->spare > MACHINE_VCPUS_MAX - config->vcpus)
		return err_set(err, EINVAL, "%llu vCPUs asked for, 1 to %d are possible",
			(unsigned long long)config->vcpus + config->spare, MACHINE_VCPUS_MAX);
	if (config->memory_mib < 64 || config->memory_mib > 1 << 20)
		return err_set(err, EINVAL,
			"%llu MiB of memory asked for, 64 to 1048576 are possible",
			(unsigned long long)config->memory_mib);
	m = calloc(1, sizeof(*m));
	if (!m)
		return err_sys(err, ENOMEM, "machine");
	m->config = *config;
	r = kvm_init(&m->kvm, config->kvm_fd, err);
	/* Memory slots first: with an irqchip or vCPUs there, each costs milliseconds. */
	if (r == 0)
		r = add_memory(m, err);
	if (r == 0)
		r = kvm_create_irqchip(&m->kvm, err);
	if (r < 0) {
		machine_free(m);
		return r;
	}
	*ret = m;
	return 0;
}

void machine_free(struct machine *m)
{
	if (!m)
		return;
	for (unsigned i = 0; i < m->slots; i++)
		mmio_done(&m->slot[i]);
	for (unsigned i = 0; i < MACHINE_VCPUS_MAX; i++)
		vcpu_free(m->vcpu[i]);
	kvm_done(&m->kvm);
	for (unsigned i = 0; i < m->gm.count; i++)
		munmap(m->gm.region[i].hva, m->gm.region[i].len);
	free(m);
}

const struct gmem *machine_memory(const struct machine *m)
{
	return &m->gm;
}

int machine_add_device(struct machine *m, struct vdev *dev, struct err *err)
{
	struct mmio *slot = &m->slot[m->slots];
	uint64_t notify = GPA_MMIO_SLOTS + m->slots * PAGE_BYTES + MMIO_QUEUE_NOTIFY;
	int r;

	if (m->slots == MMIO_SLOTS_MAX)
		return err_set(err, ENOSPC, "no slot is left for the %s device", dev->class->name);
	r = mmio_init(slot, dev);
	if (r < 0)
		return err_sys(err, -r, "%s device", dev->class->name);
	r = kvm_irqfd(&m->kvm, slot->irq_fd, GSI_FIRST_SLOT + m->slots, err);
	for (unsigned q = 0; r == 0 && q < dev->queues; q++)
		r = kvm_ioeventfd(&m->kvm, dev->queue[q].kick_fd, notify, q, err);
	m->slots++;
	return r;
}

int machine_load(
	struct machine *m, int kernel_fd, int initrd_fd, const char *cmdline, struct err *err)
{
	AUTO_FREE char *line = NULL;
	int r;

	/* What is known of this machine: the kernel need not look for a PCI bus. */
	if (asprintf(&line, "%s pci=off", cmdline) < 0) {
		line = NULL;
		return err_sys(err, ENOMEM, "machine");
	}
	r = boot_load(&m->gm, kernel_fd, initrd_fd, line, &m->entry, err);
	if (r == 0)
		r = acpi_write(&m->gm, processors(m), m->slots, err);
	return r ? r : regs_write_tables(&m->gm, err);
}

/* All are there before the first runs and may wake the others. */
static int start_processors(struct machine *m, const struct cpuid_table *cpuid, unsigned first,
	unsigned end, struct err *err)
{
	int r = 0;

	for (unsigned i = first; r == 0 && i < end; i++) {
		struct vcpu_config config = {
			.machine = m,
			.kvm = &m->kvm,
			.index = i,
			.count = processors(m),
			.cpuid = cpuid,
			.entry = m->entry,
			.start = m->config.vcpu_start,
			.arg = m->config.arg,
		};

		r = vcpu_new(&config, &m->vcpu[i], err);
	}
	for (unsigned i = first; r == 0 && i < end; i++)
		r = vcpu_run(m->vcpu[i], err);
	return r;
}

int machine_start(struct machine *m, struct err *err)
{
	AUTO_FREE struct cpuid_table *cpuid = calloc(1, sizeof(*cpuid));
	unsigned vcpus = m->config.vcpus;
	int r;

	if (!cpuid)
		return err_sys(err, ENOMEM, "machine");
	r = kvm_supported_cpuid(&m->kvm, cpuid, err);
	if (r == 0)
		r = start_processors(m, cpuid, 0, vcpus, err);
	/* Those that only an update wakes: the guest boots meanwhile. */
	return r ? r : start_processors(m, cpuid, vcpus, processors(m), err);
}

bool machine_ended(const struct machine *m)
{
	return atomic_load(&m->ended);
}

void machine_end(struct machine *m, enum machine_end why)
{
	if (!atomic_exchange(&m->ended, true))
		m->config.ended(m->config.arg, why);
}

/* Ports that mean something: power and reset, the keyboard controller's reset line, COM1's data. */
void machine_port_write(struct machine *m, uint16_t port, const void *data, unsigned len)
{
	uint8_t value;

	if (len != 1)
		return;
	memcpy(&value, data, 1);
	if (port == PORT_POWER && value == POWER_OFF)
		machine_end(m, MACHINE_POWER_OFF);
	else if ((port == PORT_POWER && value == POWER_RESET) ||
		 (port == PORT_I8042 && value == I8042_RESET))
		machine_end(m, MACHINE_RESET);
	else if (port == PORT_COM1_LCR)
		atomic_store(&m->com1_divisor, value & COM1_LCR_DLAB);
	else if (port == PORT_COM1 && !atomic_load(&m->com1_divisor))
		m->config.serial(m->config.arg, value);
}

/* What the guest reads from ports; 0xff, nothing is there, from all others. */
static const struct {
	uint16_t port;
	uint8_t value;
} answers[] = {
	{ PORT_COM1_LSR, COM1_LSR_EMPTY },
	{ PORT_POWER_STATUS, 0 },
	/* The keyboard controller and the clock must look idle, or the guest polls for them. */
	{ PORT_I8042, 0 },
	{ PORT_CMOS_DATA, 0 },
	/* The timer's output is high, or a guest that calibrates by it never ends; no NMI reason.
	 */
	{ PORT_SPEAKER, 0x20 },
};

void machine_port_read(struct machine *m, uint16_t port, void *data, unsigned len)
{
	uint8_t value = 0xff; /* nothing is there */

	(void)m;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (answers[i].port == port)
			value = answers[i].value;
	memset(data, value, len);
}

void machine_mmio(struct machine *m, uint64_t gpa, void *data, unsigned len, bool write)
{
	uint64_t slot = (gpa - GPA_MMIO_SLOTS) / PAGE_BYTES;

	if (gpa >= GPA_MMIO_SLOTS && slot < m->slots) {
		if (write)
			mmio_write(&m->slot[slot], gpa % PAGE_BYTES, data, len);
		else
			mmio_read(&m->slot[slot], gpa % PAGE_BYTES, data, len);
	} else if (!write) {
		memset(data, 0xff, len);
	}
}
