/* The ACPI tables as a guest's parser finds them, and as ACPICA's disassembler reads the AML. */
#include "base/auto.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/path.h"
#include "tests/unit/unit.h"
#include "vmm/machine.h"
#include "vmm/x86/acpi.h"
#include "vmm/x86/layout.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

struct machine_memory {
	struct gmem gm;
	uint8_t *ram; /* malloc'd and no larger than needed: a sanitizer sees what leaves it */
};

static void memory_done(struct machine_memory *m)
{
	free(m->ram);
}

DEFINE_AUTO_VAL(memory_done, struct machine_memory)

static struct machine_memory tables(unsigned vcpus, unsigned slots)
{
	struct machine_memory m = { .ram = calloc(1, MIB) };
	struct err err = ERR_NONE;

	assert_non_null(m.ram);
	assert_int_equal(gm_add(&m.gm, 0, MIB, m.ram), 0);
	if (acpi_write(&m.gm, vcpus, slots, &err) < 0)
		fail_msg("%s", err.msg);
	return m;
}

static uint64_t number(const uint8_t *p, size_t bytes)
{
	uint64_t n = 0;

	memcpy(&n, p, bytes);
	return n;
}

static unsigned sum(const uint8_t *p, size_t n)
{
	unsigned s = 0;

	while (n--)
		s += *p++;
	return s & 0xff;
}

/* A table at gpa: below the RSDP, in the reserved range, whole and with a right checksum. */
static const uint8_t *table_at(
	const struct machine_memory *m, uint64_t gpa, const char *signature, uint64_t *ret_len)
{
	assert_in_range(gpa, GPA_ACPI, GPA_RSDP - 36);
	*ret_len = number(m->ram + gpa + 4, 4);
	assert_in_range(*ret_len, 36, GPA_RSDP - gpa);
	assert_memory_equal(m->ram + gpa, signature, 4);
	assert_int_equal(sum(m->ram + gpa, *ret_len), 0);
	return m->ram + gpa;
}

static const uint8_t *from_xsdt(
	const struct machine_memory *m, const char *signature, uint64_t *ret_len)
{
	const uint8_t *rsdp = m->ram + GPA_RSDP;
	uint64_t len;
	const uint8_t *xsdt = table_at(m, number(rsdp + 24, 8), "XSDT", &len);

	assert_int_equal((len - 36) % 8, 0);
	for (uint64_t at = 36; at < len; at += 8) {
		uint64_t gpa = number(xsdt + at, 8);

		if (memcmp(m->ram + gpa, signature, 4) == 0)
			return table_at(m, gpa, signature, ret_len);
	}
	fail_msg("no %s", signature);
	return NULL;
}

static const uint8_t *dsdt_of(const struct machine_memory *m, uint64_t *ret_len)
{
	uint64_t len;
	const uint8_t *fadt = from_xsdt(m, "FACP", &len);

	return table_at(m, number(fadt + 140, 8), "DSDT", ret_len);
}

static void the_rsdp_is_sealed_twice(void **state)
{
	AUTO(memory_done) struct machine_memory m = tables(1, 1);
	const uint8_t *rsdp = m.ram + GPA_RSDP;

	(void)state;
	assert_memory_equal(rsdp, "RSD PTR ", 8);
	assert_int_equal(rsdp[15], 2);
	assert_int_equal(number(rsdp + 16, 4), 0); /* no RSDT */
	assert_int_equal(number(rsdp + 20, 4), 36);
	assert_int_equal(sum(rsdp, 20), 0);
	assert_int_equal(sum(rsdp, 36), 0);
}

static void the_fadt_says_hardware_reduced(void **state)
{
	AUTO(memory_done) struct machine_memory m = tables(1, 1);
	uint64_t len;
	const uint8_t *fadt = from_xsdt(&m, "FACP", &len);

	(void)state;
	assert_int_equal(len, 276);
	assert_int_equal(fadt[8], 6);
	assert_true(number(fadt + 112, 4) & 1U << 20); /* HW_REDUCED_ACPI */
	assert_true(number(fadt + 112, 4) & 1U << 10); /* RESET_REG_SUP */
	assert_int_equal(fadt[116], 1);		       /* an I/O port */
	assert_int_equal(number(fadt + 120, 8), PORT_POWER);
	assert_int_equal(fadt[128], POWER_RESET);
	assert_int_equal(number(fadt + 248, 8), PORT_POWER);
	assert_int_equal(number(fadt + 260, 8), PORT_POWER_STATUS);
	/* No SCI, no PM blocks, no FACS. */
	assert_int_equal(number(fadt + 36, 4), 0);
	assert_int_equal(number(fadt + 46, 2), 0);
	for (size_t at = 56; at < 80; at += 4)
		assert_int_equal(number(fadt + at, 4), 0);
}

static void every_processor_has_its_lapic(void **state)
{
	static const unsigned counts[] = { 1, 2, 7, 64 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		AUTO(memory_done) struct machine_memory m = tables(counts[i], 1);
		uint64_t len;
		const uint8_t *madt = from_xsdt(&m, "APIC", &len);
		unsigned lapics = 0, ioapics = 0;

		assert_int_equal(number(madt + 36, 4), GPA_LAPIC);
		for (uint64_t at = 44; at < len; at += madt[at + 1]) {
			assert_true(madt[at + 1] >= 8 && at + madt[at + 1] <= len);
			if (madt[at] == 0) {
				assert_int_equal(madt[at + 2], lapics);
				assert_int_equal(madt[at + 3], lapics++);
				assert_int_equal(number(madt + at + 4, 4), 1); /* enabled */
			} else {
				assert_int_equal(madt[at], 1);
				assert_int_equal(number(madt + at + 4, 4), GPA_IOAPIC);
				assert_int_equal(number(madt + at + 8, 4), 0); /* first GSI */
				ioapics++;
			}
		}
		assert_int_equal(lapics, counts[i]);
		assert_int_equal(ioapics, 1);
	}
}

/* The bytes of the next device's resource after *p; *p moves behind them. */
static const uint8_t *after(const uint8_t **p, const uint8_t *end, const char *what, size_t len)
{
	const uint8_t *at = memmem(*p, (size_t)(end - *p), what, len);

	if (at)
		*p = at + len;
	return at ? at + len : NULL;
}

static void every_slot_is_a_device(void **state)
{
	(void)state;
	for (unsigned slots = 0; slots <= MACHINE_SLOTS_MAX; slots++) {
		AUTO(memory_done) struct machine_memory m = tables(2, slots);
		uint64_t len;
		const uint8_t *p = dsdt_of(&m, &len), *end = p + len, *found;

		for (unsigned i = 0; i < slots; i++) {
			assert_non_null(after(&p, end, "LNRO0005", 9));
			found = after(&p, end, "\x86\x09\x00\x01", 4); /* Memory32Fixed */
			assert_non_null(found);
			assert_int_equal(number(found, 4), GPA_MMIO_SLOTS + i * PAGE_BYTES);
			assert_int_equal(number(found + 4, 4), PAGE_BYTES);
			/* Interrupt: consumer, edge, one of them */
			found = after(&p, end, "\x89\x06\x00\x03\x01", 5);
			assert_non_null(found);
			assert_int_equal(number(found, 4), GSI_FIRST_SLOT + i);
		}
		assert_null(after(&p, end, "LNRO0005", 9));
		assert_non_null(after(&p, end, "_S5_", 4));
	}
}

static void too_little_memory_is_an_error(void **state)
{
	AUTO_FREE uint8_t *ram = calloc(1, GPA_RSDP);
	struct gmem gm = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	assert_non_null(ram);
	assert_int_equal(gm_add(&gm, 0, GPA_RSDP, ram), 0);
	assert_true(acpi_write(&gm, 1, 1, &err) < 0);
	assert_non_null(strstr(err.msg, "ACPI"));
	/* More processors than the reserved range has room for. */
	err_clear(&err);
	{
		AUTO(memory_done) struct machine_memory m = tables(1, 1);

		assert_true(acpi_write(&m.gm, 100000, 1, &err) < 0);
	}
}

/* Runs iasl quietly; its exit status, or -1 when there is no such program. */
static int iasl(const char *option, const char *file)
{
	char *argv[] = { (char *)"iasl", (char *)option, (char *)file, NULL };
	posix_spawn_file_actions_t to_null;
	pid_t pid;
	int r, status;

	assert_int_equal(posix_spawn_file_actions_init(&to_null), 0);
	for (int fd = 1; fd <= 2; fd++)
		assert_int_equal(
			posix_spawn_file_actions_addopen(&to_null, fd, "/dev/null", O_WRONLY, 0),
			0);
	r = posix_spawnp(&pid, "iasl", &to_null, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&to_null);
	if (r != 0)
		return -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static unsigned count(const char *text, const char *word)
{
	unsigned n = 0;

	for (; (text = strstr(text, word)); text++)
		n++;
	return n;
}

static void acpica_reads_the_dsdt(void **state)
{
	AUTO(memory_done) struct machine_memory m = tables(2, MACHINE_SLOTS_MAX);
	AUTO(buf_done) struct buf text = { 0 };
	char dir[] = "/tmp/test_acpi.XXXXXX", aml[64], dsl[64];
	struct err err = ERR_NONE;
	uint64_t len;
	const uint8_t *dsdt = dsdt_of(&m, &len);
	int r, again = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(aml, sizeof(aml), "%s/dsdt.aml", dir);
	snprintf(dsl, sizeof(dsl), "%s/dsdt.dsl", dir);
	assert_int_equal(file_replace(AT_FDCWD, aml, dsdt, len, 0600, &err), 0);
	r = iasl("-d", aml);
	if (r == 0) {
		assert_int_equal(file_read(AT_FDCWD, dsl, MIB, &text, &err), 0);
		again = iasl("-ve", dsl); /* and its own compiler accepts what it read */
	}
	assert_int_equal(remove_tree(AT_FDCWD, dir), 0);
	if (r < 0) {
		print_message("skipped: iasl (acpica-tools) is not installed\n");
		memory_done(&m); /* skip() does not return */
		skip();
	}
	assert_int_equal(r, 0);
	assert_int_equal(again, 0);
	assert_non_null(buf_str(&text));
	assert_int_equal(count((char *)text.data, "Name (_HID, \"LNRO0005\")"), MACHINE_SLOTS_MAX);
	assert_int_equal(count((char *)text.data, "Memory32Fixed (ReadWrite"), MACHINE_SLOTS_MAX);
	assert_int_equal(count((char *)text.data, "0xD000F000"), 1);
	assert_int_equal(
		count((char *)text.data, "Edge, ActiveHigh, Exclusive"), MACHINE_SLOTS_MAX);
	assert_int_equal(count((char *)text.data, "Name (_S5"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rsdp_is_sealed_twice),
		cmocka_unit_test(the_fadt_says_hardware_reduced),
		cmocka_unit_test(every_processor_has_its_lapic),
		cmocka_unit_test(every_slot_is_a_device),
		cmocka_unit_test(too_little_memory_is_an_error),
		cmocka_unit_test(acpica_reads_the_dsdt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
