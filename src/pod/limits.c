/* Limits on the host: see limits.h. */
#include "pod/limits.h"

#include "base/log.h"
#include "oci/host_limits.h"
#include "pod/cgroup.h"

#include <stdio.h>

#define MIB (UINT64_C(1) << 20)
/* vmrun-vm and the proxies with their stacks; what KVM keeps for a page of the guest is below. */
#define OWN_MIB 64u
/* QEMU is a large program, and without KVM it keeps up to a GiB of translated code. */
#define QEMU_MIB     256u
#define QEMU_TCG_MIB 1024u
/* Page tables, reverse maps and dirty bits: at most this part of the guest's memory. */
#define TABLES_PART 64u
/* Threads of a monitor with the most processors, of QEMU and of the file server, and some execs. */
#define PIDS_MIN 512u

uint64_t limits_overhead_mib(enum monitor monitor, uint64_t memory_mib)
{
	uint64_t mib = OWN_MIB + memory_mib / TABLES_PART;

	if (monitor != MONITOR_KVM)
		mib += QEMU_MIB;
	if (monitor == MONITOR_QEMU_TCG)
		mib += QEMU_TCG_MIB;
	return mib;
}

bool limits_any(const struct spec_resources *resources)
{
	AUTO(cgroup_settings_done) struct cgroup_settings settings = { 0 };
	struct err ignored = ERR_NONE;

	return resources_to_cgroup(resources, CGROUP_HOST, "", "", &settings, &ignored) == 0 &&
	       settings.n > 0;
}

static bool is_due(const struct cgroup_setting *s, enum limits_when when)
{
	bool cpu_time = str_after(s->file, "cpu.");

	return when == LIMITS_ALWAYS || cpu_time == (when == LIMITS_AFTER_BOOT);
}

/* What the guest does by itself may be impossible here; hugetlb's are the guest's own pages. */
static bool may_be_missing(const struct cgroup_setting *s, int r)
{
	if (s->optional && r == -ENOENT)
		return true;
	if (cgroup_file_is_of_host(s->file))
		return false;
	return r == -ENOENT || r == -EACCES || r == -EPERM || r == -EROFS;
}

static int write_setting(const struct limits_target *target, const struct cgroup_setting *s,
	const char *where, struct err *err)
{
	const char *dir = "";
	int r = cgroup_write(target->cgroups, s->file, s->value, target->undo, &dir);

	if (r < 0 && may_be_missing(s, r)) {
		log_debug("host limit %s: %s, left to the guest", s->file, strerror(-r));
		return 0;
	}
	if (r == -ENOENT)
		return err_set(err, ENOTSUP, "%s: the container has no cgroup here with %s", where,
			s->file);
	return r < 0 ? err_sys(err, -r, "%s: cannot write \"%s\" to %s/%s", where, s->value, dir,
			       s->file)
		     : 0;
}

/*
 * Some limits must not exceed others (a quota its parent's share of the period, memory that with
 * swap), which makes the order depend on what was there: what is refused is tried again at the end.
 */
static int write_settings(const struct limits_target *target,
	const struct cgroup_settings *settings, enum limits_when when, const char *where,
	struct err *err)
{
	AUTO_FREE bool *refused = calloc(settings->n + 1, sizeof(*refused));
	int r = 0;

	if (!refused)
		return err_sys(err, ENOMEM, "%s", where);
	for (size_t i = 0; i < settings->n; i++) {
		if (!is_due(&settings->v[i], when))
			continue;
		refused[i] = write_setting(target, &settings->v[i], where, err) < 0;
		err_clear(err);
	}
	for (size_t i = 0; r == 0 && i < settings->n; i++)
		if (refused[i])
			r = write_setting(target, &settings->v[i], where, err);
	return r;
}

int limits_apply(const struct limits_target *target, const struct spec_resources *resources,
	const char *file, const char *section, enum limits_when when, struct err *err)
{
	AUTO(cgroup_settings_done) struct cgroup_settings settings = { 0 };
	AUTO_FREE char *where = NULL;
	AUTO_FREE char *prefix = NULL;
	const char *sep = *section ? ": " : "";
	struct host_room room = {
		.memory_bytes = target->memory_mib * MIB,
		.overhead_bytes = target->overhead_mib * MIB,
		.pids = PIDS_MIN,
	};
	int r;

	if (asprintf(&where, "%s%s%s", file, sep, section) < 0)
		where = NULL;
	if (asprintf(&prefix, "%s%s", section, *section ? "." : "") < 0)
		prefix = NULL;
	if (!where || !prefix)
		return err_sys(err, ENOMEM, "%s", file);
	r = resources_to_host(resources, &room, cgroup_host_is_v2(), file, prefix, &settings, err);
	return r ? r : write_settings(target, &settings, when, where, err);
}
