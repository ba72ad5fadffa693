/* Checks of the linux section. */
#include "oci/check_own.h"
#include "oci/mounts.h"
#include "oci/namespaces.h"
#include "oci/resources.h"
#include "oci/seccomp.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#define ID_MAPPINGS_MAX	  340 /* user_namespaces(7) */
#define DEVICE_MAJOR_MAX  4095
#define DEVICE_MINOR_MAX  1048575
#define DEVICE_MODE_MAX	  07777
#define SECCOMP_INDEX_MAX 5

static int check_namespaces(const struct spec *spec, const struct checker *c)
{
	unsigned seen = 0;

	for (size_t i = 0; i < spec->linux.namespaces.n; i++) {
		const struct spec_namespace *ns = &spec->linux.namespaces.v[i];
		int kind = namespace_number(ns->type);

		if (kind < 0)
			return check_fail(c, EINVAL,
				"linux.namespaces[%zu].type: unknown namespace \"%.40s\"", i,
				ns->type);
		if (seen & 1u << kind)
			return check_fail(c, EINVAL,
				"linux.namespaces[%zu].type: \"%s\" is given twice", i, ns->type);
		if (ns->path && *ns->path != '/')
			return check_fail(c, EINVAL,
				"linux.namespaces[%zu].path: must be an absolute path, got "
				"\"%.80s\"",
				i, ns->path);
		seen |= 1u << kind;
	}
	return 0;
}

static bool ranges_overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size)
{
	return a < (uint64_t)b + b_size && b < (uint64_t)a + a_size;
}

int check_mapping_list(
	const struct checker *c, const char *what, const struct spec_id_mappings *maps)
{
	if (maps->n > ID_MAPPINGS_MAX)
		return check_fail(c, EINVAL, "%s: more than %d mappings", what, ID_MAPPINGS_MAX);
	for (size_t i = 0; i < maps->n; i++) {
		const struct spec_id_mapping *m = &maps->v[i];

		if (m->size == 0)
			return check_fail(c, EINVAL, "%s[%zu].size: must not be 0", what, i);
		if ((uint64_t)m->container_id + m->size > UINT32_MAX ||
			(uint64_t)m->host_id + m->size > UINT32_MAX)
			return check_fail(c, EINVAL, "%s[%zu]: goes beyond the last id", what, i);
		for (size_t k = 0; k < i; k++)
			if (ranges_overlap(m->container_id, m->size, maps->v[k].container_id,
				    maps->v[k].size) ||
				ranges_overlap(
					m->host_id, m->size, maps->v[k].host_id, maps->v[k].size))
				return check_fail(c, EINVAL, "%s[%zu]: overlaps with mapping %zu",
					what, i, k);
	}
	return 0;
}

#define NO_ROOT "linux.%s: id 0 of the container is missing, which all is set up as"

/* None at all are those of a namespace that exists. */
static bool maps_root(const struct spec_id_mappings *maps)
{
	bool found = maps->n == 0;

	for (size_t i = 0; i < maps->n; i++)
		found = found || maps->v[i].container_id == 0;
	return found;
}

static int check_mappings(const struct spec *spec, const struct checker *c)
{
	const struct spec_namespace *user = check_namespace(spec, "user");
	const struct spec_id_mappings *uid = &spec->linux.uid_mappings;
	const struct spec_id_mappings *gid = &spec->linux.gid_mappings;
	int r = check_mapping_list(c, "linux.uidMappings", uid);

	if (r == 0)
		r = check_mapping_list(c, "linux.gidMappings", gid);
	if (r < 0)
		return r;
	if (!user && (uid->n > 0 || gid->n > 0))
		return check_fail(c, EINVAL, "linux.%s: needs a user namespace in linux.namespaces",
			uid->n > 0 ? "uidMappings" : "gidMappings");
	if (user && !user->path && (uid->n == 0 || gid->n == 0))
		return check_fail(c, EINVAL, "linux.%s: missing, a new user namespace needs them",
			uid->n == 0 ? "uidMappings" : "gidMappings");
	if (user && !maps_root(uid))
		return check_fail(c, EINVAL, NO_ROOT, "uidMappings");
	if (user && !maps_root(gid))
		return check_fail(c, EINVAL, NO_ROOT, "gidMappings");
	return 0;
}

static int check_number(const struct checker *c, size_t i, const char *which,
	const struct opt_i64 *number, int64_t max)
{
	if (!number->is_set)
		return check_fail(c, EINVAL, "linux.devices[%zu].%s: missing", i, which);
	if (number->value < 0 || number->value > max)
		return check_fail(c, EINVAL,
			"linux.devices[%zu].%s: must be from 0 to %" PRId64 ", got %" PRId64, i,
			which, max, number->value);
	return 0;
}

static int check_device(const struct spec_device *d, size_t i, const struct checker *c)
{
	int r = 0;

	if (*d->path != '/')
		return check_fail(c, EINVAL,
			"linux.devices[%zu].path: must be an absolute path, got \"%.80s\"", i,
			d->path);
	if (strlen(d->type) != 1 || !strchr("cbup", *d->type))
		return check_fail(c, EINVAL,
			"linux.devices[%zu].type: must be \"c\", \"b\", \"u\" or \"p\", got "
			"\"%.20s\"",
			i, d->type);
	if (*d->type != 'p')
		r = check_number(c, i, "major", &d->major, DEVICE_MAJOR_MAX);
	if (r == 0 && *d->type != 'p')
		r = check_number(c, i, "minor", &d->minor, DEVICE_MINOR_MAX);
	/* Callers take the mode from stat(2), the type with it. */
	if (r == 0 && (d->file_mode.value & ~(uint64_t)S_IFMT) > DEVICE_MODE_MAX)
		r = check_fail(c, EINVAL,
			"linux.devices[%zu].fileMode: must be from 0 to %d (07777), got %" PRIu64,
			i, DEVICE_MODE_MAX, d->file_mode.value);
	return r;
}

static int check_device_rule(const struct spec_device_rule *rule, size_t i, const struct checker *c)
{
	if (rule->type && (strlen(rule->type) != 1 || !strchr("abc", *rule->type)))
		return check_fail(c, EINVAL,
			"devices[%zu].type: must be \"a\", \"b\" or \"c\", got "
			"\"%.20s\"",
			i, rule->type);
	if (rule->access && rule->access[strspn(rule->access, "rwm")])
		return check_fail(c, EINVAL,
			"devices[%zu].access: must be of \"rwm\", got \"%.20s\"", i, rule->access);
	if ((rule->major.is_set && rule->major.value < -1) ||
		(rule->minor.is_set && rule->minor.value < -1))
		return check_fail(c, EINVAL, "devices[%zu].%s: must not be below -1", i,
			rule->major.is_set && rule->major.value < -1 ? "major" : "minor");
	return 0;
}

int spec_check_device_rules(const struct spec_resources *resources, const char *file,
	const char *prefix, struct err *err)
{
	struct checker c = { file, prefix, NULL, err };
	int r = 0;

	for (size_t i = 0; r == 0 && i < resources->devices.n; i++)
		r = check_device_rule(&resources->devices.v[i], i, &c);
	return r;
}

/* Below /proc/sys, what belongs to a namespace, and to which. */
static const struct {
	const char *key; /* one that ends with '.' stands for all below it */
	const char *ns;
} sysctls[] = {
	{ "net.", "network" },
	{ "fs.mqueue.", "ipc" },
	{ "kernel.msgmax", "ipc" },
	{ "kernel.msgmnb", "ipc" },
	{ "kernel.msgmni", "ipc" },
	{ "kernel.sem", "ipc" },
	{ "kernel.shmall", "ipc" },
	{ "kernel.shmmax", "ipc" },
	{ "kernel.shmmni", "ipc" },
	{ "kernel.shm_rmid_forced", "ipc" },
	{ "kernel.domainname", "uts" },
	{ "user.", "user" },
};

/* With '.' and '/' taken for the same, which is enough to tell the keys above from others. */
static bool sysctl_matches(const char *key, const char *row)
{
	for (; *row; key++, row++)
		if (*key != *row && !(*row == '.' && *key == '/'))
			return false;
	return row[-1] == '.' || !*key;
}

/* What no namespace has would be changed for the whole pod; what the pod has, too. */
static int check_sysctl_namespace(const struct spec *spec, const char *key, const struct checker *c)
{
	if (sysctl_matches(key, "kernel.hostname"))
		return check_fail(c, EINVAL,
			"linux.sysctl[\"%.80s\"]: that is what \"hostname\" is for", key);
	for (size_t i = 0; i < ARRAY_LEN(sysctls); i++) {
		if (!sysctl_matches(key, sysctls[i].key))
			continue;
		if (!check_namespace(spec, sysctls[i].ns))
			return check_fail(c, EINVAL,
				"linux.sysctl[\"%.80s\"]: needs one of type %s in linux.namespaces",
				key, sysctls[i].ns);
		return 0;
	}
	return check_fail(c, EINVAL,
		"linux.sysctl[\"%.80s\"]: not of a namespace, it would change the whole pod", key);
}

/* A name that is set in two ways would be what is written last. */
static int check_sysctl_conflict(
	const struct spec *spec, const struct spec_pair *pair, const struct checker *c)
{
	if (spec->domainname && sysctl_matches(pair->key, "kernel.domainname") &&
		!streq(spec->domainname, pair->value))
		return check_fail(
			c, EINVAL, "linux.sysctl[\"%.80s\"]: conflicts with domainname", pair->key);
	return 0;
}

/* A key becomes a path below /proc/sys, with '.' or '/' between its parts. */
static int check_sysctl(
	const struct spec *spec, const struct spec_pair *pair, const struct checker *c)
{
	const char *s = pair->key;

	if (!*s)
		return check_fail(c, EINVAL, "linux.sysctl: a key is empty");
	while (true) {
		size_t n = strcspn(s, "./");

		if (n == 0)
			return check_fail(c, EINVAL,
				"linux.sysctl[\"%.80s\"]: not a name such as "
				"\"net.ipv4.ip_forward\"",
				pair->key);
		s += n;
		if (!*s++)
			return check_sysctl_namespace(spec, pair->key, c);
	}
}

/* The values are judged where they are translated; here nothing is kept of that. */
static int check_resources(const struct spec *spec, const struct checker *c)
{
	AUTO(cgroup_settings_done) struct cgroup_settings settings = { 0 };
	const struct spec_resources *res = &spec->linux.resources;
	int r = spec_check_device_rules(res, c->file, "linux.resources.", c->err);

	if (r == 0)
		r = resources_to_cgroup(
			res, CGROUP_HOST, c->file, "linux.resources.", &settings, c->err);
	return r;
}

/* Each is one line of a file of the kernel's; the name becomes one of a directory. */
static int check_intel_rdt(const struct spec_intel_rdt *rdt, const struct checker *c)
{
	const char *id = rdt ? rdt->clos_id : NULL;

	if (!rdt)
		return 0;
	if (id && !streq(id, "/") &&
		(!*id || streq(id, ".") || streq(id, "..") || strpbrk(id, "/\n")))
		return check_fail(c, EINVAL,
			"linux.intelRdt.closID: must be \"/\" or the name of a group, got "
			"\"%.60s\"",
			id);
	if (rdt->l3_cache_schema && strchr(rdt->l3_cache_schema, '\n'))
		return check_fail(c, EINVAL, "linux.intelRdt.l3CacheSchema: must be one line");
	if (rdt->mem_bw_schema &&
		(!str_after(rdt->mem_bw_schema, "MB:") || strchr(rdt->mem_bw_schema, '\n')))
		return check_fail(c, EINVAL,
			"linux.intelRdt.memBwSchema: must be one line that begins with \"MB:\"");
	for (size_t i = 0; i < rdt->schemata.n; i++)
		if (strchr(rdt->schemata.v[i], '\n'))
			return check_fail(
				c, EINVAL, "linux.intelRdt.schemata[%zu]: must be one line", i);
	return 0;
}

static int check_personality(const struct spec_personality *p, const struct checker *c)
{
	if (!p)
		return 0;
	if (!streq(p->domain, "LINUX") && !streq(p->domain, "LINUX32"))
		return check_fail(c, EINVAL,
			"linux.personality.domain: must be \"LINUX\" or \"LINUX32\", got \"%.40s\"",
			p->domain);
	if (p->flags.n > 0)
		return check_fail(
			c, EINVAL, "linux.personality.flags: there are no known flags yet");
	return 0;
}

/* An action, and whether it may have the errno that it has. */
static int check_action(const struct checker *c, const char *where, const char *action_key,
	const char *action, const char *errno_key, const struct opt_u64 *errno_ret)
{
	const struct seccomp_name *row = seccomp_find(SECCOMP_ACTIONS, action);
	uint64_t max;

	if (!row)
		return check_fail(
			c, EINVAL, "%s%s: unknown action \"%.40s\"", where, action_key, action);
	if (!errno_ret->is_set)
		return 0;
	if (!row->has_errno)
		return check_fail(c, EINVAL, "%s%s: %s takes none", where, errno_key, action);
	max = streq(action, "SCMP_ACT_TRACE") ? SECCOMP_DATA_MAX : SECCOMP_ERRNO_MAX;
	if (errno_ret->value > max)
		return check_fail(c, EINVAL, "%s%s: must be from 0 to %" PRIu64 ", got %" PRIu64,
			where, errno_key, max, errno_ret->value);
	return 0;
}

static int check_names(const struct checker *c, enum seccomp_table table, const char *what,
	const struct spec_strings *names)
{
	for (size_t i = 0; i < names->n; i++) {
		if (!seccomp_find(table, names->v[i]))
			return check_fail(c, EINVAL,
				"linux.seccomp.%s[%zu]: unknown name \"%.60s\"", what, i,
				names->v[i]);
	}
	return 0;
}

static int check_args(const struct spec_syscall *rule, const char *where, const struct checker *c)
{
	for (size_t i = 0; i < rule->args.n; i++) {
		const struct spec_seccomp_arg *arg = &rule->args.v[i];

		if (arg->index > SECCOMP_INDEX_MAX)
			return check_fail(c, EINVAL,
				"%sargs[%zu].index: must be from 0 to %d, got %" PRIu32, where, i,
				SECCOMP_INDEX_MAX, arg->index);
		if (!seccomp_find(SECCOMP_OPERATORS, arg->op))
			return check_fail(c, EINVAL, "%sargs[%zu].op: unknown operator \"%.40s\"",
				where, i, arg->op);
	}
	return 0;
}

/* The process says by write(2) that it has a filter, before anybody listens; as with runc. */
static int check_notify(const struct spec_syscall *rule, const char *where, const struct checker *c)
{
	const struct seccomp_name *row = seccomp_find(SECCOMP_ACTIONS, rule->action);

	for (size_t i = 0; row && row->notifying && i < rule->names.n; i++)
		if (streq(rule->names.v[i], "write"))
			return check_fail(c, EINVAL,
				"%snames[%zu]: SCMP_ACT_NOTIFY cannot be used for the write "
				"syscall",
				where, i);
	return 0;
}

/* What goes together with SCMP_ACT_NOTIFY (config-linux.md, "Seccomp"). */
static int check_listener(const struct spec_seccomp *s, const struct checker *c)
{
	const struct seccomp_name *action = seccomp_find(SECCOMP_ACTIONS, s->default_action);
	bool notifies = seccomp_notifies(s);

	if (action && action->notifying)
		return check_fail(c, EINVAL,
			"linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default");
	if (s->listener_metadata && !s->listener_path)
		return check_fail(c, EINVAL, "linux.seccomp.listenerMetadata: needs listenerPath");
	if (notifies && !s->listener_path)
		return check_fail(
			c, EINVAL, "linux.seccomp.listenerPath: missing, SCMP_ACT_NOTIFY needs it");
	if (s->listener_path && *s->listener_path != '/')
		return check_fail(c, EINVAL,
			"linux.seccomp.listenerPath: must be an absolute path, got \"%.80s\"",
			s->listener_path);
	for (size_t i = 0; i < s->flags.n && !notifies; i++)
		if (seccomp_find(SECCOMP_FLAGS, s->flags.v[i])->notifying)
			return check_fail(c, EINVAL,
				"linux.seccomp.flags[%zu]: %s needs a rule with SCMP_ACT_NOTIFY", i,
				s->flags.v[i]);
	return 0;
}

int check_seccomp(const struct spec_seccomp *s, struct checker *c)
{
	char where[64];
	int r;

	r = check_action(c, "linux.seccomp.", "defaultAction", s->default_action, "defaultErrnoRet",
		&s->default_errno_ret);
	if (r == 0)
		r = check_names(c, SECCOMP_ARCHS, "architectures", &s->architectures);
	if (r == 0)
		r = check_names(c, SECCOMP_FLAGS, "flags", &s->flags);
	for (size_t i = 0; r == 0 && i < s->syscalls.n; i++) {
		const struct spec_syscall *rule = &s->syscalls.v[i];

		snprintf(where, sizeof(where), "linux.seccomp.syscalls[%zu].", i);
		if (rule->names.n == 0)
			return check_fail(
				c, EINVAL, "%snames: must name at least one system call", where);
		r = check_action(c, where, "action", rule->action, "errnoRet", &rule->errno_ret);
		if (r == 0)
			r = check_args(rule, where, c);
		if (r == 0)
			r = check_notify(rule, where, c);
	}
	return r ? r : check_listener(s, c);
}

static int check_lists(const struct spec *spec, const struct checker *c)
{
	const struct spec_linux *l = &spec->linux;
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->devices.n; i++)
		r = check_device(&l->devices.v[i], i, c);
	for (size_t i = 0; r == 0 && i < l->sysctl.n; i++)
		r = check_sysctl(spec, &l->sysctl.v[i], c);
	for (size_t i = 0; r == 0 && i < l->sysctl.n; i++)
		r = check_sysctl_conflict(spec, &l->sysctl.v[i], c);
	if (r == 0)
		r = check_absolute(c, "linux.maskedPaths", &l->masked_paths);
	if (r == 0)
		r = check_absolute(c, "linux.readonlyPaths", &l->readonly_paths);
	return r;
}

int check_linux(const struct spec *spec, struct checker *c)
{
	const struct spec_linux *l = &spec->linux;
	int r = check_namespaces(spec, c);

	if (r == 0)
		r = check_mappings(spec, c);
	if (r == 0)
		r = check_lists(spec, c);
	if (r == 0)
		r = check_resources(spec, c);
	if (r == 0 && l->seccomp)
		r = check_seccomp(l->seccomp, c);
	if (r == 0 && l->rootfs_propagation && !mount_propagation(l->rootfs_propagation))
		r = check_fail(c, EINVAL, "linux.rootfsPropagation: unknown mode \"%.40s\"",
			l->rootfs_propagation);
	if (r == 0)
		r = check_memory_policy(l->memory_policy, c);
	if (r == 0)
		r = check_time_offsets(spec, c);
	if (r == 0)
		r = check_intel_rdt(l->intel_rdt, c);
	return r == 0 ? check_personality(l->personality, c) : r;
}
