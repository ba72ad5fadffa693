/* A FUSE client for tests: see fakefuse.h. */
#include "tests/unit/fakefuse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS	 20000
#define IN_BYTES (256U << 10)
#define MUST(x)	 assert_int_equal(x, 0)

unsigned ff_locks_max = FF_LOCKS;
static struct fakefuse the;

unsigned ff_open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

const char *ff_path(struct fakefuse *f, const char *path)
{
	static char ring[4][512];
	static unsigned next;
	char *ret = ring[next++ % 4];

	assert_true(snprintf(ret, sizeof(ring[0]), "%s/%s", f->dir, path) < (int)sizeof(ring[0]));
	return ret;
}

void ff_put_file(struct fakefuse *f, const char *path, const char *text)
{
	int fd = open(ff_path(f, path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

bool ff_exists(struct fakefuse *f, const char *path)
{
	return faccessat(AT_FDCWD, ff_path(f, path), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void export(struct fakefuse *f, const char *name, unsigned flags)
{
	int fd = open(ff_path(f, name), O_PATH | O_CLOEXEC);

	assert_true(fd >= 0);
	MUST(fs_export_add(f->fs, name, fd, flags));
}

static void make_tree(struct fakefuse *f)
{
	static const char *const dirs[] = { "rw", "ro", "other", "outside", "volume" };
	const char *tmp = getenv("TMPDIR");

	snprintf(f->dir, sizeof(f->dir), "%s/vmrun-fs-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	for (unsigned i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		MUST(mkdir(ff_path(f, dirs[i]), 0755));
	ff_put_file(f, "file", "one file");
	ff_put_file(f, "outside/secret", FF_SECRET);
	ff_put_file(f, "ro/old", "old text");
}

/* On a worker's thread. */
static void count_crowded(void *arg)
{
	struct fakefuse *f = arg;

	atomic_fetch_add(&f->crowded, 1);
}

static void count_lock_waiting(void *arg)
{
	struct fakefuse *f = arg;

	atomic_fetch_add(&f->lock_waiting, 1);
}

/* Tests that want the stream give it. */
static void no_stream(void *arg)
{
	(void)arg;
}

static void new_fs(struct fakefuse *f)
{
	struct fs_config config = {
		.tag = "share",
		.beliefs_xattr = "trusted.beliefs",
		.request_queues = 2,
		.proc_self_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC),
		.inodes_max = FF_INODES,
		.crowded = count_crowded,
		.locks_max = ff_locks_max,
		.lock_waiting = count_lock_waiting,
		.events = no_stream,
		.arg = f,
	};

	MUST(fs_new(&config, &f->g.gm, &f->fs));
	export(f, "rw", 0);
	export(f, "ro", FS_EXPORT_RO);
	export(f, "other", 0);
	export(f, "file", FS_EXPORT_FILE);
	export(f, "volume", FS_EXPORT_WATCH);
}

static void look_up_exports(struct fakefuse *f)
{
	f->rw = ff_lookup(f, FUSE_ROOT_ID, "rw");
	f->ro = ff_lookup(f, FUSE_ROOT_ID, "ro");
	f->other = ff_lookup(f, FUSE_ROOT_ID, "other");
}

int ff_begin(void **state)
{
	struct fakefuse *f = *state = &the;

	*f = (struct fakefuse){ .queue = 1, .room = FF_ROOM, .uid = getuid(), .gid = getgid() };
	umask(0); /* as vmrun-vm does */
	f->fds = ff_open_fds();
	make_tree(f);
	fg_init(&f->g);
	new_fs(f);
	fg_attach(&f->g, fs_vdev(f->fs));
	fg_start(&f->g, 0);
	f->in_gpa = fg_alloc(&f->g, IN_BYTES);
	f->out_gpa = fg_alloc(&f->g, FF_ROOM);
	MUST(ff_init(f, FUSE_SETXATTR_EXT | FUSE_HANDLE_KILLPRIV_V2 | FUSE_DO_READDIRPLUS));
	look_up_exports(f);
	return 0;
}

void ff_move(struct fakefuse *f)
{
	struct fs *old = f->fs;

	new_fs(f);
	fg_move(&f->g, fs_vdev(f->fs));
	fs_free(old);
	look_up_exports(f);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int ff_end(void **state)
{
	struct fakefuse *f = *state;

	fg_done(&f->g);
	fs_free(f->fs);
	MUST(nftw(f->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS));
	assert_int_equal(ff_open_fds(), f->fds);
	return 0;
}

/* A buffer as descriptors of at most f->segment bytes. */
static unsigned cut(
	struct fakefuse *f, uint64_t gpa, uint32_t len, bool writable, struct fg_buf *bufs)
{
	uint32_t each = f->segment ? f->segment : UINT32_MAX;
	unsigned n = 0;

	for (uint32_t at = 0; at < len; n++) {
		uint32_t here = len - at < each ? len - at : each;

		bufs[n] = (struct fg_buf){ gpa + at, here, writable };
		at += here;
	}
	return n;
}

int ff_raw(struct fakefuse *f, const void *request, size_t n)
{
	static struct fg_buf bufs[VQ_SIZE_MAX];
	struct fuse_out_header out;
	uint32_t room = f->queue ? f->room : 0;
	uint64_t unique;
	unsigned count;
	uint16_t head, used_head;

	assert_true(n <= IN_BYTES && room <= FF_ROOM);
	memcpy(fg_at(&f->g, f->in_gpa), request, n);
	memset(fg_at(&f->g, f->out_gpa), 0xee, room);
	count = cut(f, f->in_gpa, (uint32_t)n, false, bufs);
	count += cut(f, f->out_gpa, room, true, bufs + count);
	if (count == 0)
		bufs[count++] = (struct fg_buf){ f->in_gpa, 0, false };
	head = fg_post(&f->g, f->queue, bufs, count);
	fg_kick(&f->g, f->queue);
	assert_true(fg_wait(&f->g, f->queue, WAIT_MS));
	assert_true(fg_used(&f->g, f->queue, &used_head, &f->used));
	assert_int_equal(used_head, head);
	assert_true(f->used <= room);
	f->len = 0;
	if (f->used == 0)
		return FF_NO_REPLY;
	assert_true(f->used >= sizeof(out));
	memcpy(&out, fg_at(&f->g, f->out_gpa), sizeof(out));
	assert_int_equal(out.len, f->used);
	assert_true(out.error <= 0 && out.error > -512);
	assert_true(out.error == 0 || out.len == sizeof(out));
	assert_true(n >= sizeof(struct fuse_in_header));
	memcpy(&unique, (const uint8_t *)request + offsetof(struct fuse_in_header, unique), 8);
	assert_int_equal(out.unique, unique);
	f->reply = fg_at(&f->g, f->out_gpa + sizeof(out));
	f->len = out.len - (uint32_t)sizeof(out);
	return out.error;
}

int ff_send(struct fakefuse *f, uint32_t opcode, uint64_t nodeid, const struct ff_part *parts)
{
	static uint8_t request[IN_BYTES];
	struct fuse_in_header in = {
		.opcode = opcode,
		.unique = ++f->unique,
		.nodeid = nodeid,
		.uid = f->uid,
		.gid = f->gid,
	};
	size_t n = sizeof(in);

	for (; parts->data; parts++) {
		assert_true(n + parts->len <= sizeof(request));
		memcpy(request + n, parts->data, parts->len);
		n += parts->len;
	}
	in.len = (uint32_t)n;
	memcpy(request, &in, sizeof(in));
	return ff_raw(f, request, n);
}

int ff_call(struct fakefuse *f, uint32_t opcode, uint64_t nodeid, const void *fixed, size_t len,
	const char *name, const char *name2)
{
	struct ff_part parts[4] = { 0 };
	unsigned n = 0;

	if (fixed)
		parts[n++] = (struct ff_part){ fixed, len };
	if (name)
		parts[n++] = (struct ff_part){ name, strlen(name) + 1 };
	if (name2)
		parts[n++] = (struct ff_part){ name2, strlen(name2) + 1 };
	return ff_send(f, opcode, nodeid, parts);
}

int ff_init(struct fakefuse *f, uint32_t flags)
{
	struct fuse_init_in in = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		.max_readahead = 131072,
		.flags = flags,
	};

	return FF(f, FUSE_INIT, 0, in, NULL);
}

int ff_lookup_error(struct fakefuse *f, uint64_t parent, const char *name)
{
	return FF_NAME(f, FUSE_LOOKUP, parent, name);
}

int ff_open_error(struct fakefuse *f, uint64_t nodeid, uint32_t flags)
{
	struct fuse_open_in in = { .flags = flags };

	return FF(f, FUSE_OPEN, nodeid, in, NULL);
}

int ff_create_error(struct fakefuse *f, uint64_t parent, const char *name, uint32_t flags)
{
	struct fuse_create_in in = { .flags = flags, .mode = S_IFREG | 0644 };

	return FF(f, FUSE_CREATE, parent, in, name);
}

int ff_read_error(struct fakefuse *f, uint64_t fh, uint64_t offset, uint32_t size)
{
	struct fuse_read_in in = { .fh = fh, .offset = offset, .size = size };

	return FF(f, FUSE_READ, 0, in, NULL);
}

int ff_write_error(struct fakefuse *f, uint64_t fh, uint64_t offset, const char *text)
{
	uint32_t n = (uint32_t)strlen(text);
	struct fuse_write_in in = { .fh = fh, .offset = offset, .size = n };
	struct ff_part parts[] = { { &in, sizeof(in) }, { text, n }, { NULL, 0 } };

	return ff_send(f, FUSE_WRITE, 0, parts);
}

int ff_getattr_error(struct fakefuse *f, uint64_t nodeid)
{
	struct fuse_getattr_in in = { 0 };

	return FF(f, FUSE_GETATTR, nodeid, in, NULL);
}

int ff_setattr_error(struct fakefuse *f, uint64_t nodeid, struct fuse_setattr_in in)
{
	return FF(f, FUSE_SETATTR, nodeid, in, NULL);
}

int ff_rename2(struct fakefuse *f, uint64_t from, const char *old, uint64_t to, const char *new,
	uint32_t flags)
{
	struct fuse_rename2_in in = { .newdir = to, .flags = flags };

	return ff_call(f, FUSE_RENAME2, from, &in, sizeof(in), old, new);
}

int ff_link(struct fakefuse *f, uint64_t nodeid, uint64_t parent, const char *name)
{
	struct fuse_link_in in = { .oldnodeid = nodeid };

	return FF(f, FUSE_LINK, parent, in, name);
}

int ff_symlink(struct fakefuse *f, uint64_t parent, const char *name, const char *target)
{
	return ff_call(f, FUSE_SYMLINK, parent, NULL, 0, name, target);
}

int ff_mknod(struct fakefuse *f, uint64_t parent, const char *name, uint32_t mode, uint32_t rdev)
{
	struct fuse_mknod_in in = { .mode = mode, .rdev = rdev };

	return FF(f, FUSE_MKNOD, parent, in, name);
}

int ff_mkdir(struct fakefuse *f, uint64_t parent, const char *name, uint32_t mode)
{
	struct fuse_mkdir_in in = { .mode = mode };

	return FF(f, FUSE_MKDIR, parent, in, name);
}

int ff_tmpfile(struct fakefuse *f, uint64_t parent, uint32_t flags)
{
	struct fuse_create_in in = { .flags = flags, .mode = S_IFREG | 0600 };

	return FF(f, 51 /* FUSE_TMPFILE, which older headers lack */, parent, in, "x");
}

int ff_setxattr(struct fakefuse *f, uint64_t nodeid, const char *name, const char *value)
{
	struct fuse_setxattr_in in = { .size = (uint32_t)strlen(value) };
	struct ff_part parts[] = {
		{ &in, sizeof(in) },
		{ name, strlen(name) + 1 },
		{ value, strlen(value) },
		{ NULL, 0 },
	};

	return ff_send(f, FUSE_SETXATTR, nodeid, parts);
}

int ff_getxattr(struct fakefuse *f, uint64_t nodeid, const char *name, uint32_t size)
{
	struct fuse_getxattr_in in = { .size = size };

	return FF(f, FUSE_GETXATTR, nodeid, in, name);
}

struct fuse_entry_out ff_entry(struct fakefuse *f)
{
	struct fuse_entry_out e;

	assert_true(f->len >= sizeof(e));
	memcpy(&e, f->reply, sizeof(e));
	assert_true(e.nodeid > FUSE_ROOT_ID);
	return e;
}

uint64_t ff_lookup(struct fakefuse *f, uint64_t parent, const char *name)
{
	MUST(ff_lookup_error(f, parent, name));
	assert_int_equal(f->len, sizeof(struct fuse_entry_out));
	return ff_entry(f).nodeid;
}

static uint64_t opened(struct fakefuse *f, size_t at)
{
	struct fuse_open_out out;

	assert_int_equal(f->len, at + sizeof(out));
	memcpy(&out, f->reply + at, sizeof(out));
	return out.fh;
}

uint64_t ff_open(struct fakefuse *f, uint64_t nodeid, uint32_t flags)
{
	MUST(ff_open_error(f, nodeid, flags));
	return opened(f, 0);
}

uint64_t ff_opendir(struct fakefuse *f, uint64_t nodeid)
{
	struct fuse_open_in in = { 0 };

	MUST(FF(f, FUSE_OPENDIR, nodeid, in, NULL));
	return opened(f, 0);
}

uint64_t ff_create(struct fakefuse *f, uint64_t parent, const char *name, uint64_t *nodeid)
{
	MUST(ff_create_error(f, parent, name, O_RDWR | O_CREAT));
	if (nodeid)
		*nodeid = ff_entry(f).nodeid;
	return opened(f, sizeof(struct fuse_entry_out));
}

struct fuse_attr ff_getattr(struct fakefuse *f, uint64_t nodeid)
{
	struct fuse_attr_out out;

	MUST(ff_getattr_error(f, nodeid));
	assert_int_equal(f->len, sizeof(out));
	memcpy(&out, f->reply, sizeof(out));
	return out.attr;
}

void ff_write(struct fakefuse *f, uint64_t fh, uint64_t offset, const char *text)
{
	struct fuse_write_out out;

	MUST(ff_write_error(f, fh, offset, text));
	assert_int_equal(f->len, sizeof(out));
	memcpy(&out, f->reply, sizeof(out));
	assert_int_equal(out.size, strlen(text));
}

void ff_check_text(struct fakefuse *f, uint64_t fh, const char *text)
{
	MUST(ff_read_error(f, fh, 0, 65536));
	assert_int_equal(f->len, strlen(text));
	assert_memory_equal(f->reply, text, strlen(text));
}

void ff_release(struct fakefuse *f, uint64_t fh)
{
	struct fuse_release_in in = { .fh = fh };

	MUST(FF(f, FUSE_RELEASE, 0, in, NULL));
}

/* Through queue 0, as the driver does. */
void ff_forget(struct fakefuse *f, uint64_t nodeid, uint64_t n)
{
	struct fuse_forget_in in = { .nlookup = n };
	unsigned queue = f->queue;

	f->queue = 0;
	assert_int_equal(FF(f, FUSE_FORGET, nodeid, in, NULL), FF_NO_REPLY);
	f->queue = queue;
}
