/* Reads the headers of an ELF64 kernel: loadable segments, entry, and Xen's PVH entry note. */
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
	uint64_t entry;	    /* physical address of the 64-bit entry */
	uint64_t pvh_entry; /* of the 32-bit PVH entry; 0: the kernel has none */
	unsigned segments;
	struct elf_segment segment[ELF_SEGMENTS_MAX];
};

/* Every number of the file is checked. err names what is wrong. */
int elf_read(int fd, struct elf *ret, struct err *err) CHECKED;
