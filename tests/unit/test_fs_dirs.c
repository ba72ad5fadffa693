/*
 * virtio-fs: reading directories, the synthetic root with its exports, extended attributes, and
 * what is left when an export or the driver goes.
 */
#include "tests/unit/fakefuse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* What a READDIR or READDIRPLUS of one handle has given so far. */
struct listing {
	uint64_t fh, nodeid, offset;
	bool plus;
	unsigned count; /* without . and .. */

	struct {
		char name[64];
		uint64_t nodeid, ino;
		uint32_t type;
	} entry[64];
};

static int read_error(struct fakefuse *f, const struct listing *l, uint32_t size)
{
	struct fuse_read_in in = { .fh = l->fh, .offset = l->offset, .size = size };

	return FF(f, l->plus ? FUSE_READDIRPLUS : FUSE_READDIR, l->nodeid, in, NULL);
}

/* One reply of at most size bytes; the entries in it. */
static unsigned read_some(struct fakefuse *f, struct listing *l, uint32_t size)
{
	unsigned n = 0;

	assert_int_equal(read_error(f, l, size), 0);
	assert_true(f->len <= size && f->len % 8 == 0);
	for (uint32_t at = 0; at < f->len; n++) {
		struct fuse_entry_out e = { 0 };
		struct fuse_dirent d;
		const char *name;

		if (l->plus) {
			memcpy(&e, f->reply + at, sizeof(e));
			at += (uint32_t)sizeof(e);
		}
		assert_true(at + sizeof(d) <= f->len);
		memcpy(&d, f->reply + at, sizeof(d));
		name = (const char *)f->reply + at + sizeof(d);
		at += (uint32_t)FUSE_DIRENT_ALIGN(sizeof(d) + d.namelen);
		assert_true(at <= f->len && d.namelen < sizeof(l->entry[0].name));
		l->offset = d.off;
		if (d.namelen <= 2 && memcmp(name, "..", d.namelen) == 0) {
			assert_int_equal(e.nodeid, 0);
			continue;
		}
		assert_true(l->count < 64);
		memcpy(l->entry[l->count].name, name, d.namelen);
		l->entry[l->count].nodeid = e.nodeid;
		l->entry[l->count].ino = d.ino;
		l->entry[l->count++].type = d.type;
		assert_true(!e.nodeid || e.attr.ino == d.ino);
	}
	return n;
}

static void read_all(struct fakefuse *f, struct listing *l, uint32_t size)
{
	while (read_some(f, l, size))
		;
}

static struct listing list(struct fakefuse *f, uint64_t nodeid, bool plus, uint32_t size)
{
	struct listing l = { .nodeid = nodeid, .plus = plus, .fh = ff_opendir(f, nodeid) };

	read_all(f, &l, size);
	ff_release(f, l.fh);
	return l;
}

static int index_of(const struct listing *l, const char *name)
{
	int found = -1;

	for (unsigned i = 0; i < l->count; i++) {
		if (strcmp(l->entry[i].name, name) == 0) {
			assert_int_equal(found, -1);
			found = (int)i;
		}
	}
	return found;
}

static void make_entries(struct fakefuse *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char path[32];

		snprintf(path, sizeof(path), "rw/%u-entry", i);
		ff_put_file(f, path, "");
	}
}

static void the_root_shows_the_exports(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_attr root = ff_getattr(f, FUSE_ROOT_ID);

	assert_int_equal(root.mode, S_IFDIR | 0555);
	for (int plus = 0; plus < 2; plus++) {
		static const uint32_t sizes[] = { 4096, 200 };

		for (int i = 0; i < 2; i++) {
			struct listing l = list(f, FUSE_ROOT_ID, plus, sizes[i]);

			assert_int_equal(l.count, 5);
			assert_int_equal(l.entry[index_of(&l, "rw")].type, DT_DIR);
			assert_int_equal(l.entry[index_of(&l, "file")].type, DT_REG);
			assert_true(index_of(&l, "ro") >= 0 && index_of(&l, "other") >= 0);
		}
	}
	assert_int_equal(ff_lookup_error(f, FUSE_ROOT_ID, "none"), -ENOENT);
	assert_int_equal(ff_lookup_error(f, FUSE_ROOT_ID, "outside"), -ENOENT);
	assert_int_equal(ff_mkdir(f, FUSE_ROOT_ID, "new", 0755), -EROFS);
	assert_int_equal(FF_NAME(f, FUSE_RMDIR, FUSE_ROOT_ID, "rw"), -EROFS);
	assert_int_equal(FF_NAME(f, FUSE_UNLINK, FUSE_ROOT_ID, "file"), -EROFS);
}

static void all_entries_are_read_once(void **state)
{
	struct fakefuse *f = *state;
	static const uint32_t sizes[] = { 65536, 4096, 500, 200 };

	make_entries(f, 40);
	for (int plus = 0; plus < 2; plus++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct listing l = list(f, f->rw, plus, sizes[i]);

			assert_int_equal(l.count, 40);
			for (unsigned k = 0; k < l.count; k++) {
				assert_int_equal(index_of(&l, l.entry[k].name), k);
				assert_int_equal(l.entry[k].nodeid != 0, plus);
				assert_int_equal(l.entry[k].type, DT_REG);
				ff_forget(f, l.entry[k].nodeid, 1);
			}
			/* Each was looked up once, so nothing is left. */
			for (unsigned k = 0; plus && k < l.count; k++)
				assert_int_equal(ff_getattr_error(f, l.entry[k].nodeid), -ESTALE);
		}
	}
}

static void a_directory_is_read_from_anywhere(void **state)
{
	struct fakefuse *f = *state;
	struct listing l = { .nodeid = f->rw }, again;

	make_entries(f, 20);
	l.fh = ff_opendir(f, f->rw);
	while (l.count < 5)
		read_some(f, &l, 100);
	again = l;
	read_all(f, &l, 4096);
	assert_int_equal(l.count, 20);
	/* Back to where it was, and to the start, where new ones show up. */
	read_all(f, &again, 4096);
	assert_int_equal(again.count, 20);
	assert_int_equal(index_of(&again, l.entry[19].name), 19);
	ff_put_file(f, "rw/late", "");
	l.offset = l.count = 0;
	memset(l.entry, 0, sizeof(l.entry));
	read_all(f, &l, 4096);
	assert_int_equal(l.count, 21);
	assert_true(index_of(&l, "late") >= 0);
	l.offset = UINT64_MAX;
	assert_int_equal(read_error(f, &l, 4096), -EINVAL);
	l.offset = 0;
	assert_int_equal(read_error(f, &l, 0), 0);
	assert_int_equal(f->len, 0);
}

static void only_directories_are_read(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_open_in in = { 0 };
	struct listing l = { .nodeid = f->rw };
	uint64_t a;

	l.fh = ff_create(f, f->rw, "a", &a);
	assert_int_equal(read_error(f, &l, 4096), -EBADF);
	assert_int_equal(FF(f, FUSE_OPENDIR, a, in, NULL), -ENOTDIR);
	assert_int_equal(ff_lookup_error(f, a, "x"), -ENOTDIR);
	l.fh = ff_opendir(f, f->rw);
	assert_int_equal(ff_read_error(f, l.fh, 0, 10), -EBADF);
	assert_int_equal(ff_write_error(f, l.fh, 0, "x"), -EBADF);
	l.nodeid = a;
	assert_int_equal(read_error(f, &l, 4096), -ENOTDIR);
	l.nodeid = 999;
	assert_int_equal(read_error(f, &l, 4096), -ESTALE);
	assert_int_equal(ff_symlink(f, f->rw, "s", "../outside"), 0);
	assert_int_equal(FF(f, FUSE_OPENDIR, ff_entry(f).nodeid, in, NULL), -ENOTDIR);
}

/* READDIRPLUS when the guest knows as many inodes as it may: names without an inode. */
static void inodes_are_limited(void **state)
{
	struct fakefuse *f = *state;
	struct listing l;
	unsigned known = 0;

	make_entries(f, 60);
	for (unsigned i = 0; i < FF_INODES - 3 - 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%u", i);
		assert_int_equal(ff_mkdir(f, f->other, name, 0755), 0);
	}
	l = list(f, f->rw, true, 4096);
	assert_int_equal(l.count, 60);
	for (unsigned i = 0; i < l.count; i++)
		known += l.entry[i].nodeid != 0;
	assert_int_equal(known, 20);
	assert_int_equal(ff_lookup_error(f, f->ro, "old"), -ENFILE);
	assert_int_equal(ff_lookup(f, FUSE_ROOT_ID, "rw"), f->rw);
	for (unsigned i = 0; i < l.count; i++)
		ff_forget(f, l.entry[i].nodeid, 1);
	ff_lookup(f, f->ro, "old");
}

static void make_dirs(struct fakefuse *f, uint64_t nodeids[], unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%u", i);
		if (ff_mkdir(f, f->rw, name, 0755) == 0)
			ff_forget(f, ff_entry(f).nodeid, 1);
		nodeids[i] = ff_lookup(f, f->rw, name);
	}
}

/* It is asked when three quarters are taken, again as they grow, and anew after it forgot. */
static void a_crowded_server_says_so(void **state)
{
	struct fakefuse *f = *state;
	uint64_t nodeids[FF_INODES];
	unsigned others = 3, first = FF_INODES / 4 * 3 - others;

	make_dirs(f, nodeids, first - 1);
	assert_int_equal(f->crowded, 0);
	make_dirs(f, nodeids, first);
	assert_int_equal(f->crowded, 1);
	make_dirs(f, nodeids, first);
	assert_int_equal(f->crowded, 1);
	make_dirs(f, nodeids, first + 3);
	assert_int_equal(f->crowded, 2);
	for (unsigned i = FF_INODES / 4; i < first + 3; i++)
		ff_forget(f, nodeids[i], 100);
	make_dirs(f, nodeids, first);
	assert_int_equal(f->crowded, 3);
}

/* What was read ahead is given before the news that the directory is gone. */
static void a_directory_removed_meanwhile(void **state)
{
	struct fakefuse *f = *state;
	struct listing l = { 0 };

	assert_int_equal(ff_mkdir(f, f->rw, "d", 0755), 0);
	l.nodeid = ff_entry(f).nodeid;
	ff_put_file(f, "rw/d/a", "");
	l.fh = ff_opendir(f, l.nodeid);
	read_some(f, &l, 32);
	assert_int_equal(unlink(ff_path(f, "rw/d/a")), 0);
	assert_int_equal(rmdir(ff_path(f, "rw/d")), 0);
	read_some(f, &l, 4096);
	assert_true(index_of(&l, "a") >= 0);
}

static void a_single_file_is_all_of_its_share(void **state)
{
	struct fakefuse *f = *state;
	uint64_t file = ff_lookup(f, FUSE_ROOT_ID, "file");
	static const char *const names[] = { "rw", "outside", "file", "x" };

	assert_int_equal(ff_entry(f).attr.mode & S_IFMT, S_IFREG);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(ff_lookup_error(f, file, names[i]), -ENOTDIR);
		assert_int_equal(ff_create_error(f, file, names[i], O_RDWR | O_CREAT), -ENOTDIR);
		assert_int_equal(FF_NAME(f, FUSE_UNLINK, file, names[i]), -ENOTDIR);
		assert_int_equal(ff_rename2(f, file, names[i], file, "y", 0), -ENOTDIR);
	}
	assert_int_equal(ff_lookup_error(f, file, ".."), -EINVAL);
	assert_int_equal(ff_link(f, file, file, "x"), -ENOTDIR);
	assert_int_equal(ff_link(f, file, f->rw, "x"), -EXDEV);
	ff_write(f, ff_open(f, file, O_RDWR | O_TRUNC), 0, "new text");
	ff_check_text(f, ff_open(f, file, O_RDONLY), "new text");
	assert_true(ff_exists(f, "file"));
}

static void xattrs(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_getxattr_in list_in = { .size = 1000 };
	char value[16];
	int error;
	uint64_t a;

	ff_put_file(f, "rw/a", "");
	a = ff_lookup(f, f->rw, "a");
	error = ff_setxattr(f, a, "user.one", "value");
	if (error == -EOPNOTSUPP)
		skip();
	assert_int_equal(error, 0);
	assert_int_equal(getxattr(ff_path(f, "rw/a"), "user.one", value, sizeof(value)), 5);
	assert_memory_equal(value, "value", 5);
	assert_int_equal(ff_getxattr(f, a, "user.one", 0), 0);
	assert_int_equal(*(const uint32_t *)(const void *)f->reply, 5);
	assert_int_equal(ff_getxattr(f, a, "user.one", 5), 0);
	assert_int_equal(f->len, 5);
	assert_memory_equal(f->reply, "value", 5);
	assert_int_equal(ff_getxattr(f, a, "user.one", 4), -ERANGE);
	assert_int_equal(ff_getxattr(f, a, "user.none", 4), -ENODATA);
	assert_int_equal(FF(f, FUSE_LISTXATTR, a, list_in, NULL), 0);
	assert_non_null(memmem(f->reply, f->len, "user.one", 9));
	list_in.size = 2;
	assert_int_equal(FF(f, FUSE_LISTXATTR, a, list_in, NULL), -ERANGE);
	list_in.size = 0;
	assert_int_equal(FF(f, FUSE_LISTXATTR, a, list_in, NULL), 0);
	assert_true(*(const uint32_t *)(const void *)f->reply >= 9);
	assert_int_equal(FF_NAME(f, FUSE_REMOVEXATTR, a, "user.one"), 0);
	assert_int_equal(FF_NAME(f, FUSE_REMOVEXATTR, a, "user.one"), -ENODATA);
	assert_int_equal(ff_getxattr(f, FUSE_ROOT_ID, "user.one", 4), -ENODATA);
	assert_int_equal(FF(f, FUSE_LISTXATTR, FUSE_ROOT_ID, list_in, NULL), 0);
	assert_int_equal(ff_setxattr(f, FUSE_ROOT_ID, "user.one", "x"), -EROFS);
	assert_int_equal(ff_setxattr(f, a, "", "x"), -ERANGE);
}

/* The older form of SETXATTR, of a driver that did not ask for the newer. */
static void xattrs_in_the_short_form(void **state)
{
	struct fakefuse *f = *state;
	const uint32_t in[2] = { 5, 0 };
	struct ff_part parts[] = { { in, sizeof(in) }, { "user.one", 9 }, { "value", 5 },
		{ NULL, 0 } };
	int error;

	ff_put_file(f, "rw/a", "");
	assert_int_equal(ff_init(f, 0), 0);
	error = ff_send(f, FUSE_SETXATTR, ff_lookup(f, f->rw, "a"), parts);
	if (error == -EOPNOTSUPP)
		skip();
	assert_int_equal(error, 0);
	assert_int_equal(getxattr(ff_path(f, "rw/a"), "user.one", NULL, 0), 5);
}

static void a_removed_export_is_stale(void **state)
{
	struct fakefuse *f = *state;
	struct listing l = { .nodeid = f->rw };
	uint64_t a, fh = ff_create(f, f->rw, "a", &a);
	unsigned fds;

	ff_write(f, fh, 0, "text");
	l.fh = ff_opendir(f, f->rw);
	fds = ff_open_fds();
	assert_int_equal(fs_export_remove(f->fs, "rw"), 0);
	/* The host may unmount it: its descriptor, two inodes and two handles are gone. */
	assert_int_equal(ff_open_fds(), fds - 5);
	assert_int_equal(fs_export_remove(f->fs, "rw"), -ENOENT);
	assert_int_equal(ff_lookup_error(f, FUSE_ROOT_ID, "rw"), -ENOENT);
	assert_int_equal(ff_lookup_error(f, f->rw, "a"), -ESTALE);
	assert_int_equal(ff_getattr_error(f, a), -ESTALE);
	assert_int_equal(ff_open_error(f, a, O_RDONLY), -ESTALE);
	assert_int_equal(ff_mkdir(f, f->rw, "d", 0755), -ESTALE);
	assert_int_equal(ff_rename2(f, f->other, "x", f->rw, "y", 0), -ESTALE);
	assert_int_equal(read_error(f, &l, 4096), -EBADF);
	assert_int_equal(ff_read_error(f, fh, 0, 4), -EBADF);
	assert_int_equal(ff_write_error(f, fh, 0, "late"), -EBADF);
	ff_release(f, fh);
	ff_release(f, l.fh);
	ff_forget(f, a, 1);
	ff_forget(f, f->rw, 1);
	assert_int_equal(list(f, FUSE_ROOT_ID, false, 4096).count, 4);
}

static void exports_are_checked(void **state)
{
	struct fakefuse *f = *state;
	static const char *const bad[] = {
		"",
		".",
		"..",
		"a/b",
		"/",
		"a name of sixty-four characters is one more than there is room .",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fs_export_add(f->fs, bad[i], open("/", O_PATH), 0), -EINVAL);
	assert_int_equal(fs_export_add(f->fs, "rw", open("/", O_PATH), 0), -EEXIST);
	assert_int_equal(fs_export_add(f->fs, "new", open(ff_path(f, "rw"), O_PATH), 0), 0);
	/* One directory twice is two to the guest. */
	assert_int_not_equal(ff_lookup(f, FUSE_ROOT_ID, "new"), f->rw);
}

/* An unmount ends with DESTROY, without FORGETs for what was known. */
static void destroy_forgets_all(void **state)
{
	struct fakefuse *f = *state;
	uint64_t fh = ff_create(f, f->rw, "a", NULL), rw = f->rw;
	unsigned fds;

	fds = ff_open_fds();
	assert_int_equal(ff_call(f, FUSE_DESTROY, 0, NULL, 0, NULL, NULL), 0);
	/* The file, and the inodes of it and three exports. */
	assert_int_equal(ff_open_fds(), fds - 5);
	assert_int_equal(ff_read_error(f, fh, 0, 1), -EBADF);
	assert_int_equal(ff_getattr_error(f, rw), -ESTALE);
	assert_int_equal(ff_init(f, 0), 0);
	assert_int_not_equal(ff_lookup(f, FUSE_ROOT_ID, "rw"), rw);
}

static void a_reset_forgets_all(void **state)
{
	struct fakefuse *f = *state;
	uint64_t fh = ff_create(f, f->rw, "a", NULL), rw = f->rw;

	fg_start(&f->g, 0);
	assert_int_equal(ff_init(f, 0), 0);
	assert_int_equal(ff_getattr_error(f, rw), -ESTALE);
	assert_int_equal(ff_read_error(f, fh, 0, 1), -EBADF);
	assert_int_not_equal(ff_lookup(f, FUSE_ROOT_ID, "rw"), rw);
}

/* Programs without large-file support have 31 bits for an offset. */
static void offsets_are_small(void **state)
{
	struct fakefuse *f = *state;
	struct listing l = { .nodeid = f->rw }, again;
	char name[32];

	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "rw/file-%d", i);
		ff_put_file(f, name, "");
	}
	l.fh = ff_opendir(f, f->rw);
	while (read_some(f, &l, 256)) {
		unsigned at = l.count;

		assert_true(l.offset <= INT32_MAX);
		/* From there it goes on the same way each time. */
		again = l;
		if (!read_some(f, &again, 256))
			break;
		again.offset = l.offset;
		again.count = at;
		assert_true(read_some(f, &again, 256) > 0);
		assert_true(again.count == at || strncmp(again.entry[at].name, "file-", 5) == 0);
	}
	assert_int_equal(l.count, 40);
	/* And from the beginning. */
	again = (struct listing){ .nodeid = f->rw, .fh = l.fh };
	read_all(f, &again, 256);
	assert_int_equal(again.count, 40);
	assert_memory_equal(again.entry[39].name, l.entry[39].name, sizeof(l.entry[39].name));
	ff_release(f, l.fh);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ff_begin, ff_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_root_shows_the_exports),
		TEST(all_entries_are_read_once),
		TEST(a_directory_is_read_from_anywhere),
		TEST(only_directories_are_read),
		TEST(inodes_are_limited),
		TEST(a_crowded_server_says_so),
		TEST(a_directory_removed_meanwhile),
		TEST(a_single_file_is_all_of_its_share),
		TEST(xattrs),
		TEST(xattrs_in_the_short_form),
		TEST(a_removed_export_is_stale),
		TEST(exports_are_checked),
		TEST(destroy_forgets_all),
		TEST(a_reset_forgets_all),
		TEST(offsets_are_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
