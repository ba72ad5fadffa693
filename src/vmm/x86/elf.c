/* ELF headers of a kernel: see elf.h. The file is checked as if it were hostile. */
#include "vmm/x86/elf.h"

#include <elf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROGRAM_HEADERS_MAX 64

static int read_at(int fd, void *to, size_t len, uint64_t offset)
{
	ssize_t n;

	if (offset > INT64_MAX)
		return -EINVAL;
	do
		n = pread(fd, to, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)len ? 0 : -EIO;
}

static bool overlaps(const struct elf *elf, const Elf64_Phdr *ph)
{
	for (unsigned i = 0; i < elf->segments; i++) {
		const struct elf_segment *s = &elf->segment[i];

		if (ph->p_paddr < s->paddr + s->memsz && s->paddr < ph->p_paddr + ph->p_memsz)
			return true;
	}
	return false;
}

static int add_segment(const Elf64_Phdr *ph, uint64_t file_size, struct elf *elf, struct err *err)
{
	uint64_t end;

	if (ph->p_memsz == 0)
		return 0;
	if (elf->segments == ELF_SEGMENTS_MAX)
		return err_set(
			err, ENOEXEC, "kernel: more than %d loadable segments", ELF_SEGMENTS_MAX);
	if (__builtin_add_overflow(ph->p_offset, ph->p_filesz, &end) || end > file_size)
		return err_set(err, ENOEXEC, "kernel: a segment lies beyond the end of the file");
	if (__builtin_add_overflow(ph->p_paddr, ph->p_memsz, &end) || ph->p_memsz < ph->p_filesz)
		return err_set(err, ENOEXEC, "kernel: a segment has an impossible size");
	if (overlaps(elf, ph))
		return err_set(err, ENOEXEC, "kernel: segments overlap");
	elf->segment[elf->segments++] = (struct elf_segment){
		.offset = ph->p_offset,
		.filesz = ph->p_filesz,
		.paddr = ph->p_paddr,
		.memsz = ph->p_memsz,
	};
	/* The 64-bit entry may be given as a virtual address; the guest starts without its tables.
	 */
	if (elf->entry >= ph->p_vaddr && elf->entry - ph->p_vaddr < ph->p_memsz)
		elf->entry = ph->p_paddr + (elf->entry - ph->p_vaddr);
	return 0;
}

static int read_program_headers(
	int fd, const Elf64_Ehdr *eh, uint64_t file_size, struct elf *elf, struct err *err)
{
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		Elf64_Phdr ph;
		int r = read_at(fd, &ph, sizeof(ph), eh->e_phoff + (uint64_t)i * sizeof(ph));

		if (r < 0)
			return err_set(err, ENOEXEC, "kernel: its program headers are cut off");
		if (ph.p_type == PT_LOAD)
			r = add_segment(&ph, file_size, elf, err);
		if (r < 0)
			return r;
	}
	if (elf->segments == 0)
		return err_set(err, ENOEXEC, "kernel: nothing to load in it");
	return 0;
}

int elf_read(int fd, struct elf *ret, struct err *err)
{
	Elf64_Ehdr eh;
	struct stat st;

	*ret = (struct elf){ 0 };
	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "kernel");
	if (read_at(fd, &eh, sizeof(eh), 0) < 0 || memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0)
		return err_set(err, ENOEXEC, "kernel: not an ELF file");
	if (eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_machine != EM_X86_64)
		return err_set(err, ENOEXEC, "kernel: not a 64-bit x86 ELF file");
	if (eh.e_phentsize != sizeof(Elf64_Phdr) || eh.e_phnum == 0 ||
		eh.e_phnum > PROGRAM_HEADERS_MAX || eh.e_phoff > (uint64_t)st.st_size)
		return err_set(err, ENOEXEC, "kernel: impossible program headers");
	ret->entry = eh.e_entry;
	return read_program_headers(fd, &eh, (uint64_t)st.st_size, ret, err);
}
