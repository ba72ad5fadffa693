/*
 * Mount options: the table of all that we know, and which mounts are binds of something on the
 * host.
 */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "oci/spec.h"

/* "idmap" and "ridmap": for which mounts of a tree the ids of files are mapped. */
enum mount_idmap {
	IDMAP_NONE,
	IDMAP_TOP,
	IDMAP_TREE,
};

/* What the options of one mount come to; the fields of the agent's Mount. */
struct mount_options {
	uint64_t flags;		  /* MS_* */
	uint64_t flags_cleared;	  /* MS_* that an option such as "rw" or "exec" takes away */
	uint64_t propagation;	  /* MS_PRIVATE, ... | MS_REC, or 0 */
	uint64_t recursive_set;	  /* MOUNT_ATTR_* */
	uint64_t recursive_clear; /* MOUNT_ATTR_* */
	bool copy_up;		  /* "tmpcopyup" */
	enum mount_idmap idmap;
	struct buf data; /* what is left for the file system, joined by commas */
};

/* Reads a mount's options. ret is released with mount_options_done(). Returns 0 or -ENOMEM. */
int mount_options_read(const struct spec_mount *mount, struct mount_options *ret) CHECKED;
void mount_options_done(struct mount_options *options);

DEFINE_AUTO_VAL(mount_options_done, struct mount_options)

/* Whether a mount binds a file or directory of the host: type "bind", or "bind"/"rbind" given. One
 * with "remount" changes what is mounted already, and has no source. */
bool mount_is_bind(const struct spec_mount *mount);
bool mount_is_remount(const struct spec_mount *mount);

/* An overlay's layers are directories of the host, so that is where it is made; the guest binds it.
 */
bool mount_is_overlay(const struct spec_mount *mount);

/* Whether the pod must open something of the host for it. */
bool mount_is_shared(const struct spec_mount *mount);

/* Whether any of a spec's mounts is. */
bool mount_any_shared(const struct spec *spec);

/* Whether the ids of its files are to be mapped, by its own mappings or the container's. */
bool mount_is_mapped(const struct spec_mount *mount);

/* A bind mount, or an overlay, as the pod needs it to open its source. */
struct mount_bind {
	size_t index;	    /* in spec->mounts */
	bool overlay;	    /* the source is nothing, the mount's options are what counts */
	const char *source; /* absolute or relative to the bundle; the spec's */
	const char *destination;
	bool read_only; /* the whole share may be served read-only */
	bool recursive; /* rbind */
	/*
	 * From the ids in its files (container_id) to those that the guest gets to see (host_id),
	 * which are what the container's user namespace maps, if it has one.
	 */
	enum mount_idmap idmap;
	const struct spec_id_mappings *uid_map, *gid_map; /* the spec's; NULL with IDMAP_NONE */
};

/* Lists what mount_is_shared() in order; *ret is freed with free(). Returns 0 or -ENOMEM. */
int mount_binds(const struct spec *spec, struct mount_bind **ret, size_t *ret_count) CHECKED;

/* The names of all options that are not left to the file system, sorted; for features. */
size_t mount_option_count(void);
const char *mount_option_name(size_t i);

/* "rslave" and so on to MS_SLAVE | MS_REC; 0 when s is none of the eight. */
uint64_t mount_propagation(const char *s);
