/* The mappings of a user namespace: those of containers in the guest, those of mounts on the host.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* As user_namespaces(7): count ids from first inside are those from outside. */
struct id_range {
	uint32_t inside, outside, count;
};

/* Both of a user namespace; none of the initial one. */
struct id_maps {
	struct id_range *uids, *gids;
	size_t uid_count, gid_count;
};

/* Reads what is in such a file; the caller frees *ret, which is never NULL. 0 or -ENOMEM. */
int id_map_parse(const char *text, struct id_range **ret, size_t *ret_count) CHECKED;
/* The same of our own uid_map or gid_map (file); that of the initial namespace where there is none.
 */
int id_map_own(const char *file, struct id_range **ret, size_t *ret_count) CHECKED;

/* Whether it is the initial namespace's: every id is itself. */
bool id_map_is_initial(const struct id_range *map, size_t count);

/* Whether we are in a user namespace other than that. */
bool in_user_namespace(void);

/*
 * Whether r (-errno) is the kernel's refusal to somebody who is not the host's root: then he goes
 * without. A cgroup of his own may also be out of his reach, from one that is not delegated to him.
 */
bool refused_to_user(int r);

/* What is outside for an id inside, and the other way round. False: it has no name there. */
bool id_map_outward(const struct id_range *map, size_t count, uint32_t inside, uint32_t *ret);
bool id_map_inward(const struct id_range *map, size_t count, uint32_t outside, uint32_t *ret);

/*
 * Writes the uid_map or gid_map (file) of a process that is alone in a new user namespace; none
 * at all is no error and leaves the file unwritten. err names it and what the kernel refused.
 */
int id_map_write(pid_t pid, const char *file, const struct id_range *map, size_t count,
	struct err *err) CHECKED;
