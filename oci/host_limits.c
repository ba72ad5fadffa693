/*
 * Limits of the pod's cgroup on the host: see host_limits.h. Those of v2 are what resources.c says,
 * made larger; those of v1 have its own files (kernel: Documentation/admin-guide/cgroup-v1).
 */
#include "oci/host_limits.h"

#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

/* "100", "4k": how the kernel reads bytes (memparse), but for its other bases. */
static bool parse_bytes(const char *text, uint64_t *ret)
{
	static const char units[] = "kmgtpe";
	size_t digits = strspn(text, "0123456789");
	const char *unit = text[digits] ? strchr(units, text[digits] | 0x20) : NULL;
	AUTO_FREE char *number = strndup(text, digits);

	if (!number || str_to_u64(number, ret) < 0 || (text[digits] && (!unit || unit[0] == '\0')))
		return false;
	if (!unit)
		return true;
	return !text[digits + 1] &&
	       !__builtin_mul_overflow(*ret, UINT64_C(1) << 10 * (unit - units + 1), ret);
}

static uint64_t room_for_memory(const struct host_room *room, uint64_t limit)
{
	uint64_t base = limit > room->memory_bytes ? limit : room->memory_bytes, sum;

	return __builtin_add_overflow(base, room->overhead_bytes, &sum) ? UINT64_MAX : sum;
}

/*
 * A limit that a guest keeps by itself must not be what ends its machine. ret_keep: what is neither
 * a plain number nor "max" is left to the guest's kernel to judge.
 */
static int make_room(const struct host_room *room, struct cgroup_setting *s, bool *ret_keep)
{
	bool memory = streq(s->file, "memory.max") || streq(s->file, "memory.high");
	bool limit = memory || streq(s->file, "pids.max");
	uint64_t value;
	char *larger;

	*ret_keep = !limit || streq(s->value, "max");
	if (*ret_keep || !parse_bytes(s->value, &value))
		return 0;
	*ret_keep = true;
	value = memory ? room_for_memory(room, value) : value < room->pids ? room->pids : value;
	if (asprintf(&larger, "%" PRIu64, value) < 0)
		return -ENOMEM;
	free(s->value);
	s->value = larger;
	return 0;
}

static int make_room_in_all(
	const struct host_room *room, struct cgroup_settings *settings, size_t first)
{
	size_t kept = first;
	int r = 0;

	for (size_t i = first; i < settings->n; i++) {
		bool keep = true;

		if (r == 0)
			r = make_room(room, &settings->v[i], &keep);
		if (keep) {
			settings->v[kept++] = settings->v[i];
			continue;
		}
		free(settings->v[i].file);
		free(settings->v[i].value);
	}
	settings->n = kept;
	return r;
}

/* One translation to v1. */
struct v1 {
	const struct spec_resources *res;
	const struct host_room *room;
	struct cgroup_settings *to;
};

static int v1_cpu(struct v1 *v)
{
	const struct spec_cpu *cpu = &v->res->cpu;
	int r = 0;

	if (cpu->idle.is_set)
		r = cgroup_settings_add(v->to, "cpu.idle", true, "%" PRId64, cpu->idle.value);
	if (r == 0 && cpu->shares.value && cpu->idle.value != 1)
		r = cgroup_settings_add(v->to, "cpu.shares", false, "%" PRIu64, cpu->shares.value);
	if (r == 0 && cpu->period_us.value)
		r = cgroup_settings_add(
			v->to, "cpu.cfs_period_us", false, "%" PRIu64, cpu->period_us.value);
	if (r == 0 && cpu->quota_us.value)
		r = cgroup_settings_add(v->to, "cpu.cfs_quota_us", false, "%" PRId64,
			cpu->quota_us.value < 0 ? -1 : cpu->quota_us.value);
	if (r == 0 && cpu->burst_us.is_set)
		r = cgroup_settings_add(
			v->to, "cpu.cfs_burst_us", true, "%" PRIu64, cpu->burst_us.value);
	return r;
}

static int v1_cpuset(struct v1 *v)
{
	const struct spec_cpu *cpu = &v->res->cpu;
	int r = 0;

	if (cpu->cpus && *cpu->cpus)
		r = cgroup_settings_add(v->to, "cpuset.cpus", false, "%s", cpu->cpus);
	if (r == 0 && cpu->mems && *cpu->mems)
		r = cgroup_settings_add(v->to, "cpuset.mems", false, "%s", cpu->mems);
	return r;
}

static int v1_limit(struct v1 *v, const char *file, bool optional, const struct opt_i64 *limit)
{
	if (limit->value == 0)
		return 0;
	if (limit->value < 0)
		return cgroup_settings_add(v->to, file, optional, "-1");
	return cgroup_settings_add(v->to, file, optional, "%" PRIu64,
		room_for_memory(v->room, (uint64_t)limit->value));
}

static int v1_memory(struct v1 *v)
{
	const struct spec_memory *m = &v->res->memory;
	int r = v1_limit(v, "memory.limit_in_bytes", false, &m->limit_bytes);

	/* Its file is missing where swap is not accounted. */
	if (r == 0)
		r = v1_limit(v, "memory.memsw.limit_in_bytes", true, &m->swap_bytes);
	if (r == 0)
		r = v1_limit(v, "memory.soft_limit_in_bytes", false, &m->reservation_bytes);
	return r;
}

static int v1_pids(struct v1 *v)
{
	const struct opt_i64 *limit = &v->res->pids_limit;
	uint64_t value;

	if (!limit->is_set)
		return 0;
	if (limit->value <= 0)
		return cgroup_settings_add(v->to, "pids.max", false, "max");
	value = (uint64_t)limit->value < v->room->pids ? v->room->pids : (uint64_t)limit->value;
	return cgroup_settings_add(v->to, "pids.max", false, "%" PRIu64, value);
}

static int v1_weights(struct v1 *v)
{
	const struct spec_block_io *io = &v->res->block_io;
	int r = 0;

	if (io->weight.value != 0) {
		r = cgroup_settings_add(
			v->to, "blkio.bfq.weight", true, "%" PRIu64, io->weight.value);
		if (r == 0)
			r = cgroup_settings_add(
				v->to, "blkio.weight", true, "%" PRIu64, io->weight.value);
	}
	for (size_t i = 0; r == 0 && i < io->weight_device.n; i++) {
		const struct spec_weight_device *d = &io->weight_device.v[i];

		if (d->weight.value != 0)
			r = cgroup_settings_add(v->to, "blkio.weight_device", true,
				"%" PRId64 ":%" PRId64 " %" PRIu64, d->major, d->minor,
				d->weight.value);
	}
	return r;
}

static int v1_block_io(struct v1 *v)
{
	const struct spec_block_io *io = &v->res->block_io;
	int r = v1_weights(v);

	const struct {
		const char *file;
		const struct spec_throttle_devices *list;
	} throttles[] = {
		{ "blkio.throttle.read_bps_device", &io->throttle_read_bps },
		{ "blkio.throttle.write_bps_device", &io->throttle_write_bps },
		{ "blkio.throttle.read_iops_device", &io->throttle_read_iops },
		{ "blkio.throttle.write_iops_device", &io->throttle_write_iops },
	};

	for (size_t k = 0; k < ARRAY_LEN(throttles); k++)
		for (size_t i = 0; r == 0 && i < throttles[k].list->n; i++) {
			const struct spec_throttle_device *d = &throttles[k].list->v[i];

			r = cgroup_settings_add(v->to, throttles[k].file, false,
				"%" PRId64 ":%" PRId64 " %" PRIu64, d->major, d->minor, d->rate);
		}
	return r;
}

static int v1_hugepages(struct v1 *v)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < v->res->hugepage_limits.n; i++) {
		const struct spec_hugepage_limit *limit = &v->res->hugepage_limits.v[i];
		char file[64];

		snprintf(file, sizeof(file), "hugetlb.%.24s.limit_in_bytes", limit->page_size);
		r = cgroup_settings_add(v->to, file, true, "%" PRIu64, limit->limit_bytes);
	}
	return r;
}

/* The same in both versions. */
static int v1_rdma(struct v1 *v, const char *file, const char *prefix, struct err *err)
{
	struct spec_resources only = { 0 };

	only.rdma = v->res->rdma;
	return resources_to_cgroup(&only, CGROUP_HOST, file, prefix, v->to, err);
}

static int (*const v1_writers[])(struct v1 *v) = {
	v1_cpuset,
	v1_cpu,
	v1_memory,
	v1_pids,
	v1_block_io,
	v1_hugepages,
};

/* The guest has cgroup v2 and obeys what it can; what only the host could obey needs v2 there. */
static int check_unified(
	const struct spec_resources *res, const char *file, const char *prefix, struct err *err)
{
	for (size_t i = 0; i < res->unified.n; i++)
		if (cgroup_file_is_of_host(res->unified.v[i].key))
			return err_set(err, ENOTSUP,
				"%s: %sunified: \"%.60s\" needs cgroup v2, this host has v1", file,
				prefix, res->unified.v[i].key);
	return 0;
}

int resources_to_host(const struct spec_resources *resources, const struct host_room *room, bool v2,
	const char *file, const char *prefix, struct cgroup_settings *ret, struct err *err)
{
	struct v1 v = { resources, room, ret };
	size_t first = ret->n;
	int r;

	if (v2) {
		r = resources_to_cgroup(resources, CGROUP_HOST, file, prefix, ret, err);
		if (r < 0)
			return r;
		r = make_room_in_all(room, ret, first);
	} else {
		r = check_unified(resources, file, prefix, err);
		if (r == 0)
			r = v1_rdma(&v, file, prefix, err);
		if (r < 0)
			return r;
		for (size_t i = 0; r == 0 && i < ARRAY_LEN(v1_writers); i++)
			r = v1_writers[i](&v);
	}
	return r < 0 ? err_set(err, ENOMEM, "%s: out of memory", file) : 0;
}
