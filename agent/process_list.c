/* The processes of a container, from /proc, for ListProcesses. */
#include "agent/container.h"
#include "base/fd.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <time.h>

#define PROCESSES_MAX 4096
#define COMMAND_MAX   4096
/* Clock ticks of /proc are 1/100 s whatever the kernel's own HZ is. */
#define TICK_MS 10
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

/* proc(5), /proc/pid/stat: the name in brackets may hold anything, so fields count from its end. */
static int parse_stat(char *text, Vmrun__Agent__ProcessInfo *info, int64_t booted_at_ns)
{
	char *name = strchr(text, '('), *end = strrchr(text, ')'), *save = NULL;
	uint64_t value;
	unsigned field = 3;
	uint32_t tty = 0;

	if (!name || !end || end < name)
		return -EINVAL;
	for (char *f = strtok_r(end + 1, " \n", &save); f && field <= 22;
		f = strtok_r(NULL, " \n", &save), field++) {
		if (field == 3)
			info->state = strndup(f, 1);
		if (str_to_u64(f, &value) < 0)
			continue;
		if (field == 4)
			info->ppid = (uint32_t)value;
		else if (field == 7)
			tty = (uint32_t)value;
		else if (field == 14 || field == 15)
			info->cpu_ms += value * TICK_MS;
		else if (field == 20)
			info->threads = (uint32_t)value;
		else if (field == 22)
			info->started_at_ns = booted_at_ns + (int64_t)value * TICK_MS * 1000000;
	}
	info->terminal = terminal_name(tty);
	end[0] = '\0';
	if (!info->state || !info->terminal)
		return -ENOMEM;
	if (asprintf(&info->command, "[%s]", name + 1) < 0) {
		info->command = NULL;
		return -ENOMEM;
	}
	return 0;
}

static void parse_uid(const char *status, Vmrun__Agent__ProcessInfo *info)
{
	const char *at = strstr(status, "\nUid:\t");
	uint32_t uid = 0;

	for (at = at ? at + 6 : ""; *at >= '0' && *at <= '9'; at++)
		uid = uid * 10 + (uint32_t)(*at - '0');
	info->uid = uid;
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
		parse_uid((const char *)text.data, info);
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
		rpc_reply(r, &reply.base);
	}
	for (size_t i = 0; i < list.count; i++)
		info_free(list.items[i]);
	free(list.items);
}
