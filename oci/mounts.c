/* Mount options (runtime-spec config.md, "Linux mount options"; mount(8)). Called by src/pod, too.
 */
#include "oci/mounts.h"

#include "base/str.h"

#include <linux/mount.h>
#include <sys/mount.h>

/* Newer than some C libraries' headers; the values are the kernel's ABI. */
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256
#endif
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

#define PROPAGATION (MS_PRIVATE | MS_SHARED | MS_SLAVE | MS_UNBINDABLE)

struct option {
	const char *name;
	uint64_t set;	     /* MS_* */
	uint64_t clear;	     /* MS_* */
	uint64_t attr_set;   /* MOUNT_ATTR_*, recursively */
	uint64_t attr_clear; /* MOUNT_ATTR_*, recursively */
	bool copy_up;
	enum mount_idmap idmap;
};

/* clang-format off */
#define SET(name_, flag)		{ .name = name_, .set = flag }
#define CLEAR(name_, flag)		{ .name = name_, .clear = flag }
#define REC_SET(name_, attr)		{ .name = name_, .attr_set = attr }
#define REC_CLEAR(name_, attr)		{ .name = name_, .attr_clear = attr }
/*
 * The access time attributes are one field: setting a value means clearing the whole field. What
 * only takes a mode away gives the kernel's default, relatime, as the flags of mount(2) do.
 */
#define REC_ATIME(name_, value)							\
	{ .name = name_, .attr_set = value, .attr_clear = MOUNT_ATTR__ATIME }
/* clang-format on */

/* Sorted, for bsearch() and for features. */
static const struct option options[] = {
	SET("acl", MS_POSIXACL),
	CLEAR("async", MS_SYNCHRONOUS),
	CLEAR("atime", MS_NOATIME),
	SET("bind", MS_BIND),
	SET("defaults", 0),
	CLEAR("dev", MS_NODEV),
	CLEAR("diratime", MS_NODIRATIME),
	SET("dirsync", MS_DIRSYNC),
	CLEAR("exec", MS_NOEXEC),
	{ .name = "idmap", .idmap = IDMAP_TOP },
	SET("iversion", MS_I_VERSION),
	SET("lazytime", MS_LAZYTIME),
	CLEAR("loud", MS_SILENT),
	SET("mand", MS_MANDLOCK),
	CLEAR("noacl", MS_POSIXACL),
	SET("noatime", MS_NOATIME),
	SET("nodev", MS_NODEV),
	SET("nodiratime", MS_NODIRATIME),
	SET("noexec", MS_NOEXEC),
	CLEAR("noiversion", MS_I_VERSION),
	CLEAR("nolazytime", MS_LAZYTIME),
	CLEAR("nomand", MS_MANDLOCK),
	CLEAR("norelatime", MS_RELATIME),
	CLEAR("nostrictatime", MS_STRICTATIME),
	SET("nosuid", MS_NOSUID),
	SET("nosymfollow", MS_NOSYMFOLLOW),
	SET("private", MS_PRIVATE),
	REC_ATIME("ratime", MOUNT_ATTR_RELATIME),
	SET("rbind", MS_BIND | MS_REC),
	REC_CLEAR("rdev", MOUNT_ATTR_NODEV),
	REC_CLEAR("rdiratime", MOUNT_ATTR_NODIRATIME),
	SET("relatime", MS_RELATIME),
	SET("remount", MS_REMOUNT),
	REC_CLEAR("rexec", MOUNT_ATTR_NOEXEC),
	{ .name = "ridmap", .idmap = IDMAP_TREE },
	REC_ATIME("rnoatime", MOUNT_ATTR_NOATIME),
	REC_SET("rnodev", MOUNT_ATTR_NODEV),
	REC_SET("rnodiratime", MOUNT_ATTR_NODIRATIME),
	REC_SET("rnoexec", MOUNT_ATTR_NOEXEC),
	REC_ATIME("rnorelatime", MOUNT_ATTR_RELATIME),
	REC_ATIME("rnostrictatime", MOUNT_ATTR_RELATIME),
	REC_SET("rnosuid", MOUNT_ATTR_NOSUID),
	REC_SET("rnosymfollow", MOUNT_ATTR_NOSYMFOLLOW),
	SET("ro", MS_RDONLY),
	SET("rprivate", MS_PRIVATE | MS_REC),
	REC_ATIME("rrelatime", MOUNT_ATTR_RELATIME),
	REC_SET("rro", MOUNT_ATTR_RDONLY),
	REC_CLEAR("rrw", MOUNT_ATTR_RDONLY),
	SET("rshared", MS_SHARED | MS_REC),
	SET("rslave", MS_SLAVE | MS_REC),
	REC_ATIME("rstrictatime", MOUNT_ATTR_STRICTATIME),
	REC_CLEAR("rsuid", MOUNT_ATTR_NOSUID),
	REC_CLEAR("rsymfollow", MOUNT_ATTR_NOSYMFOLLOW),
	SET("runbindable", MS_UNBINDABLE | MS_REC),
	CLEAR("rw", MS_RDONLY),
	SET("shared", MS_SHARED),
	SET("silent", MS_SILENT),
	SET("slave", MS_SLAVE),
	SET("strictatime", MS_STRICTATIME),
	CLEAR("suid", MS_NOSUID),
	CLEAR("symfollow", MS_NOSYMFOLLOW),
	SET("sync", MS_SYNCHRONOUS),
	{ .name = "tmpcopyup", .copy_up = true },
	SET("unbindable", MS_UNBINDABLE),
};

static int compare_option(const void *name, const void *option)
{
	return strcmp(name, ((const struct option *)option)->name);
}

static const struct option *option_find(const char *name)
{
	return bsearch(name, options, ARRAY_LEN(options), sizeof(options[0]), compare_option);
}

/* The last of several options that touch the same flag wins, as on mount(8)'s command line. */
static void option_apply(const struct option *o, struct mount_options *to)
{
	if (o->set & PROPAGATION) {
		to->propagation = o->set;
		return;
	}
	to->flags = (to->flags | o->set) & ~o->clear;
	to->flags_cleared = (to->flags_cleared | o->clear) & ~o->set;
	/* mount_setattr(2) wants the access time field in attr_clr whole or not at all. */
	to->recursive_set = (to->recursive_set & ~o->attr_clear) | o->attr_set;
	to->recursive_clear &= ~(o->attr_set & ~(uint64_t)MOUNT_ATTR__ATIME);
	to->recursive_clear |= o->attr_clear;
	to->copy_up = to->copy_up || o->copy_up;
	if (o->idmap)
		to->idmap = o->idmap;
}

static int data_append(struct buf *data, const char *option)
{
	int r = data->len > 0 ? buf_append_str(data, ",") : 0;

	return r < 0 ? r : buf_append_str(data, option);
}

int mount_options_read(const struct spec_mount *mount, struct mount_options *ret)
{
	AUTO(mount_options_done) struct mount_options got = { 0 };

	for (size_t i = 0; i < mount->options.n; i++) {
		const struct option *o = option_find(mount->options.v[i]);
		int r = 0;

		if (o)
			option_apply(o, &got);
		else if (*mount->options.v[i])
			r = data_append(&got.data, mount->options.v[i]);
		if (r < 0)
			return r;
	}
	/* Mappings alone say nothing of what is mounted below. */
	if (!got.idmap && (mount->uid_mappings.n > 0 || mount->gid_mappings.n > 0))
		got.idmap = IDMAP_TOP;
	/* What is mounted below the source comes along only if "rbind" asks for it. */
	if (mount->type && streq(mount->type, "bind"))
		got.flags |= MS_BIND;
	*ret = got;
	got.data = (struct buf){ 0 };
	return 0;
}

void mount_options_done(struct mount_options *o)
{
	buf_done(&o->data);
}

static bool has_option(const struct spec_mount *mount, const char *option)
{
	for (size_t i = 0; i < mount->options.n; i++)
		if (streq(mount->options.v[i], option))
			return true;
	return false;
}

bool mount_is_remount(const struct spec_mount *mount)
{
	return has_option(mount, "remount");
}

bool mount_is_bind(const struct spec_mount *mount)
{
	return !mount_is_remount(mount) &&
	       ((mount->type && streq(mount->type, "bind")) || has_option(mount, "bind") ||
		       has_option(mount, "rbind"));
}

bool mount_is_overlay(const struct spec_mount *mount)
{
	return mount->type && streq(mount->type, "overlay") && !mount_is_bind(mount) &&
	       !mount_is_remount(mount);
}

bool mount_is_shared(const struct spec_mount *mount)
{
	return mount_is_bind(mount) || mount_is_overlay(mount);
}

bool mount_any_shared(const struct spec *spec)
{
	for (size_t i = 0; i < spec->mounts.n; i++)
		if (mount_is_shared(&spec->mounts.v[i]))
			return true;
	return false;
}

bool mount_is_mapped(const struct spec_mount *mount)
{
	return mount->uid_mappings.n > 0 || mount->gid_mappings.n > 0 ||
	       has_option(mount, "idmap") || has_option(mount, "ridmap");
}

static void add_id_maps(
	const struct spec *spec, const struct spec_mount *mount, struct mount_bind *bind)
{
	bool own = mount->uid_mappings.n > 0;

	if (bind->idmap == IDMAP_NONE)
		return;
	bind->uid_map = own ? &mount->uid_mappings : &spec->linux.uid_mappings;
	bind->gid_map = own ? &mount->gid_mappings : &spec->linux.gid_mappings;
}

int mount_binds(const struct spec *spec, struct mount_bind **ret, size_t *ret_count)
{
	AUTO_FREE struct mount_bind *binds = calloc(spec->mounts.n + 1, sizeof(*binds));
	size_t n = 0;

	if (!binds)
		return -ENOMEM;
	for (size_t i = 0; i < spec->mounts.n; i++) {
		const struct spec_mount *m = &spec->mounts.v[i];
		AUTO(mount_options_done) struct mount_options o = { 0 };
		int r;

		if (!mount_is_shared(m))
			continue;
		r = mount_options_read(m, &o);
		if (r < 0)
			return r;
		binds[n] = (struct mount_bind){
			.index = i,
			.overlay = mount_is_overlay(m),
			.source = m->source,
			.destination = m->destination,
			.read_only = (o.flags & MS_RDONLY) || (o.recursive_set & MOUNT_ATTR_RDONLY),
			.recursive = (o.flags & MS_REC) != 0,
			.idmap = o.idmap,
		};
		add_id_maps(spec, m, &binds[n++]);
	}
	*ret = steal_ptr(&binds);
	*ret_count = n;
	return 0;
}

size_t mount_option_count(void)
{
	return ARRAY_LEN(options);
}

const char *mount_option_name(size_t i)
{
	return options[i].name;
}

uint64_t mount_propagation(const char *s)
{
	const struct option *o = option_find(s);

	return o && (o->set & PROPAGATION) ? o->set : 0;
}
