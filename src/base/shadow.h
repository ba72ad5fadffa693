/*
 * Changes that the host makes in a share, on their way into the guest. The file server tells the
 * agent of each by a record; the agent then makes the same change once more, by a *shadow
 * operation* on the same inode, so that the guest's kernel raises the events of it. The server
 * knows the requests of such an operation by their group id, and answers them without touching a
 * file.
 */
#pragma once

#include <stdint.h>

/*
 * The group ids of shadow operations: the operation is in bits 20 to 23, below it what MOVE needs.
 * A process in a container that has such a gid fools itself only: nothing happens on the host.
 */
#define SHADOW_GID	0xf5000000U
#define SHADOW_GID_MASK 0xff000000U

/* What a look-up of the operation is answered with. */
enum shadow_op {
	SHADOW_MAKE = 1,   /* there is nothing of that name yet */
	SHADOW_TOUCH,	   /* what there is, or was */
	SHADOW_TOUCH_DIR,  /* likewise, a directory */
	SHADOW_REMOVE,	   /* what was there when the guest looked last */
	SHADOW_REMOVE_DIR, /* likewise, a directory */
	SHADOW_MOVE, /* the old name as REMOVE; the new one: what is overwritten, if anything */
	SHADOW_MOVE_DIR,
	SHADOW_ELSEWHERE, /* in a share's root: a directory that stands for all that is not shared
			   */
	SHADOW_BY_ID,	  /* in a share's root: the directory whose number the name tells */
};

/* Names for BY_ID and ELSEWHERE; no file of the host is looked for. */
#define SHADOW_ID_FORMAT      ".vmrun-%016llx"
#define SHADOW_ELSEWHERE_NAME ".vmrun-elsewhere"
/* With the nodeid of the share's root; without it where a move is marked. */
#define SHADOW_ELSEWHERE_NODEID (1ULL << 62 | 1ULL << 61)
/* The name of all that moves between there and the share. */
#define SHADOW_MOVING_NAME "x"

static inline uint32_t shadow_gid(enum shadow_op op)
{
	return SHADOW_GID | (uint32_t)op << 20;
}

/* FNV-1a; dir may be 0 where only the name counts. */
static inline uint64_t shadow_hash(uint64_t dir, const char *name)
{
	uint64_t hash = 0xcbf29ce484222325ULL ^ dir * 0x9e3779b97f4a7c15ULL;

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 0x100000001b3ULL;
	return hash;
}

/* A move looks up two names; the gid tells which of them is the old one. */
static inline uint32_t shadow_move_mark(uint64_t dir, const char *name)
{
	uint64_t hash = shadow_hash(dir, name);

	return (uint32_t)(hash ^ hash >> 20 ^ hash >> 40) & 0xfffff;
}

enum shadow_kind {
	SHADOW_EVENT_MADE = 1,
	SHADOW_EVENT_MODIFIED,
	SHADOW_EVENT_CLOSED, /* after it was open for writing */
	SHADOW_EVENT_ATTRIBUTES,
	SHADOW_EVENT_REMOVED,
	SHADOW_EVENT_MOVED,
	SHADOW_EVENT_MOVED_OUT, /* to where the server does not see it */
	SHADOW_EVENT_MOVED_IN,
	SHADOW_EVENT_LOST, /* the host was quicker than we are: some are missing here */
};

/* A record of the stream, in the byte order of the machine. Nodeids are those of FUSE. */
struct shadow_event {
	uint32_t size; /* of the record with its text; a multiple of 8 */
	uint16_t kind;
	uint16_t type; /* of the entry, as far as known: S_IFMT bits */
	uint64_t dir;  /* 1: the directory of shares; the name is then the share's */
	uint64_t to_dir;
	uint64_t inode; /* of the entry, when the guest has looked it up; or 0 */
	/* NUL-terminated, one after the other: share, name, the new name of MOVED (else ""). */
	char text[];
};

#define SHADOW_EVENT_MAX 1024
