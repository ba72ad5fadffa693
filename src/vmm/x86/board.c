/*
 * The ports of a PC that mean something to us: power and reset, the keyboard controller's reset
 * line, COM1's output. See arch.h. Any vCPU's thread.
 */
#include "base/auto.h"
#include "vmm/arch.h"
#include "vmm/x86/layout.h"

#include <linux/kvm.h>
#include <stdatomic.h>
#include <string.h>

struct arch_board {
	struct arch_board_config config;
	atomic_bool com1_divisor; /* COM1's data register is the divisor's now */
};

int arch_board_new(const struct arch_board_config *config, struct arch_board **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->config = *config;
	return 0;
}

void arch_board_free(struct arch_board *b)
{
	free(b);
}

static void port_write(struct arch_board *b, uint16_t port, uint8_t value)
{
	if (port == PORT_POWER && value == POWER_OFF)
		b->config.end(b->config.arg, MACHINE_POWER_OFF);
	else if ((port == PORT_POWER && value == POWER_RESET) ||
		 (port == PORT_I8042 && value == I8042_RESET))
		b->config.end(b->config.arg, MACHINE_RESET);
	else if (port == PORT_COM1_LCR)
		atomic_store(&b->com1_divisor, value & COM1_LCR_DLAB);
	else if (port == PORT_COM1 && !atomic_load(&b->com1_divisor))
		b->config.serial(b->config.arg, value);
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

static uint8_t port_read(uint16_t port)
{
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (answers[i].port == port)
			return answers[i].value;
	return 0xff; /* nothing is there */
}

bool arch_board_exit(struct arch_board *b, struct kvm_run *run)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	if (run->exit_reason != KVM_EXIT_IO)
		return false;
	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		if (run->io.direction != KVM_EXIT_IO_OUT)
			memset(data, port_read(run->io.port), run->io.size);
		else if (run->io.size == 1)
			port_write(b, run->io.port, *data);
	}
	return true;
}
