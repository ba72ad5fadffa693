/* Reads the headers of an ELF64 kernel: loadable segments and the entry. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define ELF_SEGMENTS_MAX 16

struct elf_segment {
	uint64_t offset, filesz; /* in the file; within its size */
	uint64_t paddr, memsz;	 /* in memory; no wrap, memsz >= filesz, no overlap */
};

struct elf {
	uint64_t entry; /* physical address of the 64-bit entry */
	unsigned segments;
	struct elf_segment segment[ELF_SEGMENTS_MAX];
};

/* Every number of the file is checked. err names what is wrong. */
int elf_read(int fd, struct elf *ret, struct err *err) CHECKED;
