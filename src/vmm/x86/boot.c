/* Loading what the guest boots: see boot.h. Before any vCPU runs. */
#include "vmm/x86/boot.h"

#include "vmm/x86/elf.h"
#include "vmm/x86/layout.h"

#include <asm/bootparam.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* Linux describes each page of 4 KiB by 64 bytes; the rest of what it takes first is 4 MiB. */
#define PAGE_TABLE_RATIO 64
#define EARLY_BYTES	 (4 * MIB)
#define SPARSE_BYTES	 (8 * MIB)
#define SPARSE_PAGES	 64 /* of a block's 512 */
#define INT3		 0xcc

#define E820_RAM	 1
#define E820_RESERVED	 2

struct initrd {
	uint64_t gpa, len;
};

/* In the guest's memory, which is one mapping of ours as far as the kernel may lie. */
static void advise(const struct gmem *gm, uint64_t from, uint64_t to, int advice)
{
	void *at = from < to ? gm_ptr(gm, from, to - from) : NULL;

	/* A host without huge pages only boots its guests more slowly. */
	if (at)
		(void)madvise(at, to - from, advice);
}

/* What linkers put between the parts of a kernel: zeros, or traps between those of its code. */
static bool is_padding(const uint8_t *p, uint64_t len)
{
	return (p[0] == 0 || p[0] == INT3) && memcmp(p, p + 1, len - 1) == 0;
}

/* Of the block at gpa little is used: huge pages would be wasted on it. */
static bool is_sparse(const uint8_t *block)
{
	unsigned used = 0;

	for (uint64_t at = 0; at < HUGE_BYTES; at += PAGE_BYTES)
		used += !is_padding(block + at, PAGE_BYTES);
	return used < SPARSE_PAGES;
}

/* All but padding, which needs no memory. */
static void copy_pages(const struct gmem *gm, uint64_t gpa, const uint8_t *from, uint64_t len)
{
	uint8_t *to = gm_ptr(gm, gpa, len);
	uint64_t n;

	for (uint64_t at = 0; at < len; at += n) {
		n = PAGE_BYTES - (gpa + at) % PAGE_BYTES;
		if (n > len - at)
			n = len - at;
		if ((gpa + at) % HUGE_BYTES == 0 && len - at >= HUGE_BYTES && is_sparse(from + at))
			advise(gm, gpa + at, gpa + at + HUGE_BYTES, MADV_NOHUGEPAGE);
		if (n < PAGE_BYTES || !is_padding(from + at, n))
			memcpy(to + at, from + at, n);
	}
}

/*
 * Copied, not mapped: a kernel rewrites nearly each page of its code while it boots, which of a
 * mapping would cost three exits and a page; a copy in huge pages costs one exit for 512 of them.
 * The initramfs is read once, and its memory is then the guest's.
 */
static int copy_file(
	const struct gmem *gm, int fd, uint64_t offset, uint64_t len, uint64_t gpa, struct err *err)
{
	uint64_t before = offset % PAGE_BYTES;
	uint8_t *file;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "kernel or initramfs");
	if (offset > (uint64_t)st.st_size || len > (uint64_t)st.st_size - offset)
		return err_set(err, EIO, "the kernel or initramfs ends early");
	file = mmap(NULL, before + len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd,
		(off_t)(offset - before));
	if (file == MAP_FAILED)
		return err_sys(err, errno, "cannot map the kernel or initramfs");
	copy_pages(gm, gpa, file + before, len);
	munmap(file, before + len);
	return 0;
}

/* Where the kernel will lie, and what it fills first: its table of all pages, near the top. */
static void advise_huge(const struct gmem *gm, const struct elf *elf)
{
	uint64_t first = UINT64_MAX, end = 0, top = gm->region[0].len;
	uint64_t table = top / PAGE_TABLE_RATIO + EARLY_BYTES;

	for (unsigned i = 0; i < elf->segments; i++) {
		const struct elf_segment *s = &elf->segment[i];

		if (s->paddr < first)
			first = s->paddr;
		if (s->paddr + s->memsz > end)
			end = s->paddr + s->memsz;
	}
	first = HUGE_DOWN(first);
	/* Linux takes its first pages from the lowest block, most of it; others here and there. */
	advise(gm, 0, HUGE_BYTES, MADV_HUGEPAGE);
	advise(gm, HUGE_BYTES, first < SPARSE_BYTES ? first : SPARSE_BYTES, MADV_NOHUGEPAGE);
	advise(gm, HUGE_DOWN(end), HUGE_DOWN(end) + HUGE_BYTES, MADV_NOHUGEPAGE);
	advise(gm, first, HUGE_DOWN(end), MADV_HUGEPAGE);
	if (table < top - end)
		advise(gm, HUGE_DOWN(top - table), top, MADV_HUGEPAGE);
}

static int load_segments(
	const struct gmem *gm, int fd, const struct elf *elf, uint64_t *ret_end, struct err *err)
{
	*ret_end = GPA_HIGH_RAM;
	for (unsigned i = 0; i < elf->segments; i++) {
		const struct elf_segment *s = &elf->segment[i];

		if (s->paddr < GPA_HIGH_RAM || !gm_ptr(gm, s->paddr, s->memsz))
			return err_set(err, EFBIG,
				"kernel: a segment of %llu KiB at %#llx does not fit into the "
				"guest's memory",
				(unsigned long long)(s->memsz / KIB), (unsigned long long)s->paddr);
		if (s->paddr + s->memsz > *ret_end)
			*ret_end = s->paddr + s->memsz;
	}
	advise_huge(gm, elf);
	for (unsigned i = 0; i < elf->segments; i++) {
		const struct elf_segment *s = &elf->segment[i];
		int r = s->filesz ? copy_file(gm, fd, s->offset, s->filesz, s->paddr, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int load_initrd(
	const struct gmem *gm, int fd, uint64_t kernel_end, struct initrd *ret, struct err *err)
{
	struct stat st;
	uint64_t top = gm->region[0].len, len;

	*ret = (struct initrd){ 0, 0 };
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "initramfs");
	len = (uint64_t)st.st_size;
	if (len == 0)
		return err_set(err, EINVAL, "the initramfs is empty");
	if (len > top || top - len < kernel_end + PAGE_BYTES)
		return err_set(err, EFBIG,
			"the guest's memory is too small for its initramfs of %llu KiB",
			(unsigned long long)(len / KIB));
	*ret = (struct initrd){ (top - len) & ~(PAGE_BYTES - 1), len };
	return copy_file(gm, fd, 0, len, ret->gpa, err);
}

static void add_memory(struct boot_params *p, uint64_t from, uint64_t to, uint32_t type)
{
	p->e820_table[p->e820_entries++] = (struct boot_e820_entry){ from, to - from, type };
}

static int write_boot_params(const struct gmem *gm, const struct initrd *initrd, size_t cmdline_len)
{
	const struct gmem_region *high = gm->count > 1 ? &gm->region[1] : NULL;
	struct boot_params p = { 0 };

	p.acpi_rsdp_addr = GPA_RSDP;
	p.hdr.boot_flag = 0xaa55;
	p.hdr.header = 0x53726448; /* "HdrS" */
	p.hdr.version = 0x20c;
	p.hdr.type_of_loader = 0xff;
	p.hdr.cmd_line_ptr = GPA_CMDLINE;
	p.hdr.cmdline_size = (uint32_t)cmdline_len;
	p.hdr.kernel_alignment = 0x1000000;
	p.hdr.ramdisk_image = (uint32_t)initrd->gpa;
	p.hdr.ramdisk_size = (uint32_t)initrd->len;
	add_memory(&p, 0, GPA_ACPI, E820_RAM);
	add_memory(&p, GPA_ACPI, GPA_HIGH_RAM, E820_RESERVED);
	add_memory(&p, GPA_HIGH_RAM, gm->region[0].len, E820_RAM);
	if (high)
		add_memory(&p, high->gpa, high->gpa + high->len, E820_RAM);
	return gm_write(gm, GPA_BOOT_PARAMS, &p, sizeof(p));
}

/* The first GiB mapped to itself by 2 MiB pages, as the 64-bit protocol asks. */
static int write_page_tables(const struct gmem *gm)
{
	uint64_t pml4 = GPA_PDPT | 3, pdpt = GPA_PD | 3, pd[512];
	int r;

	for (uint64_t i = 0; i < 512; i++)
		pd[i] = i << 21 | 0x83;
	r = gm_write(gm, GPA_PML4, &pml4, sizeof(pml4));
	if (r == 0)
		r = gm_write(gm, GPA_PDPT, &pdpt, sizeof(pdpt));
	return r ? r : gm_write(gm, GPA_PD, pd, sizeof(pd));
}

static int write_tables(const struct gmem *gm, const struct initrd *initrd, const char *cmdline)
{
	size_t len = strlen(cmdline) + 1;
	int r = len > CMDLINE_MAX ? -E2BIG : gm_write(gm, GPA_CMDLINE, cmdline, len);

	if (r == 0)
		r = write_page_tables(gm);
	return r ? r : write_boot_params(gm, initrd, len);
}

int boot_load(const struct gmem *gm, int kernel_fd, int initrd_fd, const char *cmdline,
	uint64_t *ret_entry, struct err *err)
{
	struct initrd initrd = { 0, 0 };
	struct elf elf;
	uint64_t end;
	int r = elf_read(kernel_fd, &elf, err);

	if (r == 0)
		r = load_segments(gm, kernel_fd, &elf, &end, err);
	if (r == 0)
		r = load_initrd(gm, initrd_fd, end, &initrd, err);
	if (r < 0)
		return r;
	*ret_entry = elf.entry;
	r = write_tables(gm, &initrd, cmdline);
	return r < 0 ? err_sys(err, -r, "cannot write the boot parameters") : 0;
}
