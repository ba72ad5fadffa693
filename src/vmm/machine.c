/* The machine: see machine.h. Set up by the main thread; accesses come from vCPU threads. */
#include "vmm/machine.h"

#include "base/auto.h"
#include "dev/mmio.h"
#include "vmm/arch.h"
#include "vmm/kvm.h"
#include "vmm/sizes.h"
#include "vmm/vcpu.h"

#include <string.h>
#include <sys/mman.h>

struct machine {
	struct machine_config config;
	struct kvm kvm;
	struct gmem gm;
	struct arch_board *board;
	struct mmio slot[MACHINE_SLOTS_MAX];
	unsigned slots;
	uint64_t entry;
	struct vcpu *vcpu[MACHINE_VCPUS_MAX];
	atomic_bool ended; /* no vCPU enters the guest again */
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
	uint64_t room = arch_map.hole - arch_map.ram, low = total < room ? total : room;
	int r = add_ram(m, arch_map.ram, low, err);

	return r || total == low ? r : add_ram(m, arch_map.hole_end, total - low, err);
}

static unsigned processors(const struct machine *m)
{
	return m->config.vcpus + m->config.spare;
}

static void serial(void *arg, uint8_t byte)
{
	const struct machine *m = arg;

	m->config.serial(m->config.arg, byte);
}

static void end(void *arg, enum machine_end why)
{
	struct machine *m = arg;

	if (!atomic_exchange(&m->ended, true))
		m->config.ended(m->config.arg, why);
}

static int make_board(struct machine *m, struct err *err)
{
	struct arch_board_config config = {
		.end = end,
		.serial = serial,
		.arg = m,
	};
	int r = arch_board_new(&config, &m->board);

	return r < 0 ? err_sys(err, -r, "machine") : 0;
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
		r = arch_irqchip_init(&m->kvm, err);
	if (r == 0)
		r = make_board(m, err);
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
	arch_board_free(m->board);
	kvm_done(&m->kvm);
	for (unsigned i = 0; i < m->gm.count; i++)
		munmap(m->gm.region[i].hva, m->gm.region[i].len);
	free(m);
}

const struct gmem *machine_memory(const struct machine *m)
{
	return &m->gm;
}

static uint64_t notify_gpa(unsigned slot)
{
	return arch_map.slots + slot * MMIO_SLOT_SIZE + MMIO_QUEUE_NOTIFY;
}

/* The device's queues are kicked by the guest's writes to the slot; all, or none. */
static int connect_queues(struct machine *m, const struct vdev *dev, unsigned slot, struct err *err)
{
	unsigned q = 0;
	int r = 0;

	for (; r == 0 && q < dev->queues; q++)
		r = kvm_ioeventfd(&m->kvm, dev->queue[q].kick_fd, notify_gpa(slot), q, err);
	while (r < 0 && q--)
		kvm_ioeventfd_remove(&m->kvm, dev->queue[q].kick_fd, notify_gpa(slot), q);
	return r;
}

static int add_slot(struct machine *m, struct vdev *dev, const char *what, struct err *err)
{
	struct mmio *slot = &m->slot[m->slots];
	int r;

	if (m->slots == MACHINE_SLOTS_MAX)
		return err_set(err, ENOSPC, "no slot is left for the %s device", what);
	r = mmio_init(slot, dev);
	if (r < 0)
		return err_sys(err, -r, "%s device", what);
	return kvm_irqfd(&m->kvm, slot->irq_fd, arch_map.slot_irq + m->slots++, err);
}

int machine_add_device(struct machine *m, struct vdev *dev, struct err *err)
{
	int r = add_slot(m, dev, dev->class->name, err);

	return r ? r : connect_queues(m, dev, m->slots - 1, err);
}

int machine_add_slots(struct machine *m, unsigned count, struct err *err)
{
	int r = 0;

	while (r == 0 && count--)
		r = add_slot(m, NULL, "next", err);
	return r;
}

int machine_fill_slot(struct machine *m, struct vdev *dev, unsigned *ret, struct err *err)
{
	unsigned i = 0;
	int r;

	while (i < m->slots && m->slot[i].dev)
		i++;
	if (i == m->slots)
		return err_set(err, ENOSPC, "no slot is empty for the %s device", dev->class->name);
	r = connect_queues(m, dev, i, err);
	if (r == 0 && (r = mmio_plug(&m->slot[i], dev)) < 0)
		err_sys(err, -r, "%s device", dev->class->name);
	*ret = i;
	return r;
}

int machine_load(
	struct machine *m, int kernel_fd, int initrd_fd, const char *cmdline, struct err *err)
{
	struct arch_boot boot = {
		.kernel_fd = kernel_fd,
		.initrd_fd = initrd_fd,
		.cmdline = cmdline,
		.vcpus = processors(m),
		.slots = m->slots,
	};

	return arch_load(&m->gm, &boot, &m->entry, err);
}

/* A guest access to memory that is not RAM. */
static void mmio(void *arg, uint64_t gpa, void *data, unsigned len, bool write)
{
	struct machine *m = arg;
	uint64_t slot = (gpa - arch_map.slots) / MMIO_SLOT_SIZE;

	if (gpa >= arch_map.slots && slot < m->slots) {
		if (write)
			mmio_write(&m->slot[slot], gpa % MMIO_SLOT_SIZE, data, len);
		else
			mmio_read(&m->slot[slot], gpa % MMIO_SLOT_SIZE, data, len);
	} else if (!write) {
		memset(data, 0xff, len);
	}
}

static int vcpu_begins(void *arg)
{
	const struct machine *m = arg;

	return m->config.vcpu_start ? m->config.vcpu_start(m->config.arg) : 0;
}

/* All are there before the first runs and may wake the others. */
static int start_processors(struct machine *m, const struct arch_vcpus *all, unsigned first,
	unsigned past, struct err *err)
{
	struct vcpu_config config = {
		.kvm = &m->kvm,
		.board = m->board,
		.over = &m->ended,
		.start = vcpu_begins,
		.mmio = mmio,
		.end = end,
		.arg = m,
	};
	int r = 0;

	for (unsigned i = first; r == 0 && i < past; i++) {
		config.index = i;
		r = vcpu_new(&config, all, m->entry, &m->vcpu[i], err);
	}
	for (unsigned i = first; r == 0 && i < past; i++)
		r = vcpu_run(m->vcpu[i], err);
	return r;
}

int machine_start(struct machine *m, struct err *err)
{
	AUTO(arch_vcpus_free) struct arch_vcpus *all = NULL;
	unsigned vcpus = m->config.vcpus;
	int r = arch_vcpus_new(&m->kvm, processors(m), &all, err);

	if (r == 0)
		r = start_processors(m, all, 0, vcpus, err);
	/* Those that only an update wakes: the guest boots meanwhile. */
	return r ? r : start_processors(m, all, vcpus, processors(m), err);
}
