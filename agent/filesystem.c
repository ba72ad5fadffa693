/* New file systems: see filesystem.h. */
#include "agent/filesystem.h"

#include "base/auto.h"
#include "base/str.h"

#include <stdio.h>

/* Flags of a mount. The access-time ones are values of one field, see below. */
static const struct {
	uint64_t flag, attribute;
} attributes[] = {
	{ MS_RDONLY, MOUNT_ATTR_RDONLY },
	{ MS_NOSUID, MOUNT_ATTR_NOSUID },
	{ MS_NODEV, MOUNT_ATTR_NODEV },
	{ MS_NOEXEC, MOUNT_ATTR_NOEXEC },
	{ MS_NODIRATIME, MOUNT_ATTR_NODIRATIME },
	{ MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
};

/* Flags of the file system itself. */
static const struct {
	uint64_t flag;
	const char *key;
} super_flags[] = {
	{ MS_SYNCHRONOUS, "sync" },
	{ MS_DIRSYNC, "dirsync" },
	{ MS_LAZYTIME, "lazytime" },
};

struct mount_attr mount_attr_from_flags(uint64_t set, uint64_t cleared)
{
	struct mount_attr attr = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(attributes); i++) {
		if (set & attributes[i].flag)
			attr.attr_set |= attributes[i].attribute;
		else if (cleared & attributes[i].flag)
			attr.attr_clr |= attributes[i].attribute;
	}
	if ((set | cleared) & (MS_NOATIME | MS_RELATIME | MS_STRICTATIME))
		attr.attr_clr |= MOUNT_ATTR__ATIME; /* which means relatime */
	if (set & MS_STRICTATIME)
		attr.attr_set |= MOUNT_ATTR_STRICTATIME;
	else if (set & MS_NOATIME)
		attr.attr_set |= MOUNT_ATTR_NOATIME;
	return attr;
}

/* The first message the kernel has left in the context ("e tmpfs: Bad value for 'size'"). */
static int context_err(int fs, int code, const char *type, const char *what, struct err *err)
{
	char text[256];
	ssize_t n = read(fs, text, sizeof(text) - 1);

	if (n <= 2)
		return err_sys(err, code, "%s: %s", type, what);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return err_set(err, code, "%s: %s", type, text + 2);
}

static int set_option(int fs, const char *type, char *option, struct err *err)
{
	char *value = strchr(option, '=');
	int r;

	if (value)
		*value++ = '\0';
	r = fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, option, value, 0);
	return r < 0 ? context_err(fs, errno, type, option, err) : 0;
}

static int set_options(int fs, const char *type, const Vmrun__Agent__Mount *m, struct err *err)
{
	AUTO_FREE char *options = strdup(m->data);
	char *save = NULL;
	int r = 0;

	if (!options)
		return err_sys(err, ENOMEM, "%s", type);
	if (m->source[0] && !(m->flags & MS_REMOUNT) &&
		fsconfig(fs, FSCONFIG_SET_STRING, "source", m->source, 0) < 0)
		return context_err(fs, errno, type, "source", err);
	for (size_t i = 0; i < ARRAY_LEN(super_flags); i++)
		if ((m->flags & super_flags[i].flag) &&
			fsconfig(fs, FSCONFIG_SET_FLAG, super_flags[i].key, NULL, 0) < 0)
			return context_err(fs, errno, type, super_flags[i].key, err);
	for (char *o = strtok_r(options, ",", &save); r == 0 && o; o = strtok_r(NULL, ",", &save))
		r = set_option(fs, type, o, err);
	return r;
}

int filesystem_reconfigure(int mount, const Vmrun__Agent__Mount *m, struct err *err)
{
	AUTO_CLOSE int fs = fspick(mount, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);
	int r;

	if (fs < 0)
		return errno == EINVAL ? err_set(err, EINVAL, "remount of %s: it is no mount point",
						 m->destination)
				       : err_sys(err, errno, "remount of %s", m->destination);
	r = set_options(fs, "remount", m, err);
	if (r == 0 &&
		fsconfig(fs, FSCONFIG_SET_FLAG, m->flags & MS_RDONLY ? "ro" : "rw", NULL, 0) < 0)
		r = context_err(fs, errno, "remount", m->destination, err);
	if (r == 0 && fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		r = context_err(fs, errno, "remount", m->destination, err);
	return r;
}

int filesystem_new(const Vmrun__Agent__Mount *m, int *ret, struct err *err)
{
	/* The guest has the unified hierarchy only; options of the old one mean nothing to it. */
	bool cgroup = streq(m->type, "cgroup");
	const char *type = cgroup ? "cgroup2" : m->type;
	struct mount_attr attr = mount_attr_from_flags(m->flags & ~(uint64_t)MS_RDONLY, 0);
	AUTO_CLOSE int fs = fsopen(type, FSOPEN_CLOEXEC);
	int r = 0;

	if (fs < 0)
		return err_sys(err, errno, "file system %s", type);
	if (!cgroup)
		r = set_options(fs, type, m, err);
	if (r < 0)
		return r;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return context_err(fs, errno, type, m->destination, err);
	r = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attr.attr_set);
	if (r < 0)
		return err_sys(err, errno, "%s: %s", type, m->destination);
	*ret = r;
	return 0;
}
