/* Small ELF kernels in a memfd, for the tests of what reads them. */
#pragma once

#include "tests/unit/unit.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Program headers follow the ELF header; segments and notes have the rest of the file. */
struct elf_file {
	Elf64_Ehdr head;
	Elf64_Phdr ph[64];
};

static inline struct elf_file elf_file(void)
{
	struct elf_file f = { .head = {
				      .e_type = ET_EXEC,
				      .e_machine = EM_X86_64,
				      .e_version = EV_CURRENT,
				      .e_phoff = sizeof(Elf64_Ehdr),
				      .e_ehsize = sizeof(Elf64_Ehdr),
				      .e_phentsize = sizeof(Elf64_Phdr),
			      } };

	memcpy(f.head.e_ident, ELFMAG, SELFMAG);
	f.head.e_ident[EI_CLASS] = ELFCLASS64;
	f.head.e_ident[EI_DATA] = ELFDATA2LSB;
	f.head.e_ident[EI_VERSION] = EV_CURRENT;
	return f;
}

static inline Elf64_Phdr *elf_add(
	struct elf_file *f, uint32_t type, uint64_t offset, uint64_t filesz, uint64_t paddr)
{
	Elf64_Phdr *ph = &f->ph[f->head.e_phnum++];

	*ph = (Elf64_Phdr){
		.p_type = type,
		.p_offset = offset,
		.p_filesz = filesz,
		.p_memsz = filesz,
		.p_paddr = paddr,
		.p_vaddr = paddr + 0xffffffff80000000ULL,
	};
	return ph;
}

static inline void elf_put(int fd, uint64_t offset, const void *data, size_t len)
{
	assert_int_equal(pwrite(fd, data, len, (off_t)offset), (ssize_t)len);
}

/* A file of `size` bytes with these headers; the caller closes it. */
static inline int elf_write(const struct elf_file *f, uint64_t size)
{
	int fd = memfd_create("kernel", MFD_CLOEXEC);

	assert_true(fd >= 0);
	elf_put(fd, 0, f, sizeof(f->head) + f->head.e_phnum * sizeof(f->ph[0]));
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	return fd;
}
