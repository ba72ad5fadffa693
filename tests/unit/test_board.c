/* The board beside memory and virtio: its ports, as exits of KVM. */
#include "base/auto.h"
#include "tests/unit/unit.h"
#include "vmm/arch.h"
#include "vmm/x86/layout.h"

#include <linux/kvm.h>
#include <string.h>

struct board {
	struct arch_board *board;
	char said[16];
	size_t said_len;
	int ends;
	enum machine_end why;

	struct {
		struct kvm_run run;
		uint8_t data[8];
	} exit;
};

static void on_end(void *arg, enum machine_end why)
{
	struct board *b = arg;

	b->ends++;
	b->why = why;
}

static void on_serial(void *arg, uint8_t byte)
{
	struct board *b = arg;

	assert_in_range(b->said_len, 0, sizeof(b->said) - 1);
	b->said[b->said_len++] = (char)byte;
}

static int fresh(void **state)
{
	struct board *b = calloc(1, sizeof(*b));
	struct arch_board_config config = { .end = on_end, .serial = on_serial, .arg = b };

	*state = b;
	return b ? arch_board_new(&config, &b->board) : -1;
}

static int gone(void **state)
{
	struct board *b = *state;

	arch_board_free(b->board);
	free(b);
	return 0;
}

static void io(struct board *b, bool out, uint16_t port, uint8_t size, uint32_t count)
{
	b->exit.run.exit_reason = KVM_EXIT_IO;
	b->exit.run.io.direction = out ? KVM_EXIT_IO_OUT : KVM_EXIT_IO_IN;
	b->exit.run.io.port = port;
	b->exit.run.io.size = size;
	b->exit.run.io.count = count;
	b->exit.run.io.data_offset = (uint64_t)((char *)b->exit.data - (char *)&b->exit.run);
	assert_true(arch_board_exit(b->board, &b->exit.run));
}

static void out(struct board *b, uint16_t port, uint8_t value)
{
	b->exit.data[0] = value;
	io(b, true, port, 1, 1);
}

static uint8_t in(struct board *b, uint16_t port)
{
	b->exit.data[0] = 0x5a;
	io(b, false, port, 1, 1);
	return b->exit.data[0];
}

static void there_are_three_ways_to_end(void **state)
{
	struct board *b = *state;

	out(b, PORT_POWER, 0x21);
	out(b, PORT_I8042, 0x60);
	assert_int_equal(b->ends, 0);
	out(b, PORT_POWER, POWER_OFF);
	assert_int_equal(b->why, MACHINE_POWER_OFF);
	out(b, PORT_POWER, POWER_RESET);
	assert_int_equal(b->why, MACHINE_RESET);
	b->why = MACHINE_POWER_OFF;
	out(b, PORT_I8042, I8042_RESET);
	assert_int_equal(b->why, MACHINE_RESET);
	assert_int_equal(b->ends, 3);
}

static void the_early_console_says_what_is_written(void **state)
{
	struct board *b = *state;

	memcpy(b->exit.data, "hi", 2);
	io(b, true, PORT_COM1, 1, 2);
	/* A divisor is no text. */
	out(b, PORT_COM1_LCR, COM1_LCR_DLAB);
	out(b, PORT_COM1, 1);
	out(b, PORT_COM1_LCR, 3);
	out(b, PORT_COM1, '!');
	assert_int_equal(b->said_len, 3);
	assert_memory_equal(b->said, "hi!", 3);
	assert_int_equal(in(b, PORT_COM1_LSR), COM1_LSR_EMPTY);
}

static void what_is_not_there_reads_as_ones(void **state)
{
	struct board *b = *state;

	assert_int_equal(in(b, PORT_I8042), 0);
	assert_int_equal(in(b, PORT_CMOS_DATA), 0);
	assert_int_equal(in(b, PORT_POWER_STATUS), 0);
	assert_int_equal(in(b, PORT_SPEAKER), 0x20);
	assert_int_equal(in(b, 0x1234), 0xff);
	memset(b->exit.data, 0, sizeof(b->exit.data));
	io(b, false, 0xcf8, 4, 1);
	assert_memory_equal(b->exit.data, "\xff\xff\xff\xff\0", 5);
	/* Wider writes mean nothing anywhere. */
	b->exit.data[0] = POWER_OFF;
	io(b, true, PORT_POWER, 4, 1);
	assert_int_equal(b->ends, 0);
}

static void other_exits_are_not_its(void **state)
{
	struct board *b = *state;

	b->exit.run.exit_reason = KVM_EXIT_HLT;
	assert_false(arch_board_exit(b->board, &b->exit.run));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(there_are_three_ways_to_end, fresh, gone),
		cmocka_unit_test_setup_teardown(
			the_early_console_says_what_is_written, fresh, gone),
		cmocka_unit_test_setup_teardown(what_is_not_there_reads_as_ones, fresh, gone),
		cmocka_unit_test_setup_teardown(other_exits_are_not_its, fresh, gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
