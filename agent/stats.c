/* What a container has used, from the files of its cgroup, for Stats. */
#include "agent/container.h"
#include "agent/events.h"
#include "base/fd.h"
#include "base/path.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>

#define FILE_MAX_BYTES 65536
#define COUNTERS_MAX   128
#define DEVICES_MAX    64
#define PAGE_SIZES_MAX 8

/* The counters of a flat-keyed file; their keys point into its text. */
struct counters {
	struct buf text;
	Vmrun__Agent__Counter v[COUNTERS_MAX];
	Vmrun__Agent__Counter *list[COUNTERS_MAX];
	size_t n;
};

struct device {
	Vmrun__Agent__DeviceCounters message;
	Vmrun__Agent__Counter v[8];
	Vmrun__Agent__Counter *list[8];
};

struct page_size {
	Vmrun__Agent__HugetlbCounters message;
	char name[16];
};

/* Everything of one answer, on the heap. */
struct stats {
	Vmrun__Agent__StatsResponse reply;
	struct counters cpu, memory;
	struct buf io_text;
	struct device device[DEVICES_MAX];
	Vmrun__Agent__DeviceCounters *io[DEVICES_MAX];
	struct page_size page_size[PAGE_SIZES_MAX];
	Vmrun__Agent__HugetlbCounters *hugetlb[PAGE_SIZES_MAX];
};

/* NULL where the kernel has no such file. */
static char *read_text(int dir, const char *file, struct buf *text)
{
	struct err ignored = ERR_NONE;

	text->len = 0;
	if (file_read(dir, file, FILE_MAX_BYTES, text, &ignored) < 0 || !buf_str(text))
		return NULL;
	return (char *)text->data;
}

/* Splits "key<separator>value"; false when it is something else. */
static bool parse_counter(char *word, char separator, Vmrun__Agent__Counter *to)
{
	char *at = strchr(word, separator);

	vmrun__agent__counter__init(to);
	if (!at || str_to_u64(at + 1, &to->value) < 0)
		return false;
	*at = '\0';
	to->key = word;
	return true;
}

static void read_counters(int dir, const char *file, struct counters *c)
{
	char *save = NULL, *text = read_text(dir, file, &c->text);

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line && c->n < COUNTERS_MAX;
		line = strtok_r(NULL, "\n", &save)) {
		if (!parse_counter(line, ' ', &c->v[c->n]))
			continue;
		c->list[c->n] = &c->v[c->n];
		c->n++;
	}
}

/* "254:0 rbytes=4096 wbytes=0 ...": false for a line without a device. */
static bool parse_device(char *line, struct device *d)
{
	char *save = NULL, *word = strtok_r(line, " ", &save);
	unsigned major, minor;
	int end = 0;

	if (!word || sscanf(word, "%u:%u%n", &major, &minor, &end) != 2 || word[end])
		return false;
	vmrun__agent__device_counters__init(&d->message);
	d->message.major = major;
	d->message.minor = minor;
	d->message.counters = d->list;
	while ((word = strtok_r(NULL, " ", &save)) && d->message.n_counters < ARRAY_LEN(d->v)) {
		Vmrun__Agent__Counter *c = &d->v[d->message.n_counters];

		if (parse_counter(word, '=', c))
			d->list[d->message.n_counters++] = c;
	}
	return true;
}

static void read_io(int dir, struct stats *s)
{
	char *save = NULL, *text = read_text(dir, "io.stat", &s->io_text);
	size_t n = 0;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line && n < DEVICES_MAX;
		line = strtok_r(NULL, "\n", &save)) {
		if (!parse_device(line, &s->device[n]))
			continue;
		s->io[n] = &s->device[n].message;
		n++;
	}
	s->reply.io = s->io;
	s->reply.n_io = n;
}

static void read_page_size(const struct cgroup *cg, const char *size, struct page_size *p)
{
	char file[64];

	vmrun__agent__hugetlb_counters__init(&p->message);
	snprintf(p->name, sizeof(p->name), "%s", size);
	p->message.page_size = p->name;
	/* Of Linux 5.7 and later: what is reserved is as good as used. */
	snprintf(file, sizeof(file), "hugetlb.%s.rsvd.current", p->name);
	if (faccessat(cg->fd, file, R_OK, 0) < 0)
		snprintf(file, sizeof(file), "hugetlb.%s.current", p->name);
	p->message.usage = cgroup_read_number(cg, file);
	snprintf(file, sizeof(file), "hugetlb.%s.events", p->name);
	p->message.failures = cgroup_read_key(cg, file, "max");
}

/* Which sizes there are only the names of the files say: "hugetlb.2MB.events". */
static void read_hugetlb(const struct cgroup *cg, struct stats *s)
{
	DIR *dir = dir_read(cg->fd);
	struct dirent *e;
	size_t n = 0;

	s->reply.hugetlb = s->hugetlb;
	if (!dir)
		return;
	while (n < PAGE_SIZES_MAX && (e = readdir(dir))) {
		const char *size = str_after(e->d_name, "hugetlb.");
		char *dot = size ? strchr(size, '.') : NULL;

		if (!dot || !streq(dot, ".events") ||
			(size_t)(dot - size) >= sizeof(s->page_size[n].name))
			continue;
		*dot = '\0';
		read_page_size(cg, size, &s->page_size[n]);
		s->hugetlb[n] = &s->page_size[n].message;
		n++;
	}
	closedir(dir);
	s->reply.n_hugetlb = n;
}

static void read_all(const struct cgroup *cg, struct stats *s)
{
	Vmrun__Agent__StatsResponse *to = &s->reply;

	read_counters(cg->fd, "cpu.stat", &s->cpu);
	to->cpu = s->cpu.list;
	to->n_cpu = s->cpu.n;
	read_counters(cg->fd, "memory.stat", &s->memory);
	to->memory = s->memory.list;
	to->n_memory = s->memory.n;
	to->memory_current = cgroup_read_number(cg, "memory.current");
	to->memory_max = cgroup_read_number(cg, "memory.max");
	to->memory_peak = cgroup_read_number(cg, "memory.peak");
	to->memory_failures = cgroup_read_key(cg, "memory.events", "max");
	to->oom_kills = cgroup_read_key(cg, "memory.events", "oom_kill");
	to->swap_current = cgroup_read_number(cg, "memory.swap.current");
	to->swap_max = cgroup_read_number(cg, "memory.swap.max");
	to->pids_current = cgroup_read_number(cg, "pids.current");
	to->pids_max = cgroup_read_number(cg, "pids.max");
	read_io(cg->fd, s);
	read_hugetlb(cg, s);
}

void container_stats(struct container *c, struct rpc_request *r)
{
	struct stats *s;

	if (!container_alive(c) || c->cgroup.fd < 0) {
		rpc_reply_error(r, RPC_FAILED_PRECONDITION,
			c->cgroup.fd < 0 ? "the guest has no cgroups"
					 : "the container is not running");
		return;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		rpc_reply_error(r, RPC_INTERNAL, strerror(ENOMEM));
		return;
	}
	vmrun__agent__stats_response__init(&s->reply);
	s->reply.last_event = event_last(c->agent->events);
	read_all(&c->cgroup, s);
	rpc_reply(r, &s->reply.base);
	buf_done(&s->cpu.text);
	buf_done(&s->memory.text);
	buf_done(&s->io_text);
	free(s);
}
