/* The processes of a container, from /proc, for ListProcesses. */
#include "agent/container.h"
#include "base/fd.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <time.h>

#define PROCESSES_MAX 4096
#define COMMAND_MAX   4096
/* Clock ticks of /proc are 1/100 s whatever the kernel's own HZ is. */
#define TICK_MS	   10
#define PAGE_BYTES 4096
/* Documentation/admin-guide/devices.txt */
#define PTS_MAJOR_FIRST 136
#define PTS_MAJOR_LAST	143

struct process_list {
	Vmrun__Agent__ProcessInfo **items;
	size_t count;
	int64_t booted_at_ns; /* CLOCK_REALTIME when CLOCK_BOOTTIME was 0 */
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int read_proc(pid_t pid, const char *file, struct buf *out)
{
	char path[64];
	AUTO_CLOSE int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (buf_reserve(out, COMMAND_MAX + 1) < 0)
		return -ENOMEM;
	/* One read is enough: longer command lines are cut. */
	n = read(fd, out->data, COMMAND_MAX);
	if (n < 0)
		return -errno;
	out->len = (size_t)n;
	return buf_str(out) ? 0 : -ENOMEM;
}

/* A device number as in tty_nr of proc(5): pseudo-terminals, which are all that containers have. */
static char *terminal_name(uint32_t device)
{
	char name[32] = "";

	if (major(device) >= PTS_MAJOR_FIRST && major(device) <= PTS_MAJOR_LAST)
		snprintf(name, sizeof(name), "pts/%u",
			(major(device) - PTS_MAJOR_FIRST) * 256 + minor(device));
	else if (device)
		snprintf(name, sizeof(name), "%u:%u", major(device), minor(device));
	return strdup(name);
}

/* The numbers of fields of /proc/pid/stat in proc(5). */
enum {
	STAT_STATE = 3,
	STAT_PPID = 4,
	STAT_PGID = 5,
	STAT_SID = 6,
	STAT_TTY = 7,
	STAT_TPGID = 8,
	STAT_FLAGS = 9,
	STAT_MINOR_FAULTS = 10,
	STAT_MAJOR_FAULTS = 12,
	STAT_USER_TIME = 14,
	STAT_SYSTEM_TIME = 15,
	STAT_PRIORITY = 18,
	STAT_NICE = 19,
	STAT_THREADS = 20,
	STAT_START_TIME = 22,
	STAT_VIRTUAL_BYTES = 23,
	STAT_RESIDENT_PAGES = 24,
	STAT_TEXT_START = 26,
	STAT_TEXT_END = 27,
	STAT_PROCESSOR = 39,
	STAT_RT_PRIORITY = 40,
	STAT_POLICY = 41,
	STAT_COUNT
};

static void use_numbers(const int64_t *stat, int64_t booted_at_ns, Vmrun__Agent__ProcessInfo *info)
{
	info->ppid = (uint32_t)stat[STAT_PPID];
	info->pgid = (uint32_t)stat[STAT_PGID];
	info->sid = (uint32_t)stat[STAT_SID];
	info->tpgid = (int32_t)stat[STAT_TPGID];
	info->flags = (uint32_t)stat[STAT_FLAGS];
	info->minor_faults = (uint64_t)stat[STAT_MINOR_FAULTS];
	info->major_faults = (uint64_t)stat[STAT_MAJOR_FAULTS];
	info->cpu_ms = (uint64_t)(stat[STAT_USER_TIME] + stat[STAT_SYSTEM_TIME]) * TICK_MS;
	info->priority = (int32_t)stat[STAT_PRIORITY];
	info->nice = (int32_t)stat[STAT_NICE];
	info->threads = (uint32_t)stat[STAT_THREADS];
	info->started_at_ns = booted_at_ns + stat[STAT_START_TIME] * TICK_MS * 1000000;
	info->virtual_bytes = (uint64_t)stat[STAT_VIRTUAL_BYTES];
	info->resident_bytes = (uint64_t)stat[STAT_RESIDENT_PAGES] * PAGE_BYTES;
	info->text_bytes = (uint64_t)(stat[STAT_TEXT_END] - stat[STAT_TEXT_START]);
	info->processor = (uint32_t)stat[STAT_PROCESSOR];
	info->rt_priority = (uint32_t)stat[STAT_RT_PRIORITY];
	info->policy = (uint32_t)stat[STAT_POLICY];
}

/* The name in brackets may hold anything, so fields count from its end. */
static int parse_stat(char *text, Vmrun__Agent__ProcessInfo *info, int64_t booted_at_ns)
{
	char *name = strchr(text, '('), *end = strrchr(text, ')'), *save = NULL;
	int64_t stat[STAT_COUNT] = { 0 };
	unsigned field = STAT_STATE;

	if (!name || !end || end < name)
		return -EINVAL;
	for (char *f = strtok_r(end + 1, " \n", &save); f && field < STAT_COUNT;
		f = strtok_r(NULL, " \n", &save), field++) {
		if (field == STAT_STATE)
			info->state = strndup(f, 1);
		else if (str_to_i64(f, &stat[field]) < 0)
			stat[field] = 0; /* of no use here: a limit that is larger than that */
	}
	use_numbers(stat, booted_at_ns, info);
	info->terminal = terminal_name((uint32_t)stat[STAT_TTY]);
	end[0] = '\0';
	info->name = strdup(name + 1);
	if (!info->state || !info->terminal || !info->name)
		return -ENOMEM;
	if (asprintf(&info->command, "[%s]", name + 1) < 0) {
		info->command = NULL;
		return -ENOMEM;
	}
	return 0;
}

static int digit_of(char c, unsigned base)
{
	int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

	return value < (int)base ? value : -1;
}

/* The number in the line of /proc/pid/status that begins with key, in its column (from 0 on). */
static uint64_t status_number(const char *status, const char *key, unsigned column, unsigned base)
{
	const char *at = strstr(status, key);
	uint64_t value = 0;

	at = at ? at + strlen(key) : "";
	for (unsigned i = 0; i <= column; i++) {
		value = 0;
		at += strspn(at, "\t ");
		for (; digit_of(*at, base) >= 0; at++)
			value = value * base + (uint64_t)digit_of(*at, base);
	}
	return value;
}

static void parse_status(const char *status, Vmrun__Agent__ProcessInfo *info)
{
	info->uid = (uint32_t)status_number(status, "\nUid:", 0, 10);
	info->euid = (uint32_t)status_number(status, "\nUid:", 1, 10);
	info->gid = (uint32_t)status_number(status, "\nGid:", 0, 10);
	info->egid = (uint32_t)status_number(status, "\nGid:", 1, 10);
	info->locked = status_number(status, "\nVmLck:", 0, 10) != 0;
	info->pending_signals = status_number(status, "\nSigPnd:", 0, 16) |
				status_number(status, "\nShdPnd:", 0, 16);
	info->blocked_signals = status_number(status, "\nSigBlk:", 0, 16);
	info->ignored_signals = status_number(status, "\nSigIgn:", 0, 16);
	info->caught_signals = status_number(status, "\nSigCgt:", 0, 16);
}

/* "0" where it does not wait, or where the kernel does not tell. */
static void use_wait_channel(const struct buf *text, Vmrun__Agent__ProcessInfo *info)
{
	const char *name = (const char *)text->data;
	char *copy = text->len == 0 || streq(name, "0") ? NULL : strdup(name);

	if (copy)
		info->wait_channel = copy;
}

/* Arguments are separated by NULs, the last one ended by it. */
static void use_command_line(struct buf *text, Vmrun__Agent__ProcessInfo *info)
{
	char *command;

	while (text->len && text->data[text->len - 1] == '\0')
		text->len--;
	if (text->len == 0)
		return;
	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] == '\0')
			text->data[i] = ' ';
	command = strndup((const char *)text->data, text->len);
	if (command) {
		free(info->command);
		info->command = command;
	}
}

static void text_free(char *text)
{
	if (text != (char *)protobuf_c_empty_string)
		free(text);
}

static void info_free(Vmrun__Agent__ProcessInfo *info)
{
	text_free(info->command);
	text_free(info->terminal);
	text_free(info->state);
	text_free(info->name);
	text_free(info->wait_channel);
	free(info);
}

static int add_process(void *arg, pid_t pid)
{
	struct process_list *list = arg;
	AUTO(buf_done) struct buf text = { 0 };
	Vmrun__Agent__ProcessInfo *info;

	if (list->count == PROCESSES_MAX)
		return 1;
	info = malloc(sizeof(*info));
	if (!info)
		return -ENOMEM;
	vmrun__agent__process_info__init(info);
	info->pid = (uint32_t)pid;
	/* One that has ended since the list was read is left out. */
	if (read_proc(pid, "stat", &text) < 0 ||
		parse_stat((char *)text.data, info, list->booted_at_ns) < 0) {
		info_free(info);
		return 0;
	}
	if (read_proc(pid, "status", &text) == 0)
		parse_status((const char *)text.data, info);
	if (read_proc(pid, "wchan", &text) == 0)
		use_wait_channel(&text, info);
	if (read_proc(pid, "cmdline", &text) == 0)
		use_command_line(&text, info);
	list->items[list->count++] = info;
	return 0;
}

static int add_known(struct container *c, struct process_list *list)
{
	int r = 0;

	list_for_each (p, &c->processes, struct process, link)
		if (r == 0 && p->state != PROCESS_EXITED)
			r = add_process(list, p->pid);
	return r;
}

void container_list_processes(struct container *c, struct rpc_request *r)
{
	Vmrun__Agent__ListProcessesResponse reply = VMRUN__AGENT__LIST_PROCESSES_RESPONSE__INIT;
	struct process_list list = {
		.items = malloc(PROCESSES_MAX * sizeof(*list.items)),
		.booted_at_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME),
	};
	struct err err = ERR_NONE;
	int e = -ENOMEM;

	/* Without cgroups the agent knows only what it has started itself. */
	if (list.items)
		e = c->cgroup.fd >= 0 ? cgroup_each_pid(&c->cgroup, add_process, &list)
				      : add_known(c, &list);
	if (e < 0) {
		err_sys(&err, -e, "processes of container %s", c->id);
		rpc_reply_err(r, &err);
	} else {
		reply.processes = list.items;
		reply.n_processes = list.count;
		reply.memory_bytes =
			(uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
		rpc_reply(r, &reply.base);
	}
	for (size_t i = 0; i < list.count; i++)
		info_free(list.items[i]);
	free(list.items);
}
