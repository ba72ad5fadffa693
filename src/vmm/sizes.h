/* Sizes of memory, in bytes. */
#pragma once

#define KIB	       (1ULL << 10)
#define MIB	       (1ULL << 20)
#define GIB	       (1ULL << 30)
#define PAGE_BYTES     4096ULL
#define HUGE_BYTES     (2 * MIB) /* a page of the next size: one entry of a page directory */
#define HUGE_DOWN(gpa) ((gpa) & ~(HUGE_BYTES - 1))
