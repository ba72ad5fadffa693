/*
 * virtio-fs: what the guest is told that it may believe, POSIX ACLs and umasks, file flags, inode
 * numbers.
 */
#include "dev/fs/number.h"
#include "tests/unit/fakefuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define DAY 86400

static struct fuse_open_out opened(struct fakefuse *f, uint64_t nodeid)
{
	struct fuse_open_out out;

	assert_int_equal(ff_open_error(f, nodeid, O_RDONLY), 0);
	memcpy(&out, f->reply, sizeof(out));
	ff_release(f, out.fh);
	out.open_flags &= ~(uint32_t)FOPEN_NOFLUSH; /* of locks */
	return out;
}

/* As if it had been changed long ago; the change itself is now, so wait for that to be past. */
static void settle(void)
{
	usleep(50000);
}

static uint64_t export_as(struct fakefuse *f, const char *name, unsigned flags)
{
	int fd = open(ff_path(f, "rw"), O_PATH | O_CLOEXEC);

	assert_int_equal(fs_export_add(f->fs, name, fd, flags), 0);
	return ff_lookup(f, FUSE_ROOT_ID, name);
}

static void how_long_the_guest_may_believe(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_entry_out e;
	struct fuse_attr_out attr;

	ff_put_file(f, "rw/a", "");
	ff_lookup(f, f->rw, "a");
	e = ff_entry(f);
	assert_int_equal(e.entry_valid, 1);
	assert_int_equal(e.attr_valid, 0);
	assert_int_equal(e.attr_valid_nsec, 1);
	assert_int_equal(ff_getattr_error(f, e.nodeid), 0);
	memcpy(&attr, f->reply, sizeof(attr));
	assert_int_equal(attr.attr_valid, 0);
	assert_int_equal(attr.attr_valid_nsec, 1);
	/* All but the only names of files hold for a tick. */
	assert_int_equal(ff_mkdir(f, f->rw, "d", 0755), 0);
	assert_int_equal(ff_entry(f).entry_valid, 0);
	assert_int_equal(ff_entry(f).entry_valid_nsec, 1);
	assert_int_equal(ff_symlink(f, f->rw, "s", "a"), 0);
	assert_int_equal(ff_entry(f).entry_valid_nsec, 1);
	assert_int_equal(ff_link(f, e.nodeid, f->rw, "b"), 0);
	assert_int_equal(ff_entry(f).entry_valid, 0);
	assert_int_equal(ff_entry(f).entry_valid_nsec, 1);
	/* What is not there may be there the next time. */
	assert_int_equal(ff_lookup_error(f, f->rw, "none"), -ENOENT);
}

static void an_export_says_how_much_is_believed(void **state)
{
	struct fakefuse *f = *state;
	uint64_t none = export_as(f, "none", FS_EXPORT_CACHE_NONE);
	uint64_t always = export_as(f, "always", FS_EXPORT_CACHE_ALWAYS);

	ff_put_file(f, "rw/a", "");
	settle();
	ff_lookup(f, none, "a");
	assert_int_equal(ff_entry(f).attr_valid_nsec, 0);
	opened(f, ff_entry(f).nodeid);
	ff_lookup(f, none, "a");
	assert_int_equal(opened(f, ff_entry(f).nodeid).open_flags, 0);
	ff_lookup(f, always, "a");
	assert_int_equal(ff_entry(f).entry_valid, DAY);
	assert_int_equal(ff_entry(f).attr_valid, DAY);
	assert_int_equal(opened(f, ff_entry(f).nodeid).open_flags, FOPEN_KEEP_CACHE);
}

/* Content that was cached is good if the file is as it was then, and only then. */
static void content_is_known_again(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a;

	ff_put_file(f, "rw/a", "1");
	a = ff_lookup(f, f->rw, "a");
	assert_int_equal(opened(f, a).open_flags, 0);
	/* Too lately changed: it might be changed again without a trace. */
	assert_int_equal(opened(f, a).open_flags, 0);
	settle();
	assert_int_equal(opened(f, a).open_flags, 0);
	assert_int_equal(opened(f, a).open_flags, FOPEN_KEEP_CACHE);
	ff_put_file(f, "rw/a", "2");
	assert_int_equal(opened(f, a).open_flags, 0);
	settle();
	assert_int_equal(opened(f, a).open_flags, 0);
	assert_int_equal(opened(f, a).open_flags, FOPEN_KEEP_CACHE);
}

struct beliefs {
	uint64_t age, wait;
};

static struct beliefs beliefs(struct fakefuse *f)
{
	struct beliefs b;

	assert_int_equal(ff_getxattr(f, FUSE_ROOT_ID, "trusted.beliefs", sizeof(b)), 0);
	memcpy(&b, f->reply, sizeof(b));
	return b;
}

static void what_is_believed_is_known(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a;

	ff_put_file(f, "rw/a", "");
	a = ff_lookup(f, f->rw, "a");
	assert_true(beliefs(f).age < 10000000000);
	settle();
	assert_true(beliefs(f).age >= 40000000);
	assert_int_equal(beliefs(f).wait, 0);
	/* Another file has the name now. */
	ff_put_file(f, "rw/new", "");
	assert_int_equal(rename(ff_path(f, "rw/new"), ff_path(f, "rw/a")), 0);
	assert_in_range(beliefs(f).wait, 1, 1100000000);
	assert_int_not_equal(ff_lookup(f, f->rw, "a"), a);
	ff_forget(f, a, 1);
	assert_int_equal(beliefs(f).wait, 0);
	/* Or none. */
	assert_int_equal(unlink(ff_path(f, "rw/a")), 0);
	assert_in_range(beliefs(f).wait, 1, 1100000000);
	assert_int_equal(ff_getxattr(f, FUSE_ROOT_ID, "trusted.beliefs", 15), -ERANGE);
	assert_int_equal(ff_getxattr(f, FUSE_ROOT_ID, "trusted.other", 8), -ENODATA);
}

static void directories_of_a_root_are_looked_after(void **state)
{
	struct fakefuse *f = *state;
	uint64_t root = export_as(f, "root", FS_EXPORT_ROOT), d;
	struct fuse_setattr_in mode = { .valid = FATTR_MODE, .mode = 0711 };

	assert_int_equal(ff_mkdir(f, root, "d", 0755), 0);
	assert_int_equal(ff_entry(f).entry_valid, 1);
	assert_int_equal(ff_entry(f).attr_valid, 1);
	d = ff_entry(f).nodeid;
	assert_int_equal(ff_symlink(f, root, "s", "d"), 0);
	assert_int_equal(ff_entry(f).entry_valid, 1);
	assert_int_equal(ff_entry(f).attr_valid, 0);
	/* What the guest does itself it knows. */
	ff_create(f, d, "file", NULL);
	assert_int_equal(ff_setattr_error(f, d, mode), 0);
	assert_int_equal(beliefs(f).wait, 0);
	assert_int_equal(chmod(ff_path(f, "rw/d"), 0700), 0);
	assert_in_range(beliefs(f).wait, 1, 1100000000);
}

/* Upon ESTALE Linux looks up the names of the path again. */
static void an_open_by_a_name_that_is_gone(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a, moved;

	ff_put_file(f, "rw/a", "old");
	a = ff_lookup(f, f->rw, "a");
	settle();
	assert_int_equal(ff_open_error(f, a, O_RDONLY), 0);
	ff_put_file(f, "rw/new", "new");
	assert_int_equal(rename(ff_path(f, "rw/new"), ff_path(f, "rw/a")), 0);
	assert_int_equal(ff_open_error(f, a, O_WRONLY | O_TRUNC), -ESTALE);
	/* Again: by a descriptor. */
	assert_int_equal(ff_open_error(f, a, O_RDONLY), 0);
	assert_int_equal(ff_open_error(f, a, O_RDONLY), 0);
	/* What the guest has moved itself it finds at once. */
	ff_put_file(f, "rw/m", "");
	moved = ff_lookup(f, f->rw, "m");
	assert_int_equal(ff_mkdir(f, f->rw, "d", 0755), 0);
	assert_int_equal(ff_rename2(f, f->rw, "m", ff_entry(f).nodeid, "n", 0), 0);
	settle();
	assert_int_equal(ff_open_error(f, moved, O_RDONLY), 0);
	assert_int_equal(unlink(ff_path(f, "rw/d/n")), 0);
	assert_int_equal(ff_open_error(f, moved, O_RDONLY), -ESTALE);
}

/* version 2; u::rwx u:7:rwx g::rwx m::rwx o::--- */
static const unsigned char acl[] = { 2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 2, 0, 7, 0, 7, 0,
	0, 0, 4, 0, 7, 0, 255, 255, 255, 255, 16, 0, 7, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255,
	255, 255, 255 };

static bool set_default_acl(struct fakefuse *f, const char *path)
{
	if (setxattr(ff_path(f, path), "system.posix_acl_default", acl, sizeof(acl), 0) == 0)
		return true;
	assert_int_equal(errno, EOPNOTSUPP);
	return false;
}

static uint32_t mode_of_new(struct fakefuse *f, uint64_t dir, const char *name)
{
	struct fuse_create_in in = {
		.flags = O_RDWR | O_CREAT, .mode = S_IFREG | 0666, .umask = 077
	};

	assert_int_equal(FF(f, FUSE_CREATE, dir, in, name), 0);
	return ff_entry(f).attr.mode;
}

static void a_default_acl_beats_the_umask(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_mkdir_in dir = { .mode = 0777, .umask = 027 };
	struct fuse_mknod_in node = { .mode = S_IFIFO | 0666, .umask = 026 };
	char value[64];

	assert_int_equal(mode_of_new(f, f->rw, "a"), S_IFREG | 0600);
	assert_int_equal(FF(f, FUSE_MKDIR, f->rw, dir, "d"), 0);
	assert_int_equal(ff_entry(f).attr.mode, S_IFDIR | 0750);
	assert_int_equal(FF(f, FUSE_MKNOD, f->rw, node, "p"), 0);
	assert_int_equal(ff_entry(f).attr.mode, S_IFIFO | 0640);
	assert_int_equal(ff_mkdir(f, f->rw, "e", 0777), 0);
	if (!set_default_acl(f, "rw/e"))
		skip();
	assert_int_equal(mode_of_new(f, ff_lookup(f, f->rw, "e"), "new"), S_IFREG | 0660);
	assert_true(getxattr(ff_path(f, "rw/e/new"), "system.posix_acl_access", value,
			    sizeof(value)) > 0);
}

/* The guest's kernel would refuse access when it cannot read an ACL. */
static void no_acls_are_not_an_error(void **state)
{
	struct fakefuse *f = *state;
	int fd = open("/proc/self", O_PATH | O_CLOEXEC);

	assert_int_equal(fs_export_add(f->fs, "proc", fd, FS_EXPORT_RO), 0);
	assert_int_equal(
		ff_getxattr(f, ff_lookup(f, FUSE_ROOT_ID, "proc"), "system.posix_acl_access", 64),
		-ENODATA);
	assert_int_equal(ff_getxattr(f, f->rw, "system.posix_acl_access", 64), -ENODATA);
}

static int ioctl_error(
	struct fakefuse *f, uint64_t nodeid, uint64_t fh, uint32_t cmd, unsigned flags)
{
	struct {
		struct fuse_ioctl_in in;
		unsigned flags;
	} request = { { .fh = fh, .cmd = cmd, .in_size = 4, .out_size = 4 }, flags };

	return ff_call(f, FUSE_IOCTL, nodeid, &request, sizeof(request.in) + 4, NULL, NULL);
}

static void file_flags(void **state)
{
	struct fakefuse *f = *state;
	uint64_t a, fh;
	unsigned flags;
	int error;

	ff_put_file(f, "rw/a", "");
	a = ff_lookup(f, f->rw, "a");
	fh = ff_open(f, a, O_RDONLY);
	error = ioctl_error(f, a, fh, (uint32_t)FS_IOC_GETFLAGS, 0);
	if (error == -ENOTTY || error == -EOPNOTSUPP)
		skip(); /* tmpfs of older kernels has none */
	assert_int_equal(error, 0);
	memcpy(&flags, f->reply + sizeof(struct fuse_ioctl_out), sizeof(flags));
	assert_int_equal(ioctl_error(f, a, fh, (uint32_t)FS_IOC_SETFLAGS, flags | FS_NODUMP_FL), 0);
	assert_int_equal(ioctl_error(f, a, fh, (uint32_t)FS_IOC_GETFLAGS, 0), 0);
	memcpy(&flags, f->reply + sizeof(struct fuse_ioctl_out), sizeof(flags));
	assert_true(flags & FS_NODUMP_FL);
	/* What would keep the host from removing the file. */
	assert_int_equal(
		ioctl_error(f, a, fh, (uint32_t)FS_IOC_SETFLAGS, flags | FS_IMMUTABLE_FL), -EPERM);
	assert_int_equal(
		ioctl_error(f, a, fh, (uint32_t)FS_IOC_SETFLAGS, flags | FS_APPEND_FL), -EPERM);
	assert_int_equal(ioctl_error(f, a, fh, 0x12345678, 0), -ENOTTY);
	assert_int_equal(ioctl_error(f, a, fh + 1, (uint32_t)FS_IOC_GETFLAGS, 0), -EBADF);
	assert_int_equal(ioctl_error(f, f->ro, fh, (uint32_t)FS_IOC_SETFLAGS, flags), -EROFS);
	/* A handle of one export under the nodeid of another. */
	assert_int_equal(ioctl_error(f, f->other, fh, (uint32_t)FS_IOC_SETFLAGS, flags), -EBADF);
	ff_release(f, fh);
}

static void an_ioctl_that_lies_about_its_size(void **state)
{
	struct fakefuse *f = *state;
	uint64_t fh;
	struct fuse_ioctl_in in = { .cmd = (uint32_t)FS_IOC_SETFLAGS };
	uint64_t a;

	ff_put_file(f, "rw/a", "");
	a = ff_lookup(f, f->rw, "a");
	fh = in.fh = ff_open(f, a, O_RDONLY);
	in.in_size = UINT32_MAX;
	assert_int_equal(FF(f, FUSE_IOCTL, a, in, NULL), -EINVAL);
	in.in_size = 0;
	assert_int_equal(FF(f, FUSE_IOCTL, a, in, NULL), -EINVAL);
	in.cmd = (uint32_t)FS_IOC_GETFLAGS;
	in.out_size = 3;
	assert_int_equal(FF(f, FUSE_IOCTL, a, in, NULL), -EINVAL);
	ff_release(f, fh);
}

static void numbers_of_several_file_systems(void **state)
{
	struct numbers t;
	uint64_t big = 1ULL << 40, last = 0;

	(void)state;
	numbers_init(&t);
	assert_int_equal(number_of(&t, 100, 5), 5);
	assert_int_equal(number_of(&t, 100, big), big);
	assert_int_equal(number_of(&t, 200, 5), 1ULL << 27 | 5);
	assert_int_not_equal(number_of(&t, 200, big), big);
	/* As many as fit stay small, all differ, and those that come later do so, too. */
	for (uint64_t dev = 300; dev < 400; dev++) {
		uint64_t n = number_of(&t, dev, 5);

		assert_true(dev >= 330 || n <= UINT32_MAX);
		assert_int_equal(number_of(&t, dev, 5), n);
		assert_int_not_equal(n, last);
		last = n;
	}
	assert_int_equal(number_of(&t, 100, 5), 5);
	numbers_done(&t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ff_begin, ff_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(how_long_the_guest_may_believe),
		TEST(an_export_says_how_much_is_believed),
		TEST(content_is_known_again),
		TEST(what_is_believed_is_known),
		TEST(directories_of_a_root_are_looked_after),
		TEST(an_open_by_a_name_that_is_gone),
		TEST(a_default_acl_beats_the_umask),
		TEST(no_acls_are_not_an_error),
		TEST(file_flags),
		TEST(an_ioctl_that_lies_about_its_size),
		cmocka_unit_test(numbers_of_several_file_systems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
