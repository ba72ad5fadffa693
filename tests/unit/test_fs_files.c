/*
 * virtio-fs: open files. What is read is what the host has, what is written gets there, and a
 * handle allows what it was opened for.
 */
#include "tests/unit/fakefuse.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BIG (200U << 10)

static struct stat stat_of(struct fakefuse *f, const char *path)
{
	struct stat st;

	assert_int_equal(lstat(ff_path(f, path), &st), 0);
	return st;
}

static void what_is_written_is_read(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a, fh = ff_create(f, f->rw, "a", &a);

	assert_int_equal(ff_entry(f).attr.mode, S_IFREG | 0644);
	ff_write(f, fh, 0, "hello");
	ff_write(f, fh, 3, "p me");
	ff_check_text(f, fh, "help me");
	assert_int_equal(ff_read_error(f, fh, 5, 1), 0);
	assert_int_equal(f->len, 1);
	assert_int_equal(f->reply[0], 'm');
	assert_int_equal(ff_read_error(f, fh, 7, 10), 0);
	assert_int_equal(f->len, 0);
	assert_int_equal(ff_read_error(f, fh, UINT64_MAX, 10), 0);
	assert_int_equal(f->len, 0);
	assert_int_equal(ff_write_error(f, fh, UINT64_MAX, "x"), -EINVAL);
	assert_int_equal(ff_getattr(f, a).size, 7);
	ff_release(f, fh);
	assert_int_equal(ff_read_error(f, fh, 0, 1), -EBADF);
	assert_int_equal(ff_write_error(f, fh, 0, "x"), -EBADF);
}

/* However the driver cuts its buffers. */
static void data_lies_anywhere(void **state)
{
	struct fakefuse *f = *state;
	static const uint32_t segments[] = { 0, 65536, 4096, 1000, 997 };
	struct fuse_write_in in = { .size = BIG };
	struct ff_part parts[] = { { &in, sizeof(in) }, { NULL, BIG }, { NULL, 0 } };
	char *data = malloc(BIG);

	assert_non_null(data);
	parts[1].data = data;
	in.fh = ff_create(f, f->rw, "a", NULL);
	for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
		for (uint32_t at = 0; at < BIG; at++)
			data[at] = (char)(at * 7 + at / 251 + i);
		f->segment = segments[i];
		assert_int_equal(ff_send(f, FUSE_WRITE, 0, parts), 0);
		assert_int_equal(*(const uint32_t *)(const void *)f->reply, BIG);
		assert_int_equal(ff_read_error(f, in.fh, 0, BIG), 0);
		assert_int_equal(f->len, BIG);
		assert_memory_equal(f->reply, data, BIG);
	}
	/* One byte in each: the fixed parts are cut as well. */
	f->segment = 1;
	f->room = 64;
	ff_write(f, in.fh, 0, "abcdef");
	assert_int_equal(ff_read_error(f, in.fh, 0, 6), 0);
	assert_memory_equal(f->reply, "abcdef", 6);
	free(data);
}

static void open_modes_are_kept(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a, fh;

	ff_put_file(f, "rw/a", "text");
	a = ff_lookup(f, f->rw, "a");
	fh = ff_open(f, a, O_RDONLY);
	ff_check_text(f, fh, "text");
	assert_int_equal(ff_write_error(f, fh, 0, "x"), -EBADF);
	fh = ff_open(f, a, O_WRONLY | O_APPEND);
	assert_int_equal(ff_read_error(f, fh, 0, 1), -EBADF);
	ff_write(f, fh, 4, " more");
	fh = ff_open(f, a, O_RDWR);
	ff_check_text(f, fh, "text more");
	fh = ff_open(f, a, O_RDWR | O_TRUNC);
	ff_check_text(f, fh, "");
	/* Creation and the like are no business of OPEN. */
	fh = ff_open(f, a, O_RDWR | O_CREAT | O_EXCL | O_DIRECTORY | O_PATH | O_NONBLOCK);
	ff_write(f, fh, 0, "y");
}

static void only_files_are_opened(void **state)
{
	struct fakefuse *f = *state;

	assert_int_equal(ff_mknod(f, f->rw, "fifo", S_IFIFO | 0666, 0), 0);
	assert_int_equal(ff_open_error(f, ff_entry(f).nodeid, O_RDONLY), -EACCES);
	assert_int_equal(ff_mknod(f, f->rw, "socket", S_IFSOCK | 0666, 0), 0);
	assert_int_equal(ff_open_error(f, ff_entry(f).nodeid, O_RDWR), -EACCES);
	assert_int_equal(ff_symlink(f, f->rw, "link", "../outside/secret"), 0);
	assert_int_equal(ff_open_error(f, ff_entry(f).nodeid, O_RDONLY), -EACCES);
	assert_int_equal(ff_open_error(f, f->rw, O_RDONLY), -EACCES);
	assert_int_equal(ff_open_error(f, FUSE_ROOT_ID, O_RDONLY), -ESTALE);
	assert_int_equal(ff_open_error(f, FUSE_ROOT_ID, O_RDWR), -EROFS);
	/* Nor by CREATE, when there is one already. */
	assert_int_equal(ff_create_error(f, f->rw, "fifo", O_RDWR | O_CREAT), -EACCES);
	assert_int_equal(ff_create_error(f, f->rw, "link", O_RDWR | O_CREAT | O_TRUNC), -EACCES);
	assert_int_equal(stat_of(f, "outside/secret").st_size, strlen(FF_SECRET));
}

static void create_opens_what_is_there(void **state)
{
	struct fakefuse *f = *state;
	uint64_t fh;

	ff_put_file(f, "rw/a", "text");
	assert_int_equal(ff_create_error(f, f->rw, "a", O_RDWR | O_CREAT | O_EXCL), -EEXIST);
	fh = ff_create(f, f->rw, "a", NULL);
	ff_check_text(f, fh, "text");
	assert_int_equal(ff_create_error(f, f->rw, "a", O_RDWR | O_CREAT | O_TRUNC), 0);
	ff_check_text(f, fh, "");
	assert_int_equal(ff_create_error(f, FUSE_ROOT_ID, "a", O_RDWR | O_CREAT), -EROFS);
}

static void a_file_without_a_name(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_open_out open;
	uint64_t node;
	int error = ff_tmpfile(f, f->rw, O_RDWR);

	if (error == -EOPNOTSUPP || error == -ENOSYS)
		skip();
	assert_int_equal(error, 0);
	node = ff_entry(f).nodeid;
	assert_int_equal(ff_entry(f).attr.nlink, 0);
	assert_int_equal(ff_entry(f).attr.mode, S_IFREG | 0600);
	memcpy(&open, f->reply + sizeof(struct fuse_entry_out), sizeof(open));
	ff_write(f, open.fh, 0, "nameless");
	assert_int_equal(ff_link(f, node, f->rw, "named"), 0);
	assert_int_equal(ff_entry(f).nodeid, node);
	assert_int_equal(stat_of(f, "rw/named").st_size, 8);
	assert_int_equal(ff_tmpfile(f, node, O_RDWR), -ENOTDIR);
	assert_int_equal(ff_tmpfile(f, f->ro, O_RDWR), -EROFS);
	assert_int_equal(ff_tmpfile(f, FUSE_ROOT_ID, O_RDWR), -EROFS);
}

static void attributes_are_set(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_setattr_in in = { .valid = FATTR_MODE, .mode = S_IFDIR | 06711 };
	struct stat st;
	uint64_t a;

	ff_put_file(f, "rw/a", "text");
	a = ff_lookup(f, f->rw, "a");
	assert_int_equal(ff_setattr_error(f, a, in), 0);
	assert_int_equal(stat_of(f, "rw/a").st_mode, S_IFREG | 06711);
	in = (struct fuse_setattr_in){
		.valid = FATTR_ATIME | FATTR_MTIME,
		.atime = 1000,
		.atimensec = 5,
		.mtime = 2000,
		.mtimensec = 999999999,
	};
	assert_int_equal(ff_setattr_error(f, a, in), 0);
	st = stat_of(f, "rw/a");
	assert_int_equal(st.st_atim.tv_sec, 1000);
	assert_int_equal(st.st_atim.tv_nsec, 5);
	assert_int_equal(st.st_mtim.tv_sec, 2000);
	assert_int_equal(st.st_mtim.tv_nsec, 999999999);
	/* UTIME_NOW and UTIME_OMIT do not come in by way of nanoseconds. */
	in = (struct fuse_setattr_in){ .valid = FATTR_MTIME, .mtime = 7, .mtimensec = UTIME_NOW };
	assert_int_equal(ff_setattr_error(f, a, in), 0);
	st = stat_of(f, "rw/a");
	assert_int_equal(st.st_atim.tv_sec, 1000);
	assert_int_equal(st.st_mtim.tv_sec, 7);
	assert_int_equal(st.st_mtim.tv_nsec, 0);
	in = (struct fuse_setattr_in){ .valid = FATTR_MTIME | FATTR_MTIME_NOW, .mtime = 7 };
	assert_int_equal(ff_setattr_error(f, a, in), 0);
	assert_true(stat_of(f, "rw/a").st_mtim.tv_sec > 1000000);
	assert_int_equal(ff_setattr_error(f, FUSE_ROOT_ID, in), -EROFS);
}

static void sizes_are_set(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_setattr_in in = { .valid = FATTR_SIZE, .size = 2 };
	uint64_t a;

	ff_put_file(f, "rw/a", "text");
	a = ff_lookup(f, f->rw, "a");
	assert_int_equal(ff_setattr_error(f, a, in), 0);
	assert_int_equal(stat_of(f, "rw/a").st_size, 2);
	/* By a handle, if it was opened for that. */
	in = (struct fuse_setattr_in){ .valid = FATTR_SIZE | FATTR_FH, .size = 1 };
	in.fh = ff_open(f, a, O_RDONLY);
	assert_int_equal(ff_setattr_error(f, a, in), -EINVAL);
	in.fh = ff_open(f, a, O_RDWR);
	assert_int_equal(ff_setattr_error(f, a, in), 0);
	assert_int_equal(stat_of(f, "rw/a").st_size, 1);
	in.size = UINT64_MAX;
	assert_int_equal(ff_setattr_error(f, a, in), -EFBIG);
	in.size = 5;
	assert_int_equal(ff_mknod(f, f->rw, "fifo", S_IFIFO | 0666, 0), 0);
	in.valid = FATTR_SIZE;
	assert_int_equal(ff_setattr_error(f, ff_entry(f).nodeid, in), -EACCES);
	assert_int_equal(ff_setattr_error(f, f->rw, in), -EISDIR);
}

static void owners_are_set(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_setattr_in in = { .valid = FATTR_UID, .uid = 1234, .gid = 99 };
	uint64_t a;

	if (geteuid() != 0)
		skip();
	ff_put_file(f, "rw/a", "text");
	assert_int_equal(chmod(ff_path(f, "rw/a"), 06755), 0);
	a = ff_lookup(f, f->rw, "a");
	assert_int_equal(ff_setattr_error(f, a, in), 0);
	assert_int_equal(stat_of(f, "rw/a").st_uid, 1234);
	assert_int_equal(stat_of(f, "rw/a").st_gid, 0);
	assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 0755);
	/* A mode that comes with an owner is what the file has afterwards. */
	in.valid = FATTR_GID | FATTR_MODE;
	in.mode = 04711;
	assert_int_equal(ff_setattr_error(f, a, in), 0);
	assert_int_equal(stat_of(f, "rw/a").st_gid, 99);
	assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 04711);
	/* Of a symlink: its own, not its target's. */
	assert_int_equal(ff_symlink(f, f->rw, "s", "../outside/secret"), 0);
	in.valid = FATTR_UID | FATTR_GID;
	assert_int_equal(ff_setattr_error(f, ff_entry(f).nodeid, in), 0);
	assert_int_equal(stat_of(f, "rw/s").st_uid, 1234);
	assert_int_equal(stat_of(f, "outside/secret").st_uid, 0);
}

/* HANDLE_KILLPRIV_V2: the guest leaves it to us, whoever we are. */
static void writes_clear_setuid(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_write_in in = { .size = 1, .write_flags = FUSE_WRITE_KILL_SUIDGID };
	struct ff_part parts[] = { { &in, sizeof(in) }, { "x", 1 }, { NULL, 0 } };
	struct fuse_setattr_in size = { .valid = FATTR_SIZE | FATTR_KILL_SUIDGID, .size = 3 };
	struct fuse_open_in open = { .flags = O_WRONLY | O_TRUNC,
		.open_flags = FUSE_OPEN_KILL_SUIDGID };
	const char *path = ff_path(f, "rw/a");
	uint64_t a, fh = ff_create(f, f->rw, "a", &a);

	assert_int_equal(chmod(path, 06777), 0);
	if (geteuid() == 0) {
		ff_write(f, fh, 0, "kept");
		assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 06777);
	}
	in.fh = fh;
	assert_int_equal(ff_send(f, FUSE_WRITE, a, parts), 0);
	assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 0777);
	if (geteuid() == 0) {
		/* By one of a group that may not execute its bit is kept, by others it is not. */
		assert_int_equal(chown(path, 0, 1000), 0);
		assert_int_equal(chmod(path, 06767), 0);
		f->gid = 1000;
		assert_int_equal(ff_send(f, FUSE_WRITE, a, parts), 0);
		assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 02767);
		f->gid = 0;
		assert_int_equal(ff_send(f, FUSE_WRITE, a, parts), 0);
		assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 0767);
	}
	assert_int_equal(chmod(path, 06777), 0);
	assert_int_equal(ff_setattr_error(f, a, size), 0);
	assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 0777);
	assert_int_equal(chmod(path, 06777), 0);
	assert_int_equal(FF(f, FUSE_OPEN, a, open, NULL), 0);
	assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 0777);
	assert_int_equal(chmod(path, 06777), 0);
	if (geteuid() == 0) {
		ff_write(f, fh, 0, "kept");
		assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 06777);
	}
}

/* Linux does not ask by itself after each of these requests. */
static void the_guest_believes_no_setuid_bit(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_attr_out out;
	struct fuse_entry_out e;

	ff_put_file(f, "rw/a", "");
	assert_int_equal(ff_lookup_error(f, f->rw, "a"), 0);
	e = ff_entry(f);
	assert_true(e.attr_valid || e.attr_valid_nsec);
	assert_int_equal(chmod(ff_path(f, "rw/a"), 02644), 0);
	assert_int_equal(ff_lookup_error(f, f->rw, "a"), 0);
	e = ff_entry(f);
	assert_true(e.entry_valid || e.entry_valid_nsec);
	assert_false(e.attr_valid || e.attr_valid_nsec);
	assert_int_equal(chmod(ff_path(f, "rw/a"), 04755), 0);
	assert_int_equal(ff_getattr_error(f, e.nodeid), 0);
	memcpy(&out, f->reply, sizeof(out));
	assert_false(out.attr_valid || out.attr_valid_nsec);
	assert_int_equal(chmod(ff_path(f, "rw/a"), 0755), 0);
	assert_int_equal(ff_getattr_error(f, e.nodeid), 0);
	memcpy(&out, f->reply, sizeof(out));
	assert_true(out.attr_valid || out.attr_valid_nsec);
}

/* Requests without such a flag: root keeps them. */
static void what_users_allocate_and_copy_clears_setuid(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_fallocate_in allocate = { .length = 8192 };
	struct fuse_copy_file_range_in copy = { .len = 4 };
	uint64_t a, fh = ff_create(f, f->rw, "a", &a);

	if (geteuid() != 0)
		skip();
	allocate.fh = copy.fh_out = fh;
	copy.nodeid_out = a;
	copy.fh_in = ff_create(f, f->rw, "b", NULL);
	ff_write(f, copy.fh_in, 0, "text");
	assert_int_equal(chmod(ff_path(f, "rw/a"), 06777), 0);
	assert_int_equal(FF(f, FUSE_FALLOCATE, a, allocate, NULL), 0);
	assert_int_equal(FF(f, FUSE_COPY_FILE_RANGE, a, copy, NULL), 0);
	assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 06777);
	f->uid = f->gid = 1000;
	allocate.offset = 8192;
	assert_int_equal(FF(f, FUSE_FALLOCATE, a, allocate, NULL), 0);
	assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 0777);
	assert_int_equal(chmod(ff_path(f, "rw/a"), 06777), 0);
	assert_int_equal(FF(f, FUSE_COPY_FILE_RANGE, a, copy, NULL), 0);
	assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 0777);
	/* The bit of a group that may not execute means something else, to who is in it. */
	assert_int_equal(chmod(ff_path(f, "rw/a"), 06666), 0);
	assert_int_equal(FF(f, FUSE_FALLOCATE, a, allocate, NULL), 0);
	assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 0666);
	assert_int_equal(chown(ff_path(f, "rw/a"), 0, 1000), 0);
	assert_int_equal(chmod(ff_path(f, "rw/a"), 06666), 0);
	assert_int_equal(FF(f, FUSE_FALLOCATE, a, allocate, NULL), 0);
	assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 02666);
	/* It was for these requests. */
	f->uid = f->gid = 0;
	assert_int_equal(chmod(ff_path(f, "rw/a"), 06777), 0);
	assert_int_equal(FF(f, FUSE_FALLOCATE, a, allocate, NULL), 0);
	assert_int_equal(stat_of(f, "rw/a").st_mode & 07777, 06777);
}

static void a_symlink_has_its_own_times_and_no_mode(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_setattr_in in = { .valid = FATTR_MTIME, .mtime = 77 };
	uint64_t s;

	assert_int_equal(ff_symlink(f, f->rw, "s", "../outside/secret"), 0);
	s = ff_entry(f).nodeid;
	assert_int_equal(ff_setattr_error(f, s, in), 0);
	assert_int_equal(stat_of(f, "rw/s").st_mtim.tv_sec, 77);
	assert_int_not_equal(stat_of(f, "outside/secret").st_mtim.tv_sec, 77);
	in = (struct fuse_setattr_in){ .valid = FATTR_MODE, .mode = 0777 };
	assert_int_equal(ff_setattr_error(f, s, in), -EOPNOTSUPP);
	in = (struct fuse_setattr_in){ .valid = FATTR_SIZE, .size = 0 };
	assert_int_equal(ff_setattr_error(f, s, in), -EACCES);
	assert_int_equal(stat_of(f, "outside/secret").st_mode, S_IFREG | 0644);
	assert_int_equal(stat_of(f, "outside/secret").st_size, strlen(FF_SECRET));
}

static void space_is_allocated(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_fallocate_in in = { .length = 8192 };
	uint64_t a;

	in.fh = ff_create(f, f->rw, "a", &a);
	assert_int_equal(FF(f, FUSE_FALLOCATE, a, in, NULL), 0);
	assert_int_equal(stat_of(f, "rw/a").st_size, 8192);
	in.mode = FALLOC_FL_KEEP_SIZE;
	in.offset = 8192;
	assert_int_equal(FF(f, FUSE_FALLOCATE, a, in, NULL), 0);
	assert_int_equal(stat_of(f, "rw/a").st_size, 8192);
	in.length = 0;
	assert_int_equal(FF(f, FUSE_FALLOCATE, a, in, NULL), -EINVAL);
	in.length = UINT64_MAX;
	assert_int_equal(FF(f, FUSE_FALLOCATE, a, in, NULL), -EFBIG);
	in.length = 1;
	in.offset = UINT64_MAX;
	assert_int_equal(FF(f, FUSE_FALLOCATE, a, in, NULL), -EFBIG);
	in.offset = 0;
	in.mode = UINT32_MAX;
	assert_int_equal(FF(f, FUSE_FALLOCATE, a, in, NULL), -EOPNOTSUPP);
	in.mode = 0;
	in.fh = ff_open(f, a, O_RDONLY);
	assert_int_equal(FF(f, FUSE_FALLOCATE, a, in, NULL), -EBADF);
}

static void holes_are_found(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_lseek_in in = { .whence = SEEK_DATA };
	uint64_t a, fh = ff_create(f, f->rw, "a", &a);
	int fd, wanted;

	ff_write(f, fh, 1 << 20, "data");
	in.fh = fh;
	assert_int_equal(FF(f, FUSE_LSEEK, a, in, NULL), 0);
	/* A file system may know no holes. */
	assert_true(*(const uint64_t *)(const void *)f->reply <= 1 << 20);
	in.whence = SEEK_HOLE;
	in.offset = 1 << 20;
	assert_int_equal(FF(f, FUSE_LSEEK, a, in, NULL), 0);
	assert_int_equal(*(const uint64_t *)(const void *)f->reply, (1 << 20) + 4);
	in.offset = (1 << 20) + 4;
	assert_int_equal(FF(f, FUSE_LSEEK, a, in, NULL), -ENXIO);
	/* A negative offset is what the host says. */
	fd = open(ff_path(f, "rw/a"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(lseek(fd, -1, SEEK_HOLE), -1);
	wanted = -errno;
	close(fd);
	in.offset = UINT64_MAX;
	assert_int_equal(FF(f, FUSE_LSEEK, a, in, NULL), wanted);
	in.offset = 0;
	in.whence = SEEK_END;
	assert_int_equal(FF(f, FUSE_LSEEK, a, in, NULL), -EINVAL);
	/* Where the guest reads is said with each READ. */
	assert_int_equal(ff_read_error(f, fh, 1 << 20, 9), 0);
	assert_int_equal(f->len, 4);
}

static void ranges_are_copied(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_copy_file_range_in in = { .off_in = 2, .off_out = 1, .len = 3 };
	uint64_t fh = ff_create(f, f->rw, "a", NULL), to = ff_create(f, f->other, "b", NULL);

	ff_write(f, fh, 0, "abcdef");
	ff_write(f, to, 0, "12");
	in.fh_in = fh;
	in.fh_out = to;
	assert_int_equal(FF(f, FUSE_COPY_FILE_RANGE, 0, in, NULL), 0);
	assert_int_equal(*(const uint32_t *)(const void *)f->reply, 3);
	ff_check_text(f, to, "1cde");
	in.len = UINT64_MAX;
	in.off_in = 6;
	assert_int_equal(FF(f, FUSE_COPY_FILE_RANGE, 0, in, NULL), 0);
	assert_int_equal(*(const uint32_t *)(const void *)f->reply, 0);
	in.off_in = UINT64_MAX;
	assert_int_equal(FF(f, FUSE_COPY_FILE_RANGE, 0, in, NULL), -EOVERFLOW);
	in.off_in = INT64_MIN;
	assert_int_equal(FF(f, FUSE_COPY_FILE_RANGE, 0, in, NULL), -EINVAL);
	in.off_in = 0;
	in.fh_in = 12345;
	assert_int_equal(FF(f, FUSE_COPY_FILE_RANGE, 0, in, NULL), -EBADF);
	in.fh_in = fh;
	in.fh_out = ff_open(f, ff_lookup(f, f->ro, "old"), O_RDONLY);
	assert_int_equal(FF(f, FUSE_COPY_FILE_RANGE, 0, in, NULL), -EBADF);
}

static void files_are_synced(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_fsync_in in = { .fsync_flags = FUSE_FSYNC_FDATASYNC };
	struct fuse_syncfs_in all = { 0 };
	uint64_t a;

	in.fh = ff_create(f, f->rw, "a", &a);
	assert_int_equal(FF(f, FUSE_FSYNC, a, in, NULL), 0);
	in.fsync_flags = 0;
	assert_int_equal(FF(f, FUSE_FSYNC, a, in, NULL), 0);
	assert_int_equal(FF(f, FUSE_FSYNCDIR, a, in, NULL), -EBADF);
	in.fh = ff_opendir(f, f->rw);
	assert_int_equal(FF(f, FUSE_FSYNC, f->rw, in, NULL), -EBADF);
	assert_int_equal(FF(f, FUSE_FSYNCDIR, f->rw, in, NULL), 0);
	in.fh = ff_opendir(f, FUSE_ROOT_ID);
	assert_int_equal(FF(f, FUSE_FSYNCDIR, FUSE_ROOT_ID, in, NULL), 0);
	assert_int_equal(FF(f, FUSE_SYNCFS, FUSE_ROOT_ID, all, NULL), 0);
}

static void the_file_system_is_described(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_statfs_out out;

	assert_int_equal(ff_call(f, FUSE_STATFS, f->rw, NULL, 0, NULL, NULL), 0);
	assert_int_equal(f->len, sizeof(out));
	memcpy(&out, f->reply, sizeof(out));
	assert_true(out.st.blocks > 0 && out.st.bsize > 0 && out.st.namelen == 255);
	assert_int_equal(ff_call(f, FUSE_STATFS, FUSE_ROOT_ID, NULL, 0, NULL, NULL), 0);
	memcpy(&out, f->reply, sizeof(out));
	assert_int_equal(out.st.blocks, 0);
	assert_int_equal(ff_call(f, FUSE_STATFS, 999, NULL, 0, NULL, NULL), -ESTALE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ff_begin, ff_end)

/*
 * What the guest knew is stale after a move, not another file's: neither number is given again. The
 * next look-up finds everything.
 */
static void a_move_makes_files_stale(void **state)
{
	struct fakefuse *f = *state;
	uint64_t nodeid, fh, rw = f->rw, again, again_fh;

	fh = ff_create(f, f->rw, "new", &nodeid);
	ff_write(f, fh, 0, "text");
	ff_move(f);
	assert_int_equal(ff_getattr_error(f, nodeid), -ESTALE);
	assert_int_equal(ff_getattr_error(f, rw), -ESTALE);
	assert_int_equal(ff_read_error(f, fh, 0, 4), -EBADF);
	again = ff_lookup(f, f->rw, "new");
	again_fh = ff_open(f, again, O_RDONLY);
	assert_true(again > nodeid);
	assert_int_not_equal(again_fh, fh);
	ff_check_text(f, again_fh, "text");
	assert_int_equal(ff_read_error(f, fh, 0, 4), -EBADF);
	/* What was negotiated holds: an attribute is set as it is with SETXATTR_EXT. */
	assert_int_equal(ff_setxattr(f, again, "user.colour", "blue"), 0);
	ff_release(f, again_fh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(a_move_makes_files_stale),
		TEST(data_lies_anywhere),
		TEST(open_modes_are_kept),
		TEST(only_files_are_opened),
		TEST(create_opens_what_is_there),
		TEST(a_file_without_a_name),
		TEST(attributes_are_set),
		TEST(sizes_are_set),
		TEST(owners_are_set),
		TEST(writes_clear_setuid),
		TEST(the_guest_believes_no_setuid_bit),
		TEST(what_users_allocate_and_copy_clears_setuid),
		TEST(a_symlink_has_its_own_times_and_no_mode),
		TEST(space_is_allocated),
		TEST(holes_are_found),
		TEST(ranges_are_copied),
		TEST(files_are_synced),
		TEST(the_file_system_is_described),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
