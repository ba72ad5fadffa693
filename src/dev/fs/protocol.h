/* linux/fuse.h, and what of the protocol the server speaks that older ones lack. */
#pragma once

#include <linux/fuse.h>
#include <stdint.h>

/* Of 7.38. */
#ifndef FUSE_CREATE_SUPP_GROUP
#define FUSE_CREATE_SUPP_GROUP (1ULL << 34)
#define FUSE_EXT_GROUPS	       32

struct fuse_supp_groups {
	uint32_t nr_groups;
	uint32_t groups[];
};
#endif

/* Of 7.39. */
#if FUSE_KERNEL_MINOR_VERSION < 39
#define FUSE_STATX 52

struct fuse_statx_in {
	uint32_t getattr_flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};

struct fuse_sx_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

struct fuse_statx {
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t spare0;
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct fuse_sx_time atime;
	struct fuse_sx_time btime;
	struct fuse_sx_time ctime;
	struct fuse_sx_time mtime;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t spare2[14];
};

struct fuse_statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	struct fuse_statx stat;
};
#endif

/* Of 7.40. */
#ifndef FUSE_NO_EXPORT_SUPPORT
#define FUSE_NO_EXPORT_SUPPORT (1ULL << 38)
#endif

/* Bytes of extensions at the end of a request, a multiple of 8: 7.38. */
static inline uint32_t ext_bytes(const struct fuse_in_header *in)
{
#if FUSE_KERNEL_MINOR_VERSION < 38
	return (in->padding & 0xffff) * 8;
#else
	return in->total_extlen * 8U;
#endif
}

static inline void set_ext_bytes(struct fuse_in_header *in, uint32_t n)
{
#if FUSE_KERNEL_MINOR_VERSION < 38
	in->padding = n / 8;
#else
	in->total_extlen = (uint16_t)(n / 8);
#endif
}
