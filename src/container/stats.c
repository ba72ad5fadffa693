/*
 * Statistics as runc prints them: see stats.h. Names, order and what is left out when it is 0 are
 * those of Go's encoder with runc's types; how cgroup v2 fills them is that of its libcontainer.
 */
#include "container/stats.h"

#include "base/json_out.h"
#include "base/str.h"

#include <stdlib.h>

#define NO_LIMIT       UINT64_MAX
#define NS_PER_USEC    1000
#define NAME_MAX_BYTES 64

static void put(struct json_out *out, const char *key, uint64_t value)
{
	json_key(out, key);
	json_u64(out, value);
}

/* omitempty */
static void put_unless_0(struct json_out *out, const char *key, uint64_t value)
{
	if (value)
		put(out, key, value);
}

static void open_object(struct json_out *out, const char *key)
{
	json_key(out, key);
	json_object(out);
}

static uint64_t value_of(Vmrun__Agent__Counter *const *list, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		if (streq(list[i]->key, key))
			return list[i]->value;
	return 0;
}

/* Sums and units of numbers that a guest makes up must not wrap. */
static uint64_t plus(uint64_t a, uint64_t b)
{
	return __builtin_add_overflow(a, b, &a) ? UINT64_MAX : a;
}

static uint64_t ns_of(const Vmrun__Agent__StatsResponse *s, const char *key)
{
	uint64_t ns;

	return __builtin_mul_overflow(value_of(s->cpu, s->n_cpu, key), NS_PER_USEC, &ns)
		       ? UINT64_MAX
		       : ns;
}

static void put_cpu(struct json_out *out, const Vmrun__Agent__StatsResponse *s)
{
	open_object(out, "cpu");
	open_object(out, "usage");
	put_unless_0(out, "total", ns_of(s, "usage_usec"));
	put(out, "kernel", ns_of(s, "system_usec"));
	put(out, "user", ns_of(s, "user_usec"));
	json_end(out);
	open_object(out, "throttling");
	put_unless_0(out, "periods", value_of(s->cpu, s->n_cpu, "nr_periods"));
	put_unless_0(out, "throttledPeriods", value_of(s->cpu, s->n_cpu, "nr_throttled"));
	put_unless_0(out, "throttledTime", ns_of(s, "throttled_usec"));
	json_end(out);
	json_end(out);
}

/* Of cgroup v1 only; runc prints the zeros on v2 as well. */
static void put_cpuset(struct json_out *out)
{
	static const char *const keys[] = { "cpu_exclusive", "mem_hardwall", "mem_exclusive",
		"memory_migrate", "memory_spread_page", "memory_spread_slab", "memory_pressure",
		"sched_load_balance", "sched_relax_domain_level" };

	open_object(out, "cpuset");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		put(out, keys[i], 0);
	json_end(out);
}

static void put_memory_entry(struct json_out *out, const char *key, uint64_t limit, uint64_t usage,
	uint64_t max, uint64_t failures)
{
	open_object(out, key);
	put(out, "limit", limit);
	put_unless_0(out, "usage", usage);
	put_unless_0(out, "max", max);
	put(out, "failcnt", failures);
	json_end(out);
}

/* A guest could name its counters as it likes; the kernel does with these characters. */
static bool is_plain(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.");

	return n > 0 && n <= NAME_MAX_BYTES && name[n] == '\0';
}

static int by_key(const void *a, const void *b)
{
	const Vmrun__Agent__Counter *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

/* Go prints maps sorted, and a key only once. */
static int put_raw(struct json_out *out, const Vmrun__Agent__StatsResponse *s)
{
	const Vmrun__Agent__Counter **sorted = calloc(s->n_memory + 1, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_memory; i++)
		sorted[i] = s->memory[i];
	qsort(sorted, s->n_memory, sizeof(*sorted), by_key);
	open_object(out, "raw");
	for (size_t i = 0; i < s->n_memory; i++)
		if (is_plain(sorted[i]->key) &&
			(i == 0 || !streq(sorted[i - 1]->key, sorted[i]->key)))
			put(out, sorted[i]->key, sorted[i]->value);
	json_end(out);
	free(sorted);
	return 0;
}

static int put_memory(struct json_out *out, const Vmrun__Agent__StatsResponse *s)
{
	/* As v1 counted it: memory and swap together. A guest without swap accounting has none. */
	uint64_t swap_usage = plus(s->swap_current, s->memory_current);
	uint64_t swap_max = s->swap_max == NO_LIMIT ? NO_LIMIT : plus(s->swap_max, s->memory_max);
	int r = 0;

	open_object(out, "memory");
	put_unless_0(out, "cache", value_of(s->memory, s->n_memory, "file"));
	put_memory_entry(
		out, "usage", s->memory_max, s->memory_current, s->memory_peak, s->memory_failures);
	put_memory_entry(out, "swap", swap_max, swap_usage, 0, 0);
	put_memory_entry(out, "kernel", 0, 0, 0, 0);
	put_memory_entry(out, "kernelTCP", 0, 0, 0, 0);
	if (s->n_memory)
		r = put_raw(out, s);
	json_end(out);
	return r;
}

static void put_pids(struct json_out *out, const Vmrun__Agent__StatsResponse *s)
{
	open_object(out, "pids");
	put_unless_0(out, "current", s->pids_current);
	put_unless_0(out, "limit", s->pids_max == NO_LIMIT ? 0 : s->pids_max);
	json_end(out);
}

static void put_io_entry(struct json_out *out, const Vmrun__Agent__DeviceCounters *d,
	const char *key, const char *op)
{
	uint64_t value = value_of(d->counters, d->n_counters, key);

	json_object(out);
	put_unless_0(out, "major", d->major);
	put_unless_0(out, "minor", d->minor);
	json_key_str(out, "op", op);
	put_unless_0(out, "value", value);
	json_end(out);
}

static void put_io_table(struct json_out *out, const Vmrun__Agent__StatsResponse *s,
	const char *key, const char *read, const char *write)
{
	if (s->n_io == 0)
		return;
	json_key(out, key);
	json_array(out);
	for (size_t i = 0; i < s->n_io; i++) {
		put_io_entry(out, s->io[i], read, "Read");
		put_io_entry(out, s->io[i], write, "Write");
	}
	json_end(out);
}

static int by_page_size(const void *a, const void *b)
{
	const Vmrun__Agent__HugetlbCounters *const *x = a, *const *y = b;

	return strcmp((*x)->page_size, (*y)->page_size);
}

/* Another map. */
static int put_hugetlb(struct json_out *out, const Vmrun__Agent__StatsResponse *s)
{
	const Vmrun__Agent__HugetlbCounters **sorted = calloc(s->n_hugetlb + 1, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_hugetlb; i++)
		sorted[i] = s->hugetlb[i];
	qsort(sorted, s->n_hugetlb, sizeof(*sorted), by_page_size);
	open_object(out, "hugetlb");
	for (size_t i = 0; i < s->n_hugetlb; i++) {
		const char *size = sorted[i]->page_size;

		if (size[strspn(size, "0123456789KMGB")] || !*size ||
			(i > 0 && streq(sorted[i - 1]->page_size, size)))
			continue;
		open_object(out, size);
		put_unless_0(out, "usage", sorted[i]->usage);
		put(out, "failcnt", sorted[i]->failures);
		json_end(out);
	}
	json_end(out);
	free(sorted);
	return 0;
}

static int put_data(struct json_out *out, const Vmrun__Agent__StatsResponse *s)
{
	int r;

	json_object(out);
	put_cpu(out, s);
	put_cpuset(out);
	r = put_memory(out, s);
	put_pids(out, s);
	open_object(out, "blkio");
	put_io_table(out, s, "ioServiceBytesRecursive", "rbytes", "wbytes");
	put_io_table(out, s, "ioServicedRecursive", "rios", "wios");
	json_end(out);
	if (r == 0)
		r = put_hugetlb(out, s);
	open_object(out, "intel_rdt");
	json_end(out);
	/* runc lists the interfaces that it has made itself: none, nearly always. */
	json_key_str(out, "network_interfaces", NULL);
	json_end(out);
	return r;
}

int stats_print(const char *id, const Vmrun__Agent__StatsResponse *stats, struct buf *to)
{
	struct json_out out;
	int r, written;

	json_init(&out, to, false);
	json_object(&out);
	json_key_str(&out, "type", "stats");
	json_key_str(&out, "id", id);
	json_key(&out, "data");
	r = put_data(&out, stats);
	json_end(&out);
	written = json_finish(&out);
	if (r == 0)
		r = written;
	return r ? r : buf_append_str(to, "\n");
}
