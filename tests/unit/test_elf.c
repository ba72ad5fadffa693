/* Kernel headers: good ones, and every way in which a file can lie. */
#include "base/auto.h"
#include "tests/unit/elf_file.h"
#include "vmm/x86/elf.h"

#define FILE_BYTES  0x10000
#define NOTE_OFFSET 0x8000
#define PADDR	    0x1000000

static struct elf_file one_segment(void)
{
	struct elf_file f = elf_file();

	elf_add(&f, PT_LOAD, 0x1000, 0x2000, PADDR);
	f.head.e_entry = f.ph[0].p_vaddr + 0x40;
	return f;
}

/* The file is refused, with this in the message. */
static void refused(const struct elf_file *f, uint64_t size, const char *why)
{
	AUTO_CLOSE int fd = elf_write(f, size);
	struct err err = ERR_NONE;
	struct elf elf;

	assert_int_equal(elf_read(fd, &elf, &err), -ENOEXEC);
	assert_non_null(strstr(err.msg, why));
}

static void accepted(int fd, struct elf *elf)
{
	struct err err = ERR_NONE;

	if (elf_read(fd, elf, &err) < 0)
		fail_msg("%s", err.msg);
}

static void a_kernel_with_two_segments(void **state)
{
	struct elf_file f = one_segment();
	AUTO_CLOSE int fd = -1;
	struct elf elf;

	(void)state;
	elf_add(&f, PT_LOAD, 0x3000, 0x100, PADDR + 0x2000)->p_memsz = 0x5000;
	elf_add(&f, PT_NOTE, NOTE_OFFSET, 20, 0);
	fd = elf_write(&f, FILE_BYTES);
	accepted(fd, &elf);
	assert_int_equal(elf.entry, PADDR + 0x40);
	assert_int_equal(elf.segments, 2);
	assert_int_equal(elf.segment[0].offset, 0x1000);
	assert_int_equal(elf.segment[0].filesz, 0x2000);
	assert_int_equal(elf.segment[0].memsz, 0x2000);
	assert_int_equal(elf.segment[0].paddr, PADDR);
	assert_int_equal(elf.segment[1].filesz, 0x100);
	assert_int_equal(elf.segment[1].memsz, 0x5000);
}

static void an_entry_that_is_physical(void **state)
{
	struct elf_file f = one_segment();
	AUTO_CLOSE int fd = -1;
	struct elf elf;

	(void)state;
	/* Already physical: outside of the segment's virtual addresses, left as it is. */
	f.head.e_entry = PADDR + 0x80;
	elf_add(&f, PT_LOAD, 0, 0, 0); /* empty ones are passed over */
	fd = elf_write(&f, FILE_BYTES);
	accepted(fd, &elf);
	assert_int_equal(elf.entry, PADDR + 0x80);
	assert_int_equal(elf.segments, 1);
}

static void truncated_files_are_refused(void **state)
{
	struct elf_file f = one_segment();
	const uint64_t headers = sizeof(f.head) + sizeof(f.ph[0]);

	(void)state;
	refused(&f, 0, "not an ELF file");
	refused(&f, sizeof(f.head) - 1, "not an ELF file");
	refused(&f, sizeof(f.head), "cut off");
	refused(&f, headers - 1, "cut off");
	refused(&f, headers, "beyond the end");
	refused(&f, 0x2fff, "beyond the end");
	f.head.e_phoff = FILE_BYTES - 10;
	refused(&f, FILE_BYTES, "cut off");
	f.head.e_phoff = FILE_BYTES + 1;
	refused(&f, FILE_BYTES, "impossible program headers");
	f.head.e_phoff = UINT64_MAX;
	refused(&f, FILE_BYTES, "impossible program headers");
}

static void other_files_are_refused(void **state)
{
	struct elf_file f = one_segment();

	(void)state;
	f.head.e_ident[0] = 'M';
	refused(&f, FILE_BYTES, "not an ELF file");
	f = one_segment();
	f.head.e_ident[EI_CLASS] = ELFCLASS32;
	refused(&f, FILE_BYTES, "not a 64-bit x86");
	f = one_segment();
	f.head.e_machine = EM_AARCH64;
	refused(&f, FILE_BYTES, "not a 64-bit x86");
	f = one_segment();
	f.head.e_phentsize = 8;
	refused(&f, FILE_BYTES, "impossible program headers");
	f = elf_file();
	refused(&f, FILE_BYTES, "impossible program headers");
	elf_add(&f, PT_NOTE, NOTE_OFFSET, 20, 0);
	refused(&f, FILE_BYTES, "nothing to load");
	f = one_segment();
	f.head.e_phnum = 65;
	f.head.e_phoff = 0;
	{
		AUTO_CLOSE int fd = memfd_create("kernel", MFD_CLOEXEC);
		struct err err = ERR_NONE;
		struct elf elf;

		elf_put(fd, 0, &f.head, sizeof(f.head));
		assert_int_equal(ftruncate(fd, FILE_BYTES), 0);
		assert_int_equal(elf_read(fd, &elf, &err), -ENOEXEC);
	}
}

static void impossible_segments_are_refused(void **state)
{
	static const struct {
		uint64_t offset, filesz, paddr, memsz;
		const char *why;
	} bad[] = {
		{ 0x1000, FILE_BYTES, PADDR, FILE_BYTES, "beyond the end" },
		{ UINT64_MAX - 1, 0x1000, PADDR, 0x1000, "beyond the end" },
		{ 0x1000, UINT64_MAX, PADDR, UINT64_MAX, "beyond the end" },
		{ 0x1000, 0x1000, UINT64_MAX - 0xfff, 0x1001, "impossible size" },
		{ 0x1000, 0x1000, PADDR, UINT64_MAX, "impossible size" },
		{ 0x1000, 0x1000, PADDR, 0xfff, "impossible size" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct elf_file f = elf_file();

		*elf_add(&f, PT_LOAD, 0, 0, 0) = (Elf64_Phdr){
			.p_type = PT_LOAD,
			.p_offset = bad[i].offset,
			.p_filesz = bad[i].filesz,
			.p_paddr = bad[i].paddr,
			.p_memsz = bad[i].memsz,
		};
		refused(&f, FILE_BYTES, bad[i].why);
	}
}

static void overlapping_segments_are_refused(void **state)
{
	static const uint64_t at[] = { PADDR, PADDR + 0x1fff, PADDR - 0xfff };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(at); i++) {
		struct elf_file f = one_segment();

		elf_add(&f, PT_LOAD, 0x1000, 0x1000, at[i]);
		refused(&f, FILE_BYTES, "overlap");
	}
}

static void neighbours_do_not_overlap(void **state)
{
	struct elf_file f = one_segment();
	AUTO_CLOSE int fd = -1;
	struct elf elf;

	(void)state;
	elf_add(&f, PT_LOAD, 0x1000, 0x1000, PADDR + 0x2000);
	elf_add(&f, PT_LOAD, 0x1000, 0x1000, PADDR - 0x1000);
	fd = elf_write(&f, FILE_BYTES);
	accepted(fd, &elf);
	assert_int_equal(elf.segments, 3);
}

static void too_many_segments_are_refused(void **state)
{
	struct elf_file f = elf_file();
	struct elf elf;

	(void)state;
	for (unsigned i = 0; i < ELF_SEGMENTS_MAX; i++)
		elf_add(&f, PT_LOAD, 0x1000, 0x1000, PADDR + 0x1000 * i);
	{
		AUTO_CLOSE int fd = elf_write(&f, FILE_BYTES);

		accepted(fd, &elf);
		assert_int_equal(elf.segments, ELF_SEGMENTS_MAX);
	}
	elf_add(&f, PT_LOAD, 0x1000, 0x1000, PADDR + 0x1000 * ELF_SEGMENTS_MAX);
	refused(&f, FILE_BYTES, "more than");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kernel_with_two_segments),
		cmocka_unit_test(an_entry_that_is_physical),
		cmocka_unit_test(truncated_files_are_refused),
		cmocka_unit_test(other_files_are_refused),
		cmocka_unit_test(impossible_segments_are_refused),
		cmocka_unit_test(overlapping_segments_are_refused),
		cmocka_unit_test(neighbours_do_not_overlap),
		cmocka_unit_test(too_many_segments_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
