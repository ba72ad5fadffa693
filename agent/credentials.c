/* Credentials: see credentials.h. Raw system calls only: the agent is static and has one thread. */
#include "agent/credentials.h"

#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The soft limit that programs with select(2) and loops over all descriptors count on. */
#define NOFILE_SOFT 1024

static const Vmrun__Agent__Capabilities no_capabilities = VMRUN__AGENT__CAPABILITIES__INIT;

static const Vmrun__Agent__Capabilities *capabilities_of(const Vmrun__Agent__Process *spec)
{
	return spec->capabilities ? spec->capabilities : &no_capabilities;
}

void credentials_raise_limits(pid_t pid, const Vmrun__Agent__Process *spec)
{
	for (size_t i = 0; i < spec->n_rlimits; i++) {
		const Vmrun__Agent__Rlimit *asked = spec->rlimits[i];
		__rlimit_resource_t resource = (__rlimit_resource_t)asked->resource;
		struct rlimit limit;

		if (prlimit(pid, resource, NULL, &limit) < 0 || asked->hard <= limit.rlim_max)
			continue;
		limit.rlim_max = asked->hard;
		(void)!prlimit(pid, resource, &limit, NULL);
	}
}

static rlim_t at_most(rlim_t value, rlim_t max)
{
	return value < max ? value : max;
}

static int set_limit(const Vmrun__Agent__Rlimit *from)
{
	const __rlimit_resource_t resource = (__rlimit_resource_t)from->resource;
	struct rlimit limit = { .rlim_cur = from->soft, .rlim_max = from->hard }, now;

	if (from->inherited && getrlimit(resource, &now) == 0) {
		limit.rlim_max = at_most(limit.rlim_max, now.rlim_max);
		limit.rlim_cur = at_most(limit.rlim_cur, limit.rlim_max);
	}
	return setrlimit(resource, &limit);
}

int credentials_set_limits(const Vmrun__Agent__Process *spec, struct err *err)
{
	struct rlimit files;

	/* The agent's own soft limit is higher. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur > NOFILE_SOFT) {
		files.rlim_cur = NOFILE_SOFT;
		if (setrlimit(RLIMIT_NOFILE, &files) < 0)
			return err_sys(err, errno, "rlimits");
	}
	for (size_t i = 0; i < spec->n_rlimits; i++) {
		const Vmrun__Agent__Rlimit *from = spec->rlimits[i];

		if (set_limit(from) < 0)
			return err_sys(err, errno, "rlimits[%zu]: resource %u, %llu:%llu", i,
				from->resource, (unsigned long long)from->soft,
				(unsigned long long)from->hard);
	}
	return 0;
}

static int drop_bounding(uint64_t keep, struct err *err)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		int known = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (known < 0) /* beyond the kernel's last one */
			break;
		if (known && !(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return err_sys(
				err, errno, "drop of capability %lu from the bounding set", cap);
	}
	return 0;
}

int credentials_set_ids(const Vmrun__Agent__Process *spec, struct err *err)
{
	int r = drop_bounding(capabilities_of(spec)->bounding, err);

	if (r < 0)
		return r;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "keep capabilities");
	if (syscall(SYS_setgroups, spec->n_additional_gids, spec->additional_gids) < 0)
		return err_sys(err, errno, "additional groups");
	if (syscall(SYS_setresgid, spec->gid, spec->gid, spec->gid) < 0)
		return err_sys(err, errno, "gid %u", spec->gid);
	if (syscall(SYS_setresuid, spec->uid, spec->uid, spec->uid) < 0)
		return err_sys(err, errno, "uid %u", spec->uid);
	if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return err_sys(err, errno, "keep capabilities");
	return 0;
}

static int set_ambient(uint64_t mask, struct err *err)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys(err, errno, "ambient capabilities");
	for (unsigned long cap = 0; cap < 64; cap++)
		if ((mask >> cap & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return err_sys(err, errno, "ambient capability %lu", cap);
	return 0;
}

bool credentials_want_listener(const Vmrun__Agent__Process *spec)
{
	return spec->seccomp && (spec->seccomp->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

/* more: effective and permitted besides what is asked for. */
static int set_sets(const Vmrun__Agent__Capabilities *caps, uint64_t more, struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2], have[2];

	/* The host may know capabilities that this kernel does not. */
	if (syscall(SYS_capget, &header, have) < 0)
		return err_sys(err, errno, "capabilities");
	for (unsigned i = 0; i < 2; i++) {
		uint32_t mask = have[i].permitted;

		data[i].effective = (uint32_t)((caps->effective | more) >> (32 * i)) & mask;
		data[i].permitted = (uint32_t)((caps->permitted | more) >> (32 * i)) & mask;
		data[i].inheritable = (uint32_t)(caps->inheritable >> (32 * i)) & mask;
	}
	if (syscall(SYS_capset, &header, data) < 0)
		return err_sys(err, errno,
			"capabilities (effective %llx, permitted %llx, inheritable %llx)",
			(unsigned long long)caps->effective, (unsigned long long)caps->permitted,
			(unsigned long long)caps->inheritable);
	return 0;
}

static bool keeps_admin(const Vmrun__Agent__Process *spec)
{
	return credentials_want_listener(spec) && !spec->no_new_privileges;
}

int credentials_drop_admin(const Vmrun__Agent__Process *spec, struct err *err)
{
	return keeps_admin(spec) ? set_sets(capabilities_of(spec), 0, err) : 0;
}

int credentials_set_capabilities(const Vmrun__Agent__Process *spec, struct err *err)
{
	const Vmrun__Agent__Capabilities *caps = capabilities_of(spec);
	int r = set_sets(caps, keeps_admin(spec) ? 1ULL << CAP_SYS_ADMIN : 0, err);

	if (r < 0)
		return r;
	r = set_ambient(caps->ambient, err);
	if (r < 0)
		return r;
	if (spec->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "no new privileges");
	return 0;
}

int credentials_set_seccomp(const Vmrun__Agent__Process *spec, int *ret_listener, struct err *err)
{
	const Vmrun__Agent__Seccomp *s = spec->seccomp;
	struct sock_fprog program;
	size_t count;
	long r;

	*ret_listener = -1;
	if (!s)
		return 0;
	count = s->filter.len / sizeof(struct sock_filter);
	if (count == 0 || count > BPF_MAXINSNS || s->filter.len % sizeof(struct sock_filter))
		return err_set(err, EINVAL, "seccomp: a filter of %zu bytes", s->filter.len);
	program.len = (unsigned short)count;
	program.filter = (struct sock_filter *)(void *)s->filter.data;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, s->flags, &program);
	if (r < 0)
		return err_sys(err, errno, "seccomp: filter of %zu instructions, flags %x", count,
			s->flags);
	if (credentials_want_listener(spec))
		*ret_listener = (int)r;
	return 0;
}
