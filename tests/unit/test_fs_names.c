/*
 * virtio-fs: requests about names. What they do to the host's tree, and when the device forgets a
 * nodeid.
 */
#include "dev/fs/protocol.h"
#include "tests/unit/fakefuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void lookups_are_counted(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a;

	ff_put_file(f, "rw/a", "");
	a = ff_lookup(f, f->rw, "a");
	assert_int_equal(ff_lookup(f, f->rw, "a"), a);
	ff_forget(f, a, 1);
	assert_int_equal(ff_getattr_error(f, a), 0);
	ff_forget(f, a, 1);
	assert_int_equal(ff_getattr_error(f, a), -ESTALE);
	assert_int_not_equal(ff_lookup(f, f->rw, "a"), a);
}

static void forgotten_twice_and_too_much(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a, b;

	ff_put_file(f, "rw/a", "");
	ff_put_file(f, "rw/b", "");
	a = ff_lookup(f, f->rw, "a");
	b = ff_lookup(f, f->rw, "b");
	ff_forget(f, a, UINT64_MAX);
	ff_forget(f, a, 1);
	ff_forget(f, a, UINT64_MAX);
	ff_forget(f, FUSE_ROOT_ID, 5);
	ff_forget(f, 0, 5);
	assert_int_equal(ff_getattr_error(f, a), -ESTALE);
	assert_int_equal(ff_getattr_error(f, b), 0);
	assert_int_equal(ff_getattr_error(f, FUSE_ROOT_ID), 0);
}

static void forget_of_none_keeps_all(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a;

	ff_put_file(f, "rw/a", "");
	a = ff_lookup(f, f->rw, "a");
	ff_forget(f, a, 0);
	assert_int_equal(ff_getattr_error(f, a), 0);
}

static int batch_forget(struct fakefuse *f, uint32_t count, const void *list, size_t len)
{
	struct fuse_batch_forget_in in = { .count = count };
	struct ff_part parts[] = { { &in, sizeof(in) }, { list, len }, { NULL, 0 } };

	return ff_send(f, FUSE_BATCH_FORGET, 0, parts);
}

static void batches_are_forgotten(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_forget_one two[2] = { { 0, 1 }, { 0, 1 } };

	ff_put_file(f, "rw/a", "");
	ff_put_file(f, "rw/b", "");
	two[0].nodeid = ff_lookup(f, f->rw, "a");
	two[1].nodeid = ff_lookup(f, f->rw, "b");
	/* A count that claims more than there is ends where the request does. */
	assert_int_equal(batch_forget(f, UINT32_MAX, two, sizeof(two[0]) + 9), FF_NO_REPLY);
	assert_int_equal(ff_getattr_error(f, two[0].nodeid), -ESTALE);
	assert_int_equal(ff_getattr_error(f, two[1].nodeid), 0);
	assert_int_equal(batch_forget(f, 1, two, sizeof(two)), FF_NO_REPLY);
	assert_int_equal(ff_getattr_error(f, two[1].nodeid), 0);
	assert_int_equal(batch_forget(f, 2, two, sizeof(two)), FF_NO_REPLY);
	assert_int_equal(ff_getattr_error(f, two[1].nodeid), -ESTALE);
}

static void an_entry_tells_the_attributes(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_entry_out e;
	struct stat st;

	ff_put_file(f, "rw/a", "12345");
	assert_int_equal(chmod(ff_path(f, "rw/a"), 04751), 0);
	assert_int_equal(stat(ff_path(f, "rw/a"), &st), 0);
	ff_lookup(f, f->rw, "a");
	e = ff_entry(f);
	assert_int_equal(e.attr.mode, S_IFREG | 04751);
	assert_int_equal(e.attr.size, 5);
	assert_int_equal(e.attr.nlink, 1);
	assert_int_equal(e.attr.uid, st.st_uid);
	assert_int_equal(e.attr.gid, st.st_gid);
	assert_int_equal(e.attr.mtime, st.st_mtim.tv_sec);
	assert_int_equal(e.attr.mtimensec, st.st_mtim.tv_nsec);
	assert_int_equal(e.attr.ino, st.st_ino);
	assert_int_equal(ff_getattr(f, e.nodeid).ino, e.attr.ino);
}

static void the_birth_is_told(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_statx_in in = { .sx_mask = STATX_BASIC_STATS | STATX_BTIME };
	struct fuse_statx_out out;
	struct statx stx;
	uint64_t a;

	ff_put_file(f, "rw/a", "text");
	assert_int_equal(chmod(ff_path(f, "rw/a"), 0640), 0);
	a = ff_lookup(f, f->rw, "a");
	assert_int_equal(FF(f, FUSE_STATX, a, in, NULL), 0);
	assert_int_equal(f->len, sizeof(out));
	memcpy(&out, f->reply, sizeof(out));
	assert_int_equal(
		statx(AT_FDCWD, ff_path(f, "rw/a"), 0, STATX_BASIC_STATS | STATX_BTIME, &stx), 0);
	assert_int_equal(out.stat.mask, stx.stx_mask & (STATX_BASIC_STATS | STATX_BTIME));
	assert_int_equal(out.stat.btime.tv_sec, stx.stx_btime.tv_sec);
	assert_int_equal(out.stat.btime.tv_nsec, stx.stx_btime.tv_nsec);
	assert_int_equal(out.stat.mtime.tv_sec, stx.stx_mtime.tv_sec);
	assert_int_equal(out.stat.mtime.tv_nsec, stx.stx_mtime.tv_nsec);
	assert_int_equal(out.stat.ctime.tv_nsec, stx.stx_ctime.tv_nsec);
	assert_int_equal(out.stat.size, 4);
	assert_int_equal(out.stat.mode, S_IFREG | 0640);
	assert_int_equal(out.stat.nlink, 1);
	assert_int_equal(out.stat.ino, ff_getattr(f, a).ino);
	/* The directory of shares has none. */
	assert_int_equal(FF(f, FUSE_STATX, FUSE_ROOT_ID, in, NULL), 0);
	memcpy(&out, f->reply, sizeof(out));
	assert_int_equal(out.stat.mask, STATX_BASIC_STATS);
	assert_int_equal(out.stat.mode, S_IFDIR | 0555);
	assert_int_equal(FF(f, FUSE_STATX, 12345, in, NULL), -ESTALE);
	f->room = 64;
	assert_int_equal(FF(f, FUSE_STATX, a, in, NULL), -EIO);
}

static void hard_links_are_one_inode(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a, in_other;

	ff_put_file(f, "rw/a", "x");
	a = ff_lookup(f, f->rw, "a");
	assert_int_equal(ff_link(f, a, f->rw, "b"), 0);
	assert_int_equal(ff_entry(f).nodeid, a);
	assert_int_equal(ff_entry(f).attr.nlink, 2);
	assert_int_equal(ff_lookup(f, f->rw, "b"), a);
	assert_int_equal(ff_link(f, a, f->rw, "b"), -EEXIST);
	/* Also below another export: to the server another inode, for programs the same file. */
	assert_int_equal(link(ff_path(f, "rw/a"), ff_path(f, "other/a")), 0);
	in_other = ff_lookup(f, f->other, "a");
	assert_int_not_equal(in_other, a);
	assert_int_equal(ff_getattr(f, in_other).ino, ff_getattr(f, a).ino);
}

static void a_link_to_a_symlink_is_one_itself(void **state)
{
	struct fakefuse *f = *state;
	struct stat st;

	assert_int_equal(ff_symlink(f, f->rw, "s", "../outside/secret"), 0);
	assert_int_equal(ff_link(f, ff_entry(f).nodeid, f->rw, "t"), 0);
	assert_int_equal(lstat(ff_path(f, "rw/t"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat(ff_path(f, "outside/secret"), &st), 0);
	assert_int_equal(st.st_nlink, 1);
}

static void directories_come_and_go(void **state)
{
	struct fakefuse *f = *state;
	uint64_t d;
	struct stat st;

	assert_int_equal(ff_mkdir(f, f->rw, "d", 0751), 0);
	d = ff_entry(f).nodeid;
	assert_int_equal(ff_entry(f).attr.mode, S_IFDIR | 0751);
	assert_int_equal(stat(ff_path(f, "rw/d"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0751);
	assert_int_equal(ff_mkdir(f, f->rw, "d", 0755), -EEXIST);
	assert_int_equal(ff_mkdir(f, d, "inner", 0755), 0);
	assert_int_equal(FF_NAME(f, FUSE_RMDIR, f->rw, "d"), -ENOTEMPTY);
	assert_int_equal(FF_NAME(f, FUSE_UNLINK, f->rw, "d"), -EISDIR);
	assert_int_equal(FF_NAME(f, FUSE_RMDIR, d, "inner"), 0);
	assert_int_equal(FF_NAME(f, FUSE_RMDIR, f->rw, "d"), 0);
	assert_false(ff_exists(f, "rw/d"));
	assert_int_equal(FF_NAME(f, FUSE_RMDIR, f->rw, "d"), -ENOENT);
	/* The guest still knows it: attributes, but nothing new in it. */
	assert_int_equal(ff_getattr(f, d).nlink, 0);
	assert_int_equal(ff_mkdir(f, d, "late", 0755), -ENOENT);
	assert_int_equal(ff_create_error(f, d, "late", O_RDWR | O_CREAT), -ENOENT);
}

static void an_open_file_outlives_its_name(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a, fh;

	fh = ff_create(f, f->rw, "a", &a);
	assert_int_equal(FF_NAME(f, FUSE_RMDIR, f->rw, "a"), -ENOTDIR);
	assert_int_equal(FF_NAME(f, FUSE_UNLINK, f->rw, "a"), 0);
	assert_false(ff_exists(f, "rw/a"));
	ff_write(f, fh, 0, "still here");
	ff_check_text(f, fh, "still here");
	assert_int_equal(ff_getattr(f, a).nlink, 0);
	assert_int_equal(ff_getattr(f, a).size, 10);
	/* Another of that name is another inode. */
	ff_put_file(f, "rw/a", "new");
	assert_int_not_equal(ff_lookup(f, f->rw, "a"), a);
	ff_release(f, fh);
	fh = ff_open(f, a, O_RDONLY);
	ff_check_text(f, fh, "still here");
	assert_int_equal(ff_link(f, a, f->rw, "back"), -ENOENT);
}

static void symlinks_are_text(void **state)
{
	struct fakefuse *f = *state;
	char target[64];
	uint64_t s;

	assert_int_equal(ff_symlink(f, f->rw, "s", "/no/such/../place"), 0);
	s = ff_entry(f).nodeid;
	assert_int_equal(ff_entry(f).attr.mode & S_IFMT, S_IFLNK);
	assert_int_equal(readlink(ff_path(f, "rw/s"), target, sizeof(target)), 17);
	assert_memory_equal(target, "/no/such/../place", 17);
	assert_int_equal(ff_call(f, FUSE_READLINK, s, NULL, 0, NULL, NULL), 0);
	assert_int_equal(f->len, 17);
	assert_memory_equal(f->reply, target, 17);
	assert_int_equal(ff_symlink(f, f->rw, "s", "x"), -EEXIST);
	assert_int_equal(ff_symlink(f, f->rw, "e", ""), -EINVAL);
	assert_int_equal(FF_NAME(f, FUSE_SYMLINK, f->rw, "no-target"), -EINVAL);
	assert_int_equal(FF_NAME(f, FUSE_UNLINK, f->rw, "s"), 0);
	assert_false(ff_exists(f, "rw/s"));
}

static void special_files_are_made(void **state)
{
	struct fakefuse *f = *state;

	static const struct {
		const char *name;
		uint32_t mode, made;
	} good[] = {
		{ "plain", 0640, S_IFREG | 0640 },
		{ "regular", S_IFREG | 0600, S_IFREG | 0600 },
		{ "fifo", S_IFIFO | 0666, S_IFIFO | 0666 },
		{ "socket", S_IFSOCK | 0700, S_IFSOCK | 0700 },
		{ "whiteout", S_IFCHR, S_IFCHR },
	};
	struct stat st;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		char path[32];

		snprintf(path, sizeof(path), "rw/%s", good[i].name);
		assert_int_equal(ff_mknod(f, f->rw, good[i].name, good[i].mode, 0), 0);
		assert_int_equal(ff_entry(f).attr.mode, good[i].made);
		assert_int_equal(lstat(ff_path(f, path), &st), 0);
		assert_int_equal(st.st_mode, good[i].made);
		assert_int_equal(st.st_rdev, 0);
	}
}

static void devices_of_the_host_are_not_made(void **state)
{
	struct fakefuse *f = *state;

	static const struct {
		uint32_t mode, rdev;
	} bad[] = {
		{ S_IFCHR | 0666, 0x103 },
		{ S_IFCHR | 0666, 1U << 20 },
		{ S_IFBLK | 0666, 0 },
		{ S_IFBLK | 0666, 0x800 },
		{ S_IFDIR | 0755, 0 },
		{ S_IFLNK | 0755, 0 },
		{ S_IFMT, 0 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ff_mknod(f, f->rw, "n", bad[i].mode, bad[i].rdev), -EPERM);
	assert_false(ff_exists(f, "rw/n"));
}

static void names_are_changed(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_rename_in in = { .newdir = f->rw };
	uint64_t a, d;

	ff_put_file(f, "rw/a", "a");
	a = ff_lookup(f, f->rw, "a");
	assert_int_equal(ff_call(f, FUSE_RENAME, f->rw, &in, sizeof(in), "a", "b"), 0);
	assert_false(ff_exists(f, "rw/a"));
	assert_int_equal(ff_lookup(f, f->rw, "b"), a);
	assert_int_equal(ff_mkdir(f, f->rw, "d", 0755), 0);
	d = in.newdir = ff_entry(f).nodeid;
	assert_int_equal(ff_call(f, FUSE_RENAME, f->rw, &in, sizeof(in), "b", "c"), 0);
	assert_int_equal(ff_lookup(f, d, "c"), a);
	assert_int_equal(ff_call(f, FUSE_RENAME, f->rw, &in, sizeof(in), "b", "c"), -ENOENT);
	/* A directory does not go into itself. */
	assert_int_equal(ff_call(f, FUSE_RENAME, f->rw, &in, sizeof(in), "d", "e"), -EINVAL);
	assert_int_equal(ff_call(f, FUSE_RENAME, d, &in, sizeof(in), "c", NULL), -EINVAL);
}

static void rename_flags(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a, b;

	ff_put_file(f, "rw/a", "a");
	ff_put_file(f, "rw/b", "b");
	a = ff_lookup(f, f->rw, "a");
	b = ff_lookup(f, f->rw, "b");
	assert_int_equal(ff_rename2(f, f->rw, "a", f->rw, "b", RENAME_NOREPLACE), -EEXIST);
	assert_int_equal(ff_rename2(f, f->rw, "a", f->rw, "b", RENAME_EXCHANGE), 0);
	assert_int_equal(ff_lookup(f, f->rw, "a"), b);
	assert_int_equal(ff_lookup(f, f->rw, "b"), a);
	assert_int_equal(ff_rename2(f, f->rw, "a", f->rw, "c", RENAME_EXCHANGE), -ENOENT);
	assert_int_equal(ff_rename2(f, f->rw, "a", f->rw, "c", RENAME_NOREPLACE), 0);
	assert_int_equal(ff_rename2(f, f->rw, "b", f->rw, "d", 8), -EINVAL);
	assert_int_equal(ff_rename2(f, f->rw, "b", f->rw, "d", UINT32_MAX), -EINVAL);
	assert_int_equal(ff_rename2(f, f->rw, "b", f->rw, "c", 3), -EINVAL);
	assert_int_equal(ff_rename2(f, f->rw, "b", f->rw, "c", 0), 0);
	assert_int_equal(ff_lookup(f, f->rw, "c"), a);
	assert_int_equal(ff_getattr(f, b).nlink, 0);
}

static void exports_do_not_mix(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a;

	ff_put_file(f, "rw/a", "a");
	a = ff_lookup(f, f->rw, "a");
	assert_int_equal(ff_rename2(f, f->rw, "a", f->other, "a", 0), -EXDEV);
	assert_int_equal(ff_rename2(f, f->rw, "a", f->ro, "a", 0), -EROFS);
	assert_int_equal(ff_rename2(f, f->ro, "old", f->rw, "a", 0), -EROFS);
	assert_int_equal(ff_rename2(f, f->rw, "a", FUSE_ROOT_ID, "a", 0), -EROFS);
	assert_int_equal(ff_rename2(f, FUSE_ROOT_ID, "rw", f->other, "a", 0), -EROFS);
	assert_int_equal(ff_link(f, a, f->other, "a"), -EXDEV);
	assert_int_equal(ff_link(f, a, FUSE_ROOT_ID, "a"), -EROFS);
	assert_int_equal(ff_link(f, FUSE_ROOT_ID, f->rw, "a"), -EROFS);
	assert_int_equal(ff_link(f, ff_lookup(f, f->ro, "old"), f->rw, "b"), -EROFS);
	assert_int_equal(ff_link(f, f->rw, f->rw, "b"), -EPERM);
	assert_true(ff_exists(f, "rw/a"));
	assert_false(ff_exists(f, "other/a"));
}

static void new_files_belong_to_who_asks(void **state)
{
	struct fakefuse *f = *state;
	struct stat st;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(ff_path(f, "rw"), 0777), 0);
	f->uid = 1234;
	f->gid = 5678;
	assert_int_equal(ff_mkdir(f, f->rw, "d", 0755), 0);
	assert_int_equal(ff_symlink(f, f->rw, "s", "x"), 0);
	assert_int_equal(ff_mknod(f, f->rw, "n", S_IFIFO | 0600, 0), 0);
	ff_create(f, f->rw, "c", NULL);
	f->uid = f->gid = 0;
	for (const char *const *p = (const char *const[]){ "rw/d", "rw/s", "rw/n", "rw/c", NULL };
		*p; p++) {
		assert_int_equal(lstat(ff_path(f, *p), &st), 0);
		assert_int_equal(st.st_uid, 1234);
		assert_int_equal(st.st_gid, 5678);
	}
	/* Who asked before matters no more. */
	assert_int_equal(ff_mkdir(f, f->rw, "mine", 0755), 0);
	assert_int_equal(ff_entry(f).attr.uid, 0);
	assert_int_equal(ff_entry(f).attr.gid, 0);
}

/*
 * Whether he may is the guest's to say, which knows his groups and what he may in his user
 * namespace; but a setgid bit for a group that he may not be in is not made.
 */
static void who_asks_may_where_the_guest_lets_him(void **state)
{
	struct fakefuse *f = *state;
	struct stat st;

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(ff_path(f, "rw"), 4321, 99), 0);
	assert_int_equal(chmod(ff_path(f, "rw"), 02755), 0);
	f->uid = 1234;
	f->gid = 5678;
	ff_create(f, f->rw, "c", NULL);
	assert_int_equal(ff_mknod(f, f->rw, "g", S_IFREG | 02775, 0), 0);
	f->uid = f->gid = 0;
	assert_int_equal(stat(ff_path(f, "rw/c"), &st), 0);
	assert_int_equal(st.st_uid, 1234);
	assert_int_equal(st.st_gid, 99);
	assert_int_equal(stat(ff_path(f, "rw/g"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0775);
}

/* A regular file of mode 02775; the request says that he is in a group, or nothing of groups. */
static int mknod_with_groups(struct fakefuse *f, const char *name, const void *ext, size_t len)
{
	static uint8_t request[4096];
	const struct fuse_mknod_in mknod = { .mode = S_IFREG | 02775 };
	struct fuse_in_header in = {
		.opcode = FUSE_MKNOD,
		.unique = ++f->unique,
		.nodeid = f->rw,
		.uid = f->uid,
		.gid = f->gid,
	};
	size_t n = sizeof(in);

	memcpy(request + n, &mknod, sizeof(mknod));
	n += sizeof(mknod);
	memcpy(request + n, name, strlen(name) + 1);
	n += strlen(name) + 1;
	memcpy(request + n, ext, len);
	in.len = (uint32_t)(n + len);
	set_ext_bytes(&in, (uint32_t)len);
	memcpy(request, &in, sizeof(in));
	return ff_raw(f, request, in.len);
}

static mode_t mode_of(struct fakefuse *f, const char *path)
{
	struct stat st;

	assert_int_equal(stat(ff_path(f, path), &st), 0);
	return st.st_mode & 07777;
}

/* Linux says of the directory's group whether he is in it by one of those that he has besides. */
static void a_setgid_bit_is_made_for_who_is_in_the_group(void **state)
{
	struct fakefuse *f = *state;

	struct {
		struct fuse_ext_header head;
		uint32_t n, group[3];
	} ext = { { 24, FUSE_EXT_GROUPS }, 3, { 1, 99, 2 } };

	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(ff_path(f, "rw"), 4321, 99), 0);
	assert_int_equal(chmod(ff_path(f, "rw"), 02775), 0);
	f->uid = 1234;
	f->gid = 5678;
	assert_int_equal(mknod_with_groups(f, "in", &ext, sizeof(ext)), 0);
	assert_int_equal(mode_of(f, "rw/in"), 02775);
	/* It was for that request. */
	assert_int_equal(ff_mknod(f, f->rw, "next", S_IFREG | 02775, 0), 0);
	assert_int_equal(mode_of(f, "rw/next"), 0775);
	ext.group[1] = 98;
	assert_int_equal(mknod_with_groups(f, "other", &ext, sizeof(ext)), 0);
	assert_int_equal(mode_of(f, "rw/other"), 0775);
	ext.group[1] = 99;
	/* What does not fit says nothing. */
	ext.n = UINT32_MAX;
	assert_int_equal(mknod_with_groups(f, "many", &ext, sizeof(ext)), 0);
	assert_int_equal(mode_of(f, "rw/many"), 0775);
	ext.n = 3;
	ext.head.size = 16;
	assert_int_equal(mknod_with_groups(f, "short", &ext, sizeof(ext)), 0);
	assert_int_equal(mode_of(f, "rw/short"), 0775);
	ext.head.size = 0;
	assert_int_equal(mknod_with_groups(f, "zero", &ext, sizeof(ext)), 0);
	assert_int_equal(mode_of(f, "rw/zero"), 0775);
	ext.head.size = UINT32_MAX;
	assert_int_equal(mknod_with_groups(f, "long", &ext, sizeof(ext)), 0);
	assert_int_equal(mode_of(f, "rw/long"), 0775);
	ext.head = (struct fuse_ext_header){ 24, FUSE_EXT_GROUPS + 1 };
	assert_int_equal(mknod_with_groups(f, "what", &ext, sizeof(ext)), 0);
	assert_int_equal(mode_of(f, "rw/what"), 0775);
	f->uid = f->gid = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ff_begin, ff_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lookups_are_counted),
		TEST(forgotten_twice_and_too_much),
		TEST(forget_of_none_keeps_all),
		TEST(batches_are_forgotten),
		TEST(an_entry_tells_the_attributes),
		TEST(the_birth_is_told),
		TEST(hard_links_are_one_inode),
		TEST(a_link_to_a_symlink_is_one_itself),
		TEST(directories_come_and_go),
		TEST(an_open_file_outlives_its_name),
		TEST(symlinks_are_text),
		TEST(special_files_are_made),
		TEST(devices_of_the_host_are_not_made),
		TEST(names_are_changed),
		TEST(rename_flags),
		TEST(exports_do_not_mix),
		TEST(new_files_belong_to_who_asks),
		TEST(who_asks_may_where_the_guest_lets_him),
		TEST(a_setgid_bit_is_made_for_who_is_in_the_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
