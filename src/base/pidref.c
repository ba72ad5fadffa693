/* Processes named for good: see pidref.h. */
#include "base/pidref.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/str.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define FIELD_STATE	 3
#define FIELD_START_TIME 22

/* The text of a field of /proc/PID/stat, which come after the name in parentheses. */
static const char *field(char *after_name, int number)
{
	char *save = NULL, *word = strtok_r(after_name, " ", &save);

	for (int i = FIELD_STATE; word && i < number; i++)
		word = strtok_r(NULL, " ", &save);
	return word;
}

int pidref_get(pid_t pid, struct pidref *ret)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct err err = ERR_NONE;
	char path[32], *name_end;
	const char *start;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(AT_FDCWD, path, 4096, &b, &err) < 0 || !buf_str(&b))
		return -ESRCH;
	/* The name may hold anything, also parentheses: the last one ends it. */
	name_end = strrchr((char *)b.data, ')');
	if (!name_end || name_end[1] != ' ' || name_end[2] == 'Z' || name_end[2] == 'X')
		return -ESRCH;
	start = field(name_end + 2, FIELD_START_TIME);
	if (!start || str_to_u64(start, &ret->start_time) < 0)
		return -ESRCH;
	ret->pid = pid;
	return 0;
}

bool pidref_alive(const struct pidref *p)
{
	struct pidref now;

	return p->pid > 0 && pidref_get(p->pid, &now) == 0 && now.start_time == p->start_time;
}

int pidref_open(const struct pidref *p)
{
	AUTO_CLOSE int fd = p->pid > 0 ? (int)syscall(SYS_pidfd_open, p->pid, 0) : -1;

	/* Looked at after the pidfd is open: from then on the pid cannot be another's. */
	if (fd < 0 || !pidref_alive(p))
		return -ESRCH;
	return steal_fd(&fd);
}

int pidref_kill(const struct pidref *p, unsigned timeout_ms)
{
	AUTO_CLOSE int fd = pidref_open(p);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return 0;
	if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0)
		return errno == ESRCH ? 0 : -errno;
	return poll(&poll_fd, 1, (int)timeout_ms) > 0 ? 0 : -ETIMEDOUT;
}
