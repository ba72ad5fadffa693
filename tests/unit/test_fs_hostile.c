/*
 * virtio-fs: a guest that means harm. One of each request, cut short, with too little room for its
 * reply, about inodes and handles that are not there, or to a share that is read-only.
 */
#include "tests/unit/fakefuse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REQUESTS_MAX 48
#define BODY_MAX     256
#define WITHOUT	     SIZE_MAX

enum kind {
	CHANGES = 1,  /* something on the host */
	ENTRY = 2,    /* the reply has an entry, looked up */
	OPENED = 4,   /* it ends with a handle */
	ANY_NODE = 8, /* the header's nodeid does not matter */
	MAY_CUT = 16, /* a shorter body may be fine */
	NO_REPLY = 32,
};

struct request {
	uint32_t opcode;
	unsigned kind;
	uint64_t nodeid;
	size_t fixed, len;     /* of the body */
	size_t node_at, fh_at; /* where the body has such numbers */
	uint8_t body[BODY_MAX];
};

static struct {
	struct request list[REQUESTS_MAX];
	unsigned count;
	const char *export;
	uint64_t top, file, dir, link, file_fh, dir_fh;
} t;

static struct request *add(uint32_t opcode, unsigned kind, uint64_t nodeid, const void *fixed,
	size_t fixed_len, const char *name, const char *name2)
{
	struct request *r = &t.list[t.count++];

	assert_true(t.count <= REQUESTS_MAX);
	*r = (struct request){ opcode, kind, nodeid, fixed_len, fixed_len, WITHOUT, WITHOUT, "" };
	if (fixed_len)
		memcpy(r->body, fixed, fixed_len);
	for (int i = 0; i < 2; i++) {
		const char *s = i ? name2 : name;

		if (s) {
			assert_true(r->len + strlen(s) < BODY_MAX);
			memcpy(r->body + r->len, s, strlen(s) + 1);
			r->len += strlen(s) + 1;
		}
	}
	return r;
}

#define ADD(opcode, kind, nodeid, fixed, name, name2)                                              \
	add(opcode, kind, nodeid, &(fixed), sizeof(fixed), name, name2)
#define ADD_FH(opcode, kind, nodeid, fixed)                                                        \
	(ADD(opcode, kind, nodeid, fixed, NULL, NULL)->fh_at = offsetof(__typeof__(fixed), fh))

static void add_names(void)
{
	struct fuse_mknod_in mknod = { .mode = S_IFREG | 0644 };
	struct fuse_mkdir_in mkdir = { .mode = 0755 };
	struct fuse_rename_in rename = { .newdir = t.top };
	struct fuse_rename2_in rename2 = { .newdir = t.top };
	struct fuse_link_in link = { .oldnodeid = t.file };
	struct fuse_create_in create = { .flags = O_RDWR | O_CREAT, .mode = S_IFREG | 0644 };

	add(FUSE_LOOKUP, ENTRY, t.top, NULL, 0, "file", NULL);
	add(FUSE_SYMLINK, ENTRY | CHANGES, t.top, NULL, 0, "new", "target");
	ADD(FUSE_MKNOD, ENTRY | CHANGES, t.top, mknod, "new", NULL);
	ADD(FUSE_MKDIR, ENTRY | CHANGES, t.top, mkdir, "new", NULL);
	add(FUSE_UNLINK, CHANGES, t.top, NULL, 0, "victim", NULL);
	add(FUSE_RMDIR, CHANGES, t.top, NULL, 0, "empty", NULL);
	ADD(FUSE_RENAME, CHANGES, t.top, rename, "victim", "new")->node_at = 0;
	ADD(FUSE_RENAME2, CHANGES, t.top, rename2, "victim", "new")->node_at = 0;
	ADD(FUSE_LINK, ENTRY | CHANGES, t.top, link, "new", NULL)->node_at = 0;
	ADD(FUSE_CREATE, ENTRY | OPENED | CHANGES, t.top, create, "new", NULL);
}

static void add_inodes(bool writable)
{
	struct fuse_getattr_in getattr = { 0 };
	struct fuse_setattr_in setattr = { .valid = FATTR_MODE | FATTR_MTIME, .mode = 0600 };
	struct fuse_open_in open = { .flags = writable ? O_RDWR : O_RDONLY };
	struct fuse_open_in write = { .flags = O_WRONLY }, trunc = { .flags = O_TRUNC };
	struct fuse_getxattr_in getxattr = { .size = 0 };
	struct fuse_setxattr_in setxattr = { .size = 0 };
	struct fuse_init_in init = { .major = 7, .minor = 36, .flags = FUSE_SETXATTR_EXT };

	ADD(FUSE_INIT, ANY_NODE | MAY_CUT, 0, init, NULL, NULL);
	ADD(FUSE_GETATTR, 0, t.file, getattr, NULL, NULL);
	ADD(FUSE_SETATTR, CHANGES, t.file, setattr, NULL, NULL);
	setattr.valid = FATTR_SIZE;
	ADD(FUSE_SETATTR, CHANGES, t.file, setattr, NULL, NULL);
	add(FUSE_READLINK, 0, t.link, NULL, 0, NULL, NULL);
	ADD(FUSE_OPEN, OPENED, t.file, open, NULL, NULL);
	ADD(FUSE_OPEN, OPENED | CHANGES, t.file, write, NULL, NULL);
	ADD(FUSE_OPEN, OPENED | CHANGES, t.file, trunc, NULL, NULL);
	ADD(FUSE_OPENDIR, OPENED, t.dir, open, NULL, NULL);
	add(FUSE_STATFS, 0, t.file, NULL, 0, NULL, NULL);
	ADD(FUSE_GETXATTR, 0, t.file, getxattr, "user.none", NULL);
	ADD(FUSE_LISTXATTR, 0, t.file, getxattr, NULL, NULL);
	ADD(FUSE_SETXATTR, CHANGES, t.file, setxattr, "user.some", NULL);
	add(FUSE_REMOVEXATTR, CHANGES, t.file, NULL, 0, "user.some", NULL);
}

static void add_handles(void)
{
	struct fuse_read_in read = { .fh = t.file_fh, .size = 100 };
	struct fuse_write_in write = { .fh = t.file_fh, .size = 5 };
	struct fuse_fsync_in fsync = { .fh = t.file_fh };
	struct fuse_fallocate_in fallocate = { .fh = t.file_fh, .length = 10 };
	struct fuse_lseek_in lseek = { .fh = t.file_fh, .whence = SEEK_HOLE };
	struct fuse_copy_file_range_in copy = { t.file_fh, 0, 0, t.file_fh, 100, 5, 0 };
	struct fuse_syncfs_in syncfs = { 0 };
	struct fuse_forget_in forget = { 0 };
	struct fuse_interrupt_in interrupt = { .unique = 12345 };
	struct fuse_batch_forget_in batch = { .count = 1000 };

	ADD_FH(FUSE_READ, ANY_NODE, 0, read);
	ADD_FH(FUSE_FSYNC, ANY_NODE, 0, fsync);
	ADD_FH(FUSE_LSEEK, ANY_NODE, 0, lseek);
	ADD_FH(FUSE_FALLOCATE, ANY_NODE | CHANGES, 0, fallocate);
	ADD(FUSE_WRITE, ANY_NODE | MAY_CUT | CHANGES, 0, write, "1234", NULL)->fh_at = 0;
	ADD(FUSE_COPY_FILE_RANGE, ANY_NODE | CHANGES, 0, copy, NULL, NULL)->fh_at = 0;
	ADD(FUSE_COPY_FILE_RANGE, ANY_NODE | CHANGES, 0, copy, NULL, NULL)->fh_at =
		offsetof(struct fuse_copy_file_range_in, fh_out);
	read.fh = fsync.fh = t.dir_fh;
	ADD_FH(FUSE_READDIR, 0, t.dir, read);
	read.size = 4096;
	ADD_FH(FUSE_READDIRPLUS, 0, t.dir, read);
	ADD_FH(FUSE_FSYNCDIR, ANY_NODE, 0, fsync);
	ADD(FUSE_SYNCFS, ANY_NODE, FUSE_ROOT_ID, syncfs, NULL, NULL);
	ADD(FUSE_FORGET, ANY_NODE | NO_REPLY, t.file, forget, NULL, NULL);
	ADD(FUSE_BATCH_FORGET, ANY_NODE | NO_REPLY | MAY_CUT, 0, batch, NULL, NULL);
	ADD(FUSE_INTERRUPT, ANY_NODE | NO_REPLY, 0, interrupt, NULL, NULL);
}

static void add_locks(void)
{
	struct fuse_lk_in lk = { .fh = t.file_fh, .owner = 1, .lk = { .type = F_RDLCK } };
	struct fuse_flush_in flush = { .fh = t.file_fh, .lock_owner = 1 };

	ADD_FH(FUSE_GETLK, 0, t.file, lk);
	lk.lk.type = F_UNLCK;
	ADD_FH(FUSE_SETLK, 0, t.file, lk);
	ADD_FH(FUSE_SETLKW, 0, t.file, lk);
	ADD(FUSE_FLUSH, ANY_NODE, t.file, flush, NULL, NULL);
}

static const char *below(struct fakefuse *f, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", t.export, name);
	return ff_path(f, path);
}

/* The export's tree as the requests want it. */
static void restore(struct fakefuse *f)
{
	int fd;

	(void)remove(below(f, "new"));
	fd = open(below(f, "victim"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	close(fd);
	assert_true(mkdir(below(f, "empty"), 0755) == 0 || errno == EEXIST);
}

static void make_requests(struct fakefuse *f, const char *export, uint64_t top)
{
	bool writable = top != f->ro;

	t.export = export;
	t.count = 0;
	t.top = top;
	ff_put_file(f, "outside/victim", "some text");
	assert_int_equal(rename(ff_path(f, "outside/victim"), below(f, "file")), 0);
	assert_int_equal(symlink("/etc/passwd", below(f, "link")), 0);
	assert_int_equal(mkdir(below(f, "dir"), 0755), 0);
	assert_int_equal(mkdir(below(f, "dir/one"), 0755), 0);
	assert_int_equal(mkdir(below(f, "dir/two"), 0755), 0);
	restore(f);
	t.file = ff_lookup(f, top, "file");
	t.dir = ff_lookup(f, top, "dir");
	t.link = ff_lookup(f, top, "link");
	t.file_fh = ff_open(f, t.file, writable ? O_RDWR : O_RDONLY);
	t.dir_fh = ff_opendir(f, t.dir);
	add_names();
	add_inodes(writable);
	add_handles();
	add_locks();
}

static int send_cut(struct fakefuse *f, const struct request *r, uint64_t nodeid, size_t len)
{
	static uint8_t whole[sizeof(struct fuse_in_header) + BODY_MAX];
	struct fuse_in_header in = {
		.len = UINT32_MAX,
		.opcode = r->opcode,
		.unique = ++f->unique,
		.nodeid = nodeid,
		.uid = f->uid,
		.gid = f->gid,
	};

	memcpy(whole, &in, sizeof(in));
	memcpy(whole + sizeof(in), r->body, r->len);
	return ff_raw(f, whole, len);
}

static int send(struct fakefuse *f, const struct request *r)
{
	return send_cut(f, r, r->nodeid, sizeof(struct fuse_in_header) + r->len);
}

static void cut_requests_do_nothing(void **state)
{
	struct fakefuse *f = *state;

	make_requests(f, "rw", f->rw);
	for (unsigned i = 0; i < t.count; i++) {
		const struct request *r = &t.list[i];
		size_t header = sizeof(struct fuse_in_header), all = header + r->len;

		for (size_t len = 0; len < all; len++) {
			int error = send_cut(f, r, r->nodeid, len);

			if (len < header)
				assert_int_equal(error, FF_NO_REPLY);
			else if (len < header + r->fixed && !(r->kind & MAY_CUT))
				assert_int_equal(error, -EINVAL);
			else if (!(r->kind & (MAY_CUT | NO_REPLY)))
				assert_int_equal(error, -EINVAL);
			assert_int_equal(access(below(f, "new"), F_OK), -1);
			assert_int_equal(access(below(f, "victim"), F_OK), 0);
			assert_int_equal(access(below(f, "empty"), F_OK), 0);
		}
	}
}

/* Forgets and releases what a reply has given, as a guest that saw it would. */
static void give_back(struct fakefuse *f, const struct request *r)
{
	static uint8_t reply[4096];
	struct fuse_entry_out e;
	struct fuse_open_out open;
	struct fuse_dirent d;
	uint32_t len = f->len;

	assert_true(len <= sizeof(reply));
	memcpy(reply, f->reply, len);
	for (uint32_t at = 0; r->opcode == FUSE_READDIRPLUS && at < len;) {
		memcpy(&e, reply + at, sizeof(e));
		memcpy(&d, reply + at + sizeof(e), sizeof(d));
		ff_forget(f, e.nodeid, 1);
		at += (uint32_t)FUSE_DIRENT_ALIGN(sizeof(e) + sizeof(d) + d.namelen);
	}
	if (r->kind & ENTRY) {
		memcpy(&e, reply, sizeof(e));
		ff_forget(f, e.nodeid, 1);
	}
	if (r->kind & OPENED) {
		memcpy(&open, reply + len - sizeof(open), sizeof(open));
		ff_release(f, open.fh);
	}
}

/* What finds no room is taken back: no descriptor is left open. */
static void replies_without_room_leak_nothing(void **state)
{
	struct fakefuse *f = *state;
	unsigned fds;

	make_requests(f, "rw", f->rw);
	fds = ff_open_fds();
	for (unsigned i = 0; i < t.count; i++) {
		const struct request *r = &t.list[i];

		for (uint32_t room = 0; room < 400; room += room < 24 ? 1 : 8) {
			int error;

			restore(f);
			f->room = room;
			error = send(f, r);
			f->room = FF_ROOM;
			if (room < sizeof(struct fuse_out_header) || (r->kind & NO_REPLY))
				assert_int_equal(error, FF_NO_REPLY);
			if (error == 0)
				give_back(f, r);
			assert_int_equal(ff_open_fds(), fds);
		}
	}
}

static void unknown_inodes_are_stale(void **state)
{
	struct fakefuse *f = *state;
	static const uint64_t bad[] = { 0, 12345, 1ULL << 32, 1ULL << 63, UINT64_MAX };

	make_requests(f, "rw", f->rw);
	for (unsigned i = 0; i < t.count; i++) {
		for (size_t k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
			struct request r = t.list[i];

			if (!(r.kind & ANY_NODE)) {
				r.nodeid = bad[k];
				assert_int_equal(send(f, &r), -ESTALE);
			}
			if (r.node_at != WITHOUT) {
				r.nodeid = t.list[i].nodeid;
				memcpy(r.body + r.node_at, &bad[k], 8);
				assert_int_equal(send(f, &r), -ESTALE);
			}
		}
	}
}

static void unknown_handles_are_bad(void **state)
{
	struct fakefuse *f = *state;
	struct fuse_release_in release = { 0 };

	make_requests(f, "rw", f->rw);
	for (unsigned i = 0; i < t.count; i++) {
		struct request r = t.list[i];
		bool dir = r.opcode == FUSE_READDIR || r.opcode == FUSE_READDIRPLUS ||
			   r.opcode == FUSE_FSYNCDIR;
		const uint64_t bad[] = {
			0,
			1,
			1ULL << 32,
			UINT32_MAX,
			UINT64_MAX,
			1ULL << 63,
			t.file_fh + (1ULL << 32),
			t.file_fh - (1ULL << 32),
			t.file_fh & UINT32_MAX,
			t.file_fh + 1000,
			dir ? t.file_fh : t.dir_fh,
		};

		for (size_t k = 0; r.fh_at != WITHOUT && k < sizeof(bad) / sizeof(bad[0]); k++) {
			memcpy(r.body + r.fh_at, &bad[k], 8);
			assert_int_equal(send(f, &r), -EBADF);
		}
	}
	/* RELEASE takes any number, and twice. */
	ff_release(f, 0);
	ff_release(f, UINT64_MAX);
	ff_release(f, t.file_fh + (1ULL << 32));
	assert_int_equal(ff_read_error(f, t.file_fh, 0, 1), 0);
	ff_release(f, t.file_fh);
	ff_release(f, t.file_fh);
	release.fh = t.dir_fh;
	assert_int_equal(FF(f, FUSE_RELEASEDIR, 0, release, NULL), 0);
	assert_int_equal(FF(f, FUSE_RELEASEDIR, 0, release, NULL), 0);
	/* The slot's next handle has another number. */
	assert_int_not_equal(ff_open(f, t.file, O_RDONLY), t.file_fh);
}

/* Every name below the export with what stat() says of it, in one number. */
static uint64_t digest(struct fakefuse *f)
{
	DIR *d = opendir(below(f, "."));
	uint64_t sum = 0;
	struct dirent *e;
	struct stat st;

	assert_non_null(d);
	while ((e = readdir(d))) {
		uint64_t h = 14695981039346656037ULL;

		if (strcmp(e->d_name, "..") == 0)
			continue;
		assert_int_equal(fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW), 0);
		for (const char *p = e->d_name; *p; p++)
			h = (h ^ (uint8_t)*p) * 1099511628211ULL;
		h ^= st.st_ino ^ (uint64_t)st.st_mode << 40 ^ (uint64_t)st.st_size << 20;
		h ^= (uint64_t)st.st_ctim.tv_nsec ^ (uint64_t)st.st_mtim.tv_nsec << 8;
		h ^= (uint64_t)st.st_nlink << 50 ^ (uint64_t)st.st_uid << 16;
		sum += h * 1099511628211ULL;
	}
	closedir(d);
	return sum;
}

static void read_only_stays_as_it_is(void **state)
{
	struct fakefuse *f = *state;
	uint64_t before;

	make_requests(f, "ro", f->ro);
	before = digest(f);
	for (unsigned i = 0; i < t.count; i++) {
		const struct request *r = &t.list[i];
		int error = send(f, r);

		if (!(r->kind & CHANGES))
			assert_true(error == 0 || error == FF_NO_REPLY || error == -ENODATA ||
				    error == -EOPNOTSUPP);
		else if (r->kind & ANY_NODE)
			assert_int_equal(error, -EBADF);
		else
			assert_int_equal(error, -EROFS);
		assert_true(digest(f) == before);
	}
	/* Nor by a handle of it together with an inode that may be written. */
	assert_int_equal(ff_setattr_error(f, f->rw,
				 (struct fuse_setattr_in){
					 .valid = FATTR_SIZE | FATTR_FH, .fh = t.file_fh }),
		-EINVAL);
	assert_true(digest(f) == before);
}

static void any_queue_takes_any_request(void **state)
{
	struct fakefuse *f = *state;

	make_requests(f, "rw", f->rw);
	for (f->queue = 0; f->queue < 3; f->queue++) {
		for (unsigned i = 0; i < t.count; i++) {
			int error = send(f, &t.list[i]);

			assert_true(f->queue || error == FF_NO_REPLY);
			restore(f);
		}
	}
	f->queue = 1;
	ff_lookup(f, f->rw, "file");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ff_begin, ff_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cut_requests_do_nothing),
		TEST(replies_without_room_leak_nothing),
		TEST(unknown_inodes_are_stale),
		TEST(unknown_handles_are_bad),
		TEST(read_only_stays_as_it_is),
		TEST(any_queue_takes_any_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
