/*
 * linux.resources to cgroup v2 files (kernel: Documentation/admin-guide/cgroup-v2.rst). Each
 * controller is a function in a list; what v2 has no equivalent for is refused. Called by the
 * checks, to_agent.c and src/pod.
 */
#include "oci/resources.h"

#include "base/buf.h"
#include "base/str.h"
#include "oci/one_line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* cgroup v1's cpu.shares go from 2 to 2^18, v2's cpu.weight from 1 to 10000. */
#define SHARES_MIN	      2u
#define SHARES_MAX	      262144u
#define WEIGHT_MAX	      10000u

#define CPU_PERIOD_DEFAULT_US 100000u
#define CPU_PERIOD_MIN_US     1000u
#define CPU_PERIOD_MAX_US     1000000u
#define CPU_QUOTA_MIN_US      1000

/* cgroup v1's blkio.weight; io.weight goes to WEIGHT_MAX. */
#define BLKIO_WEIGHT_MIN 10u
#define BLKIO_WEIGHT_MAX 1000u

/* One translation. */
struct writer {
	const struct spec_resources *res;
	enum cgroup_place place;
	const char *file, *prefix;
	struct cgroup_settings *to;
	struct err *err;
};

static int fail(const struct writer *w, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int fail(const struct writer *w, int code, const char *fmt, ...)
{
	char msg[ERR_MSG_MAX / 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	one_line(msg);
	return err_set(w->err, code, "%s: %s%s", w->file, w->prefix, msg);
}

bool cgroup_file_is_of_host(const char *file)
{
	return str_after(file, "cpuset.") || str_after(file, "io.") || str_after(file, "rdma.") ||
	       str_after(file, "blkio.");
}

static int append(struct cgroup_settings *to, const char *file, bool optional, const char *fmt,
	va_list ap) PRINTF_LIKE(4, 0);

static int append(
	struct cgroup_settings *to, const char *file, bool optional, const char *fmt, va_list ap)
{
	struct cgroup_setting setting = { .optional = optional };
	struct cgroup_setting *v = realloc(to->v, (to->n + 1) * sizeof(*v));
	int n;

	if (!v)
		return -ENOMEM;
	to->v = v;
	n = vasprintf(&setting.value, fmt, ap);
	setting.file = n < 0 ? NULL : strdup(file);
	if (!setting.file) {
		if (n >= 0)
			free(setting.value);
		return -ENOMEM;
	}
	v[to->n++] = setting;
	return 0;
}

int cgroup_settings_add(
	struct cgroup_settings *settings, const char *file, bool optional, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = append(settings, file, optional, fmt, ap);
	va_end(ap);
	return r;
}

static int add(struct writer *w, const char *file, bool optional, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

static int add(struct writer *w, const char *file, bool optional, const char *fmt, ...)
{
	va_list ap;
	int r;

	if (w->place == CGROUP_GUEST && cgroup_file_is_of_host(file))
		return 0;
	va_start(ap, fmt);
	r = append(w->to, file, optional, fmt, ap);
	va_end(ap);
	return r < 0 ? err_set(w->err, ENOMEM, "%s: out of memory", w->file) : 0;
}

/* A limit for which -1 means none. */
static int add_limit(struct writer *w, const char *file, bool optional, int64_t value)
{
	return value < 0 ? add(w, file, optional, "max")
			 : add(w, file, optional, "%" PRId64, value);
}

/* "0-3,7" */
static int check_list(const struct writer *w, const char *what, const char *list)
{
	if (list[strspn(list, "0123456789,-")])
		return fail(
			w, EINVAL, "cpu.%s: not a list such as \"0-3,7\": \"%.40s\"", what, list);
	return 0;
}

static int add_cpuset(struct writer *w)
{
	const struct spec_cpu *cpu = &w->res->cpu;
	int r = 0;

	if (cpu->cpus)
		r = check_list(w, "cpus", cpu->cpus);
	if (r == 0 && cpu->mems)
		r = check_list(w, "mems", cpu->mems);
	if (r == 0 && cpu->cpus)
		r = add(w, "cpuset.cpus", false, "%s", cpu->cpus);
	if (r == 0 && cpu->mems)
		r = add(w, "cpuset.mems", false, "%s", cpu->mems);
	return r;
}

/* Shares of 0 are no wish. A weight is refused by the kernel while the group is idle. */
static int add_cpu_weight(struct writer *w)
{
	const struct spec_cpu *cpu = &w->res->cpu;
	uint64_t shares = cpu->shares.value;
	int r = 0;

	if (cpu->idle.is_set && cpu->idle.value != 0 && cpu->idle.value != 1)
		return fail(w, EINVAL, "cpu.idle: must be 0 or 1, got %" PRId64, cpu->idle.value);
	if (cpu->idle.is_set)
		r = add(w, "cpu.idle", false, "%" PRId64, cpu->idle.value);
	if (r < 0 || shares == 0 || cpu->idle.value == 1)
		return r;
	shares = shares < SHARES_MIN ? SHARES_MIN : shares > SHARES_MAX ? SHARES_MAX : shares;
	return add(w, "cpu.weight", false, "%" PRIu64,
		1 + (shares - SHARES_MIN) * (WEIGHT_MAX - 1) / (SHARES_MAX - SHARES_MIN));
}

static int add_cpu_max(struct writer *w)
{
	const struct spec_cpu *cpu = &w->res->cpu;
	uint64_t period = cpu->period_us.value;
	int64_t quota = cpu->quota_us.value;

	if (period != 0 && (period < CPU_PERIOD_MIN_US || period > CPU_PERIOD_MAX_US))
		return fail(w, EINVAL,
			"cpu.period: must be from %u to %u microseconds, got %" PRIu64,
			CPU_PERIOD_MIN_US, CPU_PERIOD_MAX_US, period);
	if (quota > 0 && quota < CPU_QUOTA_MIN_US)
		return fail(w, EINVAL, "cpu.quota: must be at least %d microseconds, got %" PRId64,
			CPU_QUOTA_MIN_US, quota);
	if (quota == 0 && period == 0)
		return 0;
	period = period ? period : CPU_PERIOD_DEFAULT_US;
	if (quota <= 0)
		return add(w, "cpu.max", false, "max %" PRIu64, period);
	return add(w, "cpu.max", false, "%" PRId64 " %" PRIu64, quota, period);
}

static int add_cpu(struct writer *w)
{
	const struct spec_cpu *cpu = &w->res->cpu;
	int r;

	if (cpu->realtime_runtime_us.value != 0 || cpu->realtime_period_us.value != 0)
		return fail(w, ENOTSUP, "cpu.%s: not supported with cgroup v2",
			cpu->realtime_runtime_us.value != 0 ? "realtimeRuntime" : "realtimePeriod");
	if (cpu->burst_us.value > 0 &&
		(cpu->quota_us.value <= 0 || cpu->burst_us.value > (uint64_t)cpu->quota_us.value))
		return fail(w, EINVAL, "cpu.burst: must not be more than cpu.quota");
	r = add_cpu_weight(w);
	if (r == 0)
		r = add_cpu_max(w);
	/* After the quota, which it must not exceed. */
	if (r == 0 && cpu->burst_us.is_set)
		r = add(w, "cpu.max.burst", true, "%" PRIu64, cpu->burst_us.value);
	return r;
}

static int check_memory(const struct writer *w)
{
	const struct spec_memory *m = &w->res->memory;

	const struct {
		const char *name;
		int64_t value;
	} values[] = {
		{ "limit", m->limit_bytes.value },
		{ "reservation", m->reservation_bytes.value },
		{ "swap", m->swap_bytes.value },
	};

	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		if (values[i].value < -1)
			return fail(w, EINVAL, "memory.%s: must not be below -1, got %" PRId64,
				values[i].name, values[i].value);
	if (m->kernel_tcp_bytes.value > 0)
		return fail(w, ENOTSUP, "memory.kernelTCP: not supported with cgroup v2");
	if (m->swappiness.is_set)
		return fail(w, ENOTSUP, "memory.swappiness: not supported with cgroup v2");
	if (m->disable_oom_killer.value)
		return fail(w, ENOTSUP, "memory.disableOOMKiller: not supported with cgroup v2");
	return 0;
}

/* OCI's swap is memory and swap together; v2 counts swap alone. 0 stands for absent. */
static int add_swap(struct writer *w)
{
	int64_t limit = w->res->memory.limit_bytes.value;
	int64_t swap = w->res->memory.swap_bytes.value;

	if (swap == 0 && limit != -1)
		return 0;
	if (swap <= 0)
		return add(w, "memory.swap.max", true, "max");
	if (limit <= 0)
		return fail(w, EINVAL, "memory.swap: needs memory.limit");
	if (swap < limit)
		return fail(w, EINVAL,
			"memory.swap: %" PRId64 " is less than memory.limit %" PRId64
			", which it includes",
			swap, limit);
	/* A kernel that cannot swap has no such file, and keeps every limit. */
	return add(w, "memory.swap.max", true, "%" PRId64, swap - limit);
}

static int add_memory(struct writer *w)
{
	const struct spec_memory *m = &w->res->memory;
	int r = check_memory(w);

	if (r == 0 && m->limit_bytes.value != 0)
		r = add_limit(w, "memory.max", false, m->limit_bytes.value);
	if (r == 0)
		r = add_swap(w);
	if (r == 0 && m->reservation_bytes.value != 0)
		r = add_limit(w, "memory.low", false, m->reservation_bytes.value);
	return r;
}

static int add_pids(struct writer *w)
{
	const struct opt_i64 *limit = &w->res->pids_limit;

	if (!limit->is_set)
		return 0;
	return limit->value <= 0 ? add(w, "pids.max", false, "max")
				 : add_limit(w, "pids.max", false, limit->value);
}

/*
 * Which of the two files there is depends on the scheduler of the disk. BFQ's has v1's scale. To
 * name a device, of is "8:0 ", else "default ".
 */
static int add_io_weight(struct writer *w, const char *what, const char *of, uint64_t weight)
{
	int r;

	if (weight < BLKIO_WEIGHT_MIN || weight > BLKIO_WEIGHT_MAX)
		return fail(w, EINVAL, "blockIO.%s: must be from %u to %u, got %" PRIu64, what,
			BLKIO_WEIGHT_MIN, BLKIO_WEIGHT_MAX, weight);
	r = add(w, "io.bfq.weight", true, "%s%" PRIu64, of, weight);
	if (r < 0)
		return r;
	return add(w, "io.weight", true, "%s%" PRIu64, of,
		1 + (weight - BLKIO_WEIGHT_MIN) * (WEIGHT_MAX - 1) /
				(BLKIO_WEIGHT_MAX - BLKIO_WEIGHT_MIN));
}

static int add_weight_devices(struct writer *w)
{
	const struct spec_block_io *io = &w->res->block_io;
	char what[64], of[48];
	int r = 0;

	for (size_t i = 0; r == 0 && i < io->weight_device.n; i++) {
		const struct spec_weight_device *d = &io->weight_device.v[i];

		if (d->leaf_weight.value != 0)
			return fail(w, ENOTSUP,
				"blockIO.weightDevice[%zu].leafWeight: not supported with cgroup "
				"v2",
				i);
		snprintf(what, sizeof(what), "weightDevice[%zu].weight", i);
		snprintf(of, sizeof(of), "%" PRId64 ":%" PRId64 " ", d->major, d->minor);
		if (d->weight.value != 0)
			r = add_io_weight(w, what, of, d->weight.value);
	}
	return r;
}

static int add_throttles(
	struct writer *w, const char *key, const struct spec_throttle_devices *list)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < list->n; i++) {
		const struct spec_throttle_device *d = &list->v[i];

		if (d->rate == 0)
			r = add(w, "io.max", false, "%" PRId64 ":%" PRId64 " %s=max", d->major,
				d->minor, key);
		else
			r = add(w, "io.max", false, "%" PRId64 ":%" PRId64 " %s=%" PRIu64, d->major,
				d->minor, key, d->rate);
	}
	return r;
}

static int add_block_io(struct writer *w)
{
	const struct spec_block_io *io = &w->res->block_io;
	int r = 0;

	if (io->leaf_weight.value != 0)
		return fail(w, ENOTSUP, "blockIO.leafWeight: not supported with cgroup v2");
	if (io->weight.value != 0)
		r = add_io_weight(w, "weight", "default ", io->weight.value);
	if (r == 0)
		r = add_weight_devices(w);
	if (r == 0)
		r = add_throttles(w, "rbps", &io->throttle_read_bps);
	if (r == 0)
		r = add_throttles(w, "wbps", &io->throttle_write_bps);
	if (r == 0)
		r = add_throttles(w, "riops", &io->throttle_read_iops);
	if (r == 0)
		r = add_throttles(w, "wiops", &io->throttle_write_iops);
	return r;
}

/* "2MB": a number without leading zeros, and K, M or G. */
static bool is_page_size(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	return digits > 0 && digits < 20 && *s != '0' && s[digits] && strchr("KMG", s[digits]) &&
	       streq(s + digits + 1, "B");
}

/* A kernel without pages of that size has no such file, and keeps every limit. */
static int add_hugepages(struct writer *w)
{
	char file[64];
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->res->hugepage_limits.n; i++) {
		const struct spec_hugepage_limit *limit = &w->res->hugepage_limits.v[i];

		if (!is_page_size(limit->page_size))
			return fail(w, EINVAL,
				"hugepageLimits[%zu].pageSize: not a size such as \"2MB\": "
				"\"%.20s\"",
				i, limit->page_size);
		snprintf(file, sizeof(file), "hugetlb.%s.max", limit->page_size);
		r = add(w, file, true, "%" PRIu64, limit->limit_bytes);
		snprintf(file, sizeof(file), "hugetlb.%s.rsvd.max", limit->page_size);
		if (r == 0)
			r = add(w, file, true, "%" PRIu64, limit->limit_bytes);
	}
	return r;
}

static int add_rdma(struct writer *w)
{
	char handles[40], objects[40];
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->res->rdma.n; i++) {
		const struct spec_rdma *d = &w->res->rdma.v[i];

		if (!*d->device || strpbrk(d->device, " \n"))
			return fail(w, EINVAL, "rdma: \"%.40s\" is not the name of a device",
				d->device);
		handles[0] = objects[0] = '\0';
		if (d->hca_handles.is_set)
			snprintf(handles, sizeof(handles), " hca_handle=%" PRIu64,
				d->hca_handles.value);
		if (d->hca_objects.is_set)
			snprintf(objects, sizeof(objects), " hca_object=%" PRIu64,
				d->hca_objects.value);
		if (*handles || *objects)
			r = add(w, "rdma.max", false, "%s%s%s", d->device, handles, objects);
	}
	return r;
}

static int refuse_network(struct writer *w)
{
	const struct spec_network *net = &w->res->network;

	if (net->class_id.value != 0 || net->priorities.n > 0)
		return fail(w, ENOTSUP, "network.%s: not supported with cgroup v2",
			net->class_id.value != 0 ? "classID" : "priorities");
	return 0;
}

/* A name of a controller's file, and of nothing else: cgroup.procs would move processes. */
static bool is_controller_file(const char *s)
{
	return *s && *s != '.' && strchr(s, '.') && !str_after(s, "cgroup.") &&
	       s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] ==
		       '\0';
}

/* Comes last, so that it wins over the translations of v1's terms. */
/* A line for each device, say: the kernel takes one at a time. */
static int add_lines(struct writer *w, const struct spec_pair *pair)
{
	const char *line = pair->value;
	int r = 0;

	if (!strchr(line, '\n'))
		return add(w, pair->key, false, "%s", line);
	for (size_t n; r == 0 && *line; line += n + (line[n] == '\n')) {
		n = strcspn(line, "\n");
		r = n ? add(w, pair->key, false, "%.*s", (int)n, line) : 0;
	}
	return r;
}

static int add_unified(struct writer *w)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < w->res->unified.n; i++) {
		const struct spec_pair *pair = &w->res->unified.v[i];

		if (!is_controller_file(pair->key))
			return fail(w, EINVAL, "unified: \"%.60s\" is not a controller's file",
				pair->key);
		r = add_lines(w, pair);
	}
	return r;
}

static int (*const writers[])(struct writer *w) = {
	add_cpuset,
	add_cpu,
	add_memory,
	add_pids,
	add_block_io,
	add_hugepages,
	add_rdma,
	refuse_network,
	add_unified,
};

int resources_to_cgroup(const struct spec_resources *res, enum cgroup_place place, const char *file,
	const char *prefix, struct cgroup_settings *ret, struct err *err)
{
	struct writer w = { res, place, file, prefix, ret, err };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(writers); i++)
		r = writers[i](&w);
	return r;
}

void cgroup_settings_done(struct cgroup_settings *settings)
{
	for (size_t i = 0; i < settings->n; i++) {
		free(settings->v[i].file);
		free(settings->v[i].value);
	}
	free(settings->v);
	*settings = (struct cgroup_settings){ 0 };
}
