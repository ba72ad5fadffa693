/*
 * The devices of a container and what it may do with devices, its own and those that every
 * container has: config-linux.md, "Default Devices"; runtime-linux.md, "Dev symbolic links". Called
 * by to_agent.c.
 */
#include "base/str.h"
#include "oci/mounts.h"
#include "oci/to_agent_own.h"

/* rw for all: what mknod(2) callers get where config.json gives no mode. */
#define DEVICE_MODE_DEFAULT 0666u

static const struct {
	const char *path;
	int major, minor;
} default_devices[] = {
	{ "/dev/null", 1, 3 },
	{ "/dev/random", 1, 8 },
	{ "/dev/full", 1, 7 },
	{ "/dev/tty", 5, 0 },
	{ "/dev/zero", 1, 5 },
	{ "/dev/urandom", 1, 9 },
};

static const struct {
	const char *path, *target;
	const char *needs; /* made only where this is */
	bool replaces;
} links[] = {
	{ "/dev/fd", "/proc/self/fd", NULL, false },
	{ "/dev/stdin", "/proc/self/fd/0", NULL, false },
	{ "/dev/stdout", "/proc/self/fd/1", NULL, false },
	{ "/dev/stderr", "/proc/self/fd/2", NULL, false },
	{ "/dev/core", "/proc/kcore", "/proc/kcore", false },
	/* Images bring a node of that name, which is the host's, not of the container's devpts. */
	{ "/dev/ptmx", "pts/ptmx", NULL, true },
};

/* What runc allows in every container (its specconv.AllowedDevices), whatever config.json says. */
static const struct {
	const char *type;
	int major, minor; /* -1: all */
	const char *access;
} default_rules[] = {
	{ "c", -1, -1, "m" }, { "b", -1, -1, "m" }, { "c", 1, 3, "rwm" }, /* null */
	{ "c", 1, 8, "rwm" },						  /* random */
	{ "c", 1, 7, "rwm" },						  /* full */
	{ "c", 5, 0, "rwm" },						  /* tty */
	{ "c", 1, 5, "rwm" },						  /* zero */
	{ "c", 1, 9, "rwm" },						  /* urandom */
	{ "c", 136, -1, "rwm" },					  /* /dev/pts/N */
	{ "c", 5, 2, "rwm" },						  /* ptmx */
};

/* A /dev from elsewhere is as it is. */
static bool dev_is_bound(const struct spec *spec)
{
	const struct spec_mount *found = NULL;

	for (size_t i = 0; i < spec->mounts.n; i++) {
		const struct spec_mount *m = &spec->mounts.v[i];

		if (streq(m->destination, "/dev") || streq(m->destination, "/dev/"))
			found = m;
	}
	return found && mount_is_shared(found);
}

/* The configuration's stands for the default one. */
static bool has_device(const struct spec *spec, const char *path)
{
	for (size_t i = 0; i < spec->linux.devices.n; i++)
		if (streq(spec->linux.devices.v[i].path, path))
			return true;
	return false;
}

static Vmrun__Agent__Device *add_device(struct maker *m, const char *path, const char *type,
	Vmrun__Agent__CreateContainerRequest *to)
{
	Vmrun__Agent__Device *d =
		make_item(m, &to->devices, &to->n_devices, &vmrun__agent__device__descriptor);

	if (!d)
		return NULL;
	make_str(m, &d->path, path);
	make_str(m, &d->type, type);
	d->mode = DEVICE_MODE_DEFAULT;
	return d;
}

static void add_default_devices(
	struct maker *m, const struct spec *spec, Vmrun__Agent__CreateContainerRequest *to)
{
	for (size_t i = 0; i < ARRAY_LEN(default_devices); i++) {
		Vmrun__Agent__Device *d;

		if (has_device(spec, default_devices[i].path))
			continue;
		d = add_device(m, default_devices[i].path, "c", to);
		if (!d)
			return;
		d->major = default_devices[i].major;
		d->minor = default_devices[i].minor;
		d->implied = true;
	}
}

static void add_links(struct maker *m, Vmrun__Agent__CreateContainerRequest *to)
{
	make_list(m, &to->links, ARRAY_LEN(links));
	for (size_t i = 0; i < ARRAY_LEN(links); i++) {
		Vmrun__Agent__Symlink *link =
			make_item(m, &to->links, &to->n_links, &vmrun__agent__symlink__descriptor);

		if (!link)
			return;
		make_str(m, &link->path, links[i].path);
		make_str(m, &link->target, links[i].target);
		make_str(m, &link->needs, links[i].needs);
		link->replaces = links[i].replaces;
	}
}

int make_devices(struct maker *m, const struct spec *spec, const struct agent_placement *at,
	Vmrun__Agent__CreateContainerRequest *to)
{
	(void)at;
	if (dev_is_bound(spec))
		return 0;
	make_list(m, &to->devices, ARRAY_LEN(default_devices) + spec->linux.devices.n);
	add_default_devices(m, spec, to);
	for (size_t i = 0; i < spec->linux.devices.n; i++) {
		const struct spec_device *from = &spec->linux.devices.v[i];
		Vmrun__Agent__Device *d = add_device(m, from->path, from->type, to);

		if (!d)
			return 0;
		d->major = from->major.value;
		d->minor = from->minor.value;
		if (from->file_mode.is_set)
			d->mode = (uint32_t)from->file_mode.value & 07777;
		d->uid = (uint32_t)from->uid.value;
		d->gid = (uint32_t)from->gid.value;
	}
	add_links(m, to);
	return 0;
}

static Vmrun__Agent__DeviceRule *add_rule(struct maker *m, bool allow, const char *type,
	const char *access, Vmrun__Agent__DeviceRule ***to, size_t *n)
{
	Vmrun__Agent__DeviceRule *rule =
		make_item(m, to, n, &vmrun__agent__device_rule__descriptor);

	if (!rule)
		return NULL;
	rule->allow = allow;
	make_str(m, &rule->type, type);
	make_str(m, &rule->access, access);
	return rule;
}

void make_device_rules(struct maker *m, const struct spec_resources *resources,
	Vmrun__Agent__DeviceRule ***to, size_t *n)
{
	make_list(m, to, resources->devices.n + ARRAY_LEN(default_rules));
	for (size_t i = 0; i < resources->devices.n; i++) {
		const struct spec_device_rule *from = &resources->devices.v[i];
		Vmrun__Agent__DeviceRule *rule = add_rule(m, from->allow,
			from->type ? from->type : "a", from->access ? from->access : "rwm", to, n);

		if (!rule)
			return;
		rule->major = from->major.is_set ? from->major.value : -1;
		rule->minor = from->minor.is_set ? from->minor.value : -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(default_rules); i++) {
		Vmrun__Agent__DeviceRule *rule =
			add_rule(m, true, default_rules[i].type, default_rules[i].access, to, n);

		if (!rule)
			return;
		rule->major = default_rules[i].major;
		rule->minor = default_rules[i].minor;
	}
}
