/* A notification's target: see target.h. */
#include "agent/target.h"

#include "base/auto.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>

static bool is_copied(const struct target_copies *c, uint64_t page)
{
	for (size_t i = 0; i < c->n; i++)
		if (page == c->area[i].address)
			return true;
	return false;
}

/* Whatever an argument is, if it is an address there, its bytes are what one would look at. */
static void copy_at(struct target_copies *c, int mem, uint64_t arg)
{
	uint64_t page = arg & ~(uint64_t)(TARGET_PAGE_BYTES - 1);
	Vmrun__Agent__MemoryCopy *area = &c->area[c->n];
	ssize_t got;

	if (page == 0 || page > INT64_MAX - sizeof(c->bytes[0]) || is_copied(c, page))
		return;
	got = pread(mem, c->bytes[c->n], sizeof(c->bytes[c->n]), (off_t)page);
	if (got <= 0)
		return;
	vmrun__agent__memory_copy__init(area);
	area->address = page;
	area->data.data = c->bytes[c->n];
	area->data.len = (size_t)got;
	c->list[c->n++] = area;
}

static int open_mem(pid_t pid, int flags)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	return open(path, flags | O_CLOEXEC);
}

void target_copy(struct target_copies *c, const struct seccomp_notif *n)
{
	AUTO_CLOSE int mem = open_mem((pid_t)n->pid, O_RDONLY);
	char path[32];
	ssize_t len;

	c->n = 0;
	for (unsigned i = 0; i < TARGET_ARGS && mem >= 0; i++)
		copy_at(c, mem, n->data.args[i]);
	snprintf(path, sizeof(path), "/proc/%u/cwd", n->pid);
	len = readlink(path, c->cwd, sizeof(c->cwd) - 1);
	c->cwd[len > 0 ? len : 0] = '\0';
}

int target_open(pid_t pid)
{
	int fd = open_mem(pid, O_WRONLY);

	return fd < 0 ? -errno : fd;
}

int target_write(int mem, Vmrun__Agent__MemoryCopy *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const Vmrun__Agent__MemoryCopy *m = list[i];

		if (pwrite(mem, m->data.data, m->data.len, (off_t)m->address) !=
			(ssize_t)m->data.len)
			return -EFAULT;
	}
	return 0;
}
