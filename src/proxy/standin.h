/*
 * A stand-in for a process in the guest that waits for a seccomp agent's answer. The agent looks a
 * process up by pid: what its arguments point to in /proc/PID/mem, files through /proc/PID/root and
 * cwd. So there is a process on the host which has, at the same addresses, copies of that memory,
 * the container's rootfs as "/", and the same cwd. It has nothing else: its own code is one page
 * somewhere in the middle of nowhere, which does the system calls that it is told to.
 */
#pragma once

#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

#define STANDIN_PAGE	 4096
#define STANDIN_AREAS	 6
#define STANDIN_AREA_MAX (2 * STANDIN_PAGE)
/* Where the addresses of a process end, without five-level page tables. */
#define STANDIN_TOP 0x7ffffffff000ULL

/* Bytes at an address that is the beginning of a page, below STANDIN_TOP with all of them. At most
 * STANDIN_AREA_MAX. */
struct standin_area {
	uint64_t address;
	const void *data;
	size_t len;
};

struct standin {
	pid_t pid;	/* 0: there is none */
	pid_t host_pid; /* as the caller of vmrun knows it */
	int sock;
	unsigned present; /* bit i: it has areas[i] */
};

/*
 * Starts one. proc: a /proc in which its host_pid is found. Areas that cannot be had there (the
 * first pages of memory, as a rule) are left out, as is a cwd that does not exist ("": unknown).
 * Returns 0 or -errno.
 */
int standin_start(int proc, const struct standin_area *areas, unsigned count, const char *cwd,
	struct standin *ret) CHECKED;
/* What is in one of its areas now. -EPIPE: it is dead. */
int standin_read(const struct standin *s, uint64_t from, void *to, size_t len) CHECKED;
/* Ends it. One that is all zeroes is none. */
void standin_end(struct standin *s);

/* A place for its code and data that is in none of the areas. random: any number. For tests. */
uint64_t standin_place(uint64_t random, const struct standin_area *areas, unsigned count);
