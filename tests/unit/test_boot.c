/* Loading a small kernel and initramfs: what a guest finds in its memory at the first instruction.
 */
#include "base/auto.h"
#include "tests/unit/elf_file.h"
#include "vmm/x86/boot.h"
#include "vmm/x86/layout.h"

#include <asm/bootparam.h>

#define RAM_BYTES    (16 * MIB)
#define PADDR	     (2 * MIB)
#define FILE_BYTES   0x8000
#define TEXT_OFFSET  0x1000
#define TEXT_BYTES   0x2064 /* two pages and some */
#define DATA_OFFSET  0x4010 /* aligned like nothing */
#define DATA_PADDR   (PADDR + 0x10008)
#define INITRD_BYTES 0x1234

struct guest {
	struct gmem gm;
	uint8_t *ram, *high;
	int kernel, initrd;
};

static void guest_done(struct guest *g)
{
	munmap(g->ram, RAM_BYTES);
	if (g->high)
		munmap(g->high, MIB);
	close_fd(&g->kernel);
	close_fd(&g->initrd);
}

DEFINE_AUTO_VAL(guest_done, struct guest)

static uint8_t *pages(size_t len)
{
	/* Aligned as the machine's memory is; what is cut off stays mapped, and unused. */
	uint8_t *p = mmap(
		NULL, len + HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p + -(uintptr_t)p % HUGE_BYTES;
}

static int make_kernel(void)
{
	struct elf_file f = elf_file();
	int fd;

	elf_add(&f, PT_LOAD, TEXT_OFFSET, TEXT_BYTES, PADDR);
	elf_add(&f, PT_LOAD, DATA_OFFSET, 5, DATA_PADDR)->p_memsz = 0x4000;
	f.head.e_entry = f.ph[0].p_vaddr + 0x200;
	fd = elf_write(&f, FILE_BYTES);
	elf_put(fd, TEXT_OFFSET, "text begins", 11);
	elf_put(fd, TEXT_OFFSET + TEXT_BYTES - 9, "text ends", 9);
	elf_put(fd, TEXT_OFFSET + TEXT_BYTES, "not text", 8);
	elf_put(fd, DATA_OFFSET, "data!not data", 13);
	return fd;
}

static int make_initrd(uint64_t len)
{
	int fd = memfd_create("initrd", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	if (len) {
		elf_put(fd, 0, "<", 1);
		elf_put(fd, len - 1, ">", 1);
	}
	return fd;
}

static struct guest guest(void)
{
	struct guest g = { .ram = pages(RAM_BYTES), .kernel = make_kernel(), .initrd = -1 };

	assert_int_equal(gm_add(&g.gm, 0, RAM_BYTES, g.ram), 0);
	return g;
}

static uint64_t load(struct guest *g, const char *cmdline)
{
	uint64_t entry;
	struct err err = ERR_NONE;

	if (boot_load(&g->gm, g->kernel, g->initrd, cmdline, &entry, &err) < 0)
		fail_msg("%s", err.msg);
	return entry;
}

static uint64_t number(const struct guest *g, uint64_t gpa, size_t bytes)
{
	uint64_t n = 0;

	assert_int_equal(gm_read(&g->gm, gpa, &n, bytes), 0);
	return n;
}

static struct boot_params zero_page(const struct guest *g)
{
	struct boot_params p;

	memcpy(&p, g->ram + GPA_BOOT_PARAMS, sizeof(p));
	return p;
}

static void in_map(
	const struct boot_params *p, unsigned i, uint64_t addr, uint64_t size, uint32_t type)
{
	assert_int_equal(p->e820_table[i].addr, addr);
	assert_int_equal(p->e820_table[i].size, size);
	assert_int_equal(p->e820_table[i].type, type);
}

static void segments_are_in_place(const struct guest *g)
{
	static const uint8_t zero[8];

	assert_memory_equal(g->ram + PADDR, "text begins", 11);
	assert_memory_equal(g->ram + PADDR + TEXT_BYTES - 9, "text ends", 9);
	assert_memory_equal(g->ram + PADDR + TEXT_BYTES, zero, 8);
	assert_memory_equal(g->ram + DATA_PADDR, "data!", 5);
	assert_memory_equal(g->ram + DATA_PADDR + 5, zero, 8);
}

static void what_the_kernel_is_told(void **state)
{
	AUTO(guest_done) struct guest g = guest();
	uint64_t entry, initrd = RAM_BYTES - 2 * PAGE_BYTES;
	struct boot_params p;

	(void)state;
	g.initrd = make_initrd(INITRD_BYTES);
	entry = load(&g, "console=hvc0 quiet");
	assert_int_equal(entry, PADDR + 0x200); /* physical, as there are no tables yet */
	segments_are_in_place(&g);
	assert_int_equal(g.ram[initrd], '<');
	assert_int_equal(g.ram[initrd + INITRD_BYTES - 1], '>');
	p = zero_page(&g);
	assert_int_equal(p.hdr.header, 0x53726448);
	assert_int_equal(p.hdr.boot_flag, 0xaa55);
	assert_int_equal(p.hdr.ramdisk_image, initrd);
	assert_int_equal(p.hdr.ramdisk_size, INITRD_BYTES);
	assert_int_equal(p.acpi_rsdp_addr, GPA_RSDP);
	assert_string_equal((char *)g.ram + p.hdr.cmd_line_ptr, "console=hvc0 quiet");
	assert_int_equal(p.e820_entries, 3);
	in_map(&p, 0, 0, GPA_ACPI, 1);
	in_map(&p, 1, GPA_ACPI, GPA_HIGH_RAM - GPA_ACPI, 2);
	in_map(&p, 2, GPA_HIGH_RAM, RAM_BYTES - GPA_HIGH_RAM, 1);
	/* One GiB onto itself by large pages: present, writable, large. */
	assert_int_equal(number(&g, GPA_PML4, 8), GPA_PDPT | 3);
	assert_int_equal(number(&g, GPA_PDPT, 8), GPA_PD | 3);
	assert_int_equal(number(&g, GPA_PD, 8), 0x83);
	assert_int_equal(number(&g, GPA_PD + 511 * 8, 8), 511ULL << 21 | 0x83);
}

static void memory_above_the_hole_is_in_the_map(void **state)
{
	AUTO(guest_done) struct guest g = guest();
	struct boot_params p;

	(void)state;
	g.high = pages(MIB);
	assert_int_equal(gm_add(&g.gm, GPA_HOLE_END, MIB, g.high), 0);
	load(&g, "");
	p = zero_page(&g);
	assert_int_equal(p.e820_entries, 4);
	in_map(&p, 3, GPA_HOLE_END, MIB, 1);
	assert_int_equal(p.hdr.ramdisk_image, 0); /* no initramfs */
	assert_int_equal(p.hdr.ramdisk_size, 0);
}

/* A kernel rewrites its code: a mapping would cost more than the copy. */
static void the_files_are_copied(void **state)
{
	AUTO(guest_done) struct guest g = guest();

	(void)state;
	g.initrd = make_initrd(3 * PAGE_BYTES);
	load(&g, "");
	elf_put(g.kernel, TEXT_OFFSET, "later later", 11);
	elf_put(g.kernel, DATA_OFFSET, "later", 5);
	elf_put(g.initrd, 0, "later", 5);
	segments_are_in_place(&g);
	assert_int_equal(g.ram[RAM_BYTES - 3 * PAGE_BYTES], '<');
	assert_int_equal(g.ram[RAM_BYTES - 3 * PAGE_BYTES + 1], 0);
	assert_int_equal(g.ram[RAM_BYTES - 1], '>');
}

static bool is_touched(const uint8_t *at)
{
	unsigned char present;

	assert_int_equal(mincore((void *)(uintptr_t)at, PAGE_BYTES, &present), 0);
	return present & 1;
}

/* Between the parts of a kernel there are megabytes of padding, which cost no memory. */
static void padding_takes_no_memory(void **state)
{
	static uint8_t padding[HUGE_BYTES];
	struct elf_file f = elf_file();
	AUTO(guest_done) struct guest g = { .kernel = -1, .initrd = -1 };

	(void)state;
	/* Blocks: text and zeros; nothing but traps; a page of something else, and data. */
	elf_add(&f, PT_LOAD, PAGE_BYTES, 6 * MIB, PADDR);
	g.ram = pages(RAM_BYTES);
	assert_int_equal(gm_add(&g.gm, 0, RAM_BYTES, g.ram), 0);
	g.kernel = elf_write(&f, 7 * MIB);
	memset(padding, 0xcc, sizeof(padding));
	elf_put(g.kernel, PAGE_BYTES, "begin", 5);
	elf_put(g.kernel, PAGE_BYTES + 2 * MIB, padding, HUGE_BYTES);
	memset(padding, 0x90, PAGE_BYTES);
	elf_put(g.kernel, PAGE_BYTES + 4 * MIB, padding, PAGE_BYTES);
	elf_put(g.kernel, PAGE_BYTES + 6 * MIB - 4, "end", 4);
	load(&g, "");
	assert_false(is_touched(g.ram + PADDR + 3 * MIB));
	assert_memory_equal(g.ram + PADDR, "begin", 5);
	assert_memory_equal(g.ram + PADDR + 4 * MIB, padding, PAGE_BYTES);
	assert_int_equal(g.ram[PADDR + 4 * MIB + PAGE_BYTES], 0);
	assert_memory_equal(g.ram + PADDR + 6 * MIB - 4, "end", 4);
}

static void refused(struct guest *g, const char *cmdline, int code, const char *why)
{
	uint64_t entry;
	struct err err = ERR_NONE;

	assert_int_equal(boot_load(&g->gm, g->kernel, g->initrd, cmdline, &entry, &err), -code);
	assert_non_null(strstr(err.msg, why));
}

static void too_small_a_memory(void **state)
{
	AUTO(guest_done) struct guest g = guest();

	(void)state;
	g.gm.region[0].len = DATA_PADDR + 0x3fff; /* all of the file, but not of its zeroes */
	refused(&g, "", EFBIG, "does not fit into the guest's memory");
	g.gm.region[0].len = PADDR + PAGE_BYTES;
	refused(&g, "", EFBIG, "does not fit into the guest's memory");
	g.gm.region[0].len = RAM_BYTES;
	for (unsigned i = 0; i < 3; i++) {
		/* Larger than all memory; than what the kernel leaves; and one that only fits. */
		uint64_t room = RAM_BYTES - DATA_PADDR - 0x4000 - PAGE_BYTES;
		const uint64_t size[] = { RAM_BYTES + 1, room + 1, room };

		close_fd(&g.initrd);
		g.initrd = make_initrd(size[i]);
		if (i < 2)
			refused(&g, "", EFBIG, "too small for its initramfs");
		else
			load(&g, "");
	}
	segments_are_in_place(&g);
}

static void an_empty_initramfs(void **state)
{
	AUTO(guest_done) struct guest g = guest();

	(void)state;
	g.initrd = make_initrd(0);
	refused(&g, "", EINVAL, "empty");
}

static void a_kernel_below_the_first_megabyte(void **state)
{
	AUTO(guest_done) struct guest g = guest();
	struct elf_file f = elf_file();

	(void)state;
	elf_add(&f, PT_LOAD, 0x1000, 0x1000, GPA_BOOT_PARAMS);
	close_fd(&g.kernel);
	g.kernel = elf_write(&f, FILE_BYTES);
	refused(&g, "", EFBIG, "does not fit");
}

static void the_command_line_has_a_limit(void **state)
{
	AUTO(guest_done) struct guest g = guest();
	AUTO_FREE char *line = calloc(1, CMDLINE_MAX + 1);

	(void)state;
	assert_non_null(line);
	memset(line, 'a', CMDLINE_MAX);
	refused(&g, line, E2BIG, "boot parameters");
	line[CMDLINE_MAX - 1] = '\0';
	load(&g, line);
	assert_string_equal((char *)g.ram + GPA_CMDLINE, line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_is_told),
		cmocka_unit_test(memory_above_the_hole_is_in_the_map),
		cmocka_unit_test(the_files_are_copied),
		cmocka_unit_test(padding_takes_no_memory),
		cmocka_unit_test(too_small_a_memory),
		cmocka_unit_test(an_empty_initramfs),
		cmocka_unit_test(a_kernel_below_the_first_megabyte),
		cmocka_unit_test(the_command_line_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
