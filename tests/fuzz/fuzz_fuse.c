/*
 * FUSE requests of any kind, to a server that shares the tree of fuse_tree.h. Whatever they say,
 * replies are well formed, what is not shared is neither seen nor changed, a read-only share stays
 * as it is, and no descriptor stays open. One of the shares is watched; of it there are shadow
 * operations, too (base/shadow.h), which change nothing.
 */
#include "base/auto.h"
#include "base/shadow.h"
#include "dev/fs/lock_own.h"
#include "dev/fs/server.h"
#include "dev/fs/watch.h"
#include "tests/fuzz/fuse_tree.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODES	    16
#define HANDLES	    8
#define INODES_MAX  40
#define LOCKS_MAX   20
#define FILE_MAX    (4U << 20) /* also of the fuzzer's own log */
#define ROOM_MAX    65536
#define IN_MAX	    (72U << 10)
#define REQUEST_MAX 100
#define NONE	    0xff

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct input {
	const uint8_t *data;
	size_t len;
};

enum gives {
	GIVES_ENTRY = 1,
	GIVES_OPEN = 2,
	GIVES_LISTING = 4,
	IS_SHADOW = 8,
	SHADOW_ENTRY = GIVES_ENTRY | IS_SHADOW,
	SHADOW_OPEN = GIVES_OPEN | IS_SHADOW,
	HAS_GROUPS = 16,
	GROUPS_ENTRY = GIVES_ENTRY | HAS_GROUPS,
};

static const struct op {
	uint32_t opcode;
	uint8_t fixed, fh_at, fh2_at, node_at, names;
	uint8_t gives;
} ops[] = {
	{ FUSE_LOOKUP, 0, NONE, NONE, NONE, 1, GIVES_ENTRY },
	{ FUSE_FORGET, 8, NONE, NONE, NONE, 0, 0 },
	{ FUSE_GETATTR, 16, 8, NONE, NONE, 0, 0 },
	{ FUSE_SETATTR, 88, 8, NONE, NONE, 0, 0 },
	{ FUSE_READLINK, 0, NONE, NONE, NONE, 0, 0 },
	{ FUSE_SYMLINK, 0, NONE, NONE, NONE, 2, GIVES_ENTRY },
	{ FUSE_MKNOD, 16, NONE, NONE, NONE, 1, GIVES_ENTRY },
	{ FUSE_MKDIR, 8, NONE, NONE, NONE, 1, GIVES_ENTRY },
	{ FUSE_UNLINK, 0, NONE, NONE, NONE, 1, 0 },
	{ FUSE_RMDIR, 0, NONE, NONE, NONE, 1, 0 },
	{ FUSE_RENAME, 8, NONE, NONE, 0, 2, 0 },
	{ FUSE_RENAME2, 16, NONE, NONE, 0, 2, 0 },
	{ FUSE_LINK, 8, NONE, NONE, 0, 1, GIVES_ENTRY },
	{ FUSE_OPEN, 8, NONE, NONE, NONE, 0, GIVES_OPEN },
	{ FUSE_READ, 40, 0, NONE, NONE, 0, 0 },
	{ FUSE_WRITE, 40, 0, NONE, NONE, 0, 0 },
	{ FUSE_STATFS, 0, NONE, NONE, NONE, 0, 0 },
	{ FUSE_RELEASE, 24, 0, NONE, NONE, 0, 0 },
	{ FUSE_FSYNC, 16, 0, NONE, NONE, 0, 0 },
	{ FUSE_SETXATTR, 16, NONE, NONE, NONE, 1, 0 },
	{ FUSE_GETXATTR, 8, NONE, NONE, NONE, 1, 0 },
	{ FUSE_LISTXATTR, 8, NONE, NONE, NONE, 0, 0 },
	{ FUSE_REMOVEXATTR, 0, NONE, NONE, NONE, 1, 0 },
	{ FUSE_INIT, 24, NONE, NONE, NONE, 0, 0 },
	{ FUSE_OPENDIR, 8, NONE, NONE, NONE, 0, GIVES_OPEN },
	{ FUSE_READDIR, 40, 0, NONE, NONE, 0, GIVES_LISTING },
	{ FUSE_READDIRPLUS, 40, 0, NONE, NONE, 0, GIVES_LISTING | GIVES_ENTRY },
	{ FUSE_RELEASEDIR, 24, 0, NONE, NONE, 0, 0 },
	{ FUSE_FSYNCDIR, 16, 0, NONE, NONE, 0, 0 },
	{ FUSE_CREATE, 16, NONE, NONE, NONE, 1, GIVES_ENTRY | GIVES_OPEN },
	{ FUSE_INTERRUPT, 8, NONE, NONE, NONE, 0, 0 },
	{ FUSE_DESTROY, 0, NONE, NONE, NONE, 0, 0 },
	{ FUSE_BATCH_FORGET, 8, NONE, NONE, NONE, 0, 0 },
	{ FUSE_FALLOCATE, 32, 0, NONE, NONE, 0, 0 },
	{ FUSE_LSEEK, 24, 0, NONE, NONE, 0, 0 },
	{ FUSE_COPY_FILE_RANGE, 56, 0, 24, 16, 0, 0 },
	{ FUSE_SYNCFS, 8, NONE, NONE, NONE, 0, 0 },
	{ 51 /* TMPFILE */, 16, NONE, NONE, NONE, 1, GIVES_ENTRY | GIVES_OPEN },
	{ FUSE_ACCESS, 8, NONE, NONE, NONE, 0, 0 },
	{ FUSE_IOCTL, 32, 0, NONE, NONE, 0, 0 },
	{ UINT32_MAX, 255, NONE, NONE, NONE, 0, 0 },
	/* More come last: inputs name rows by their numbers. */
	{ FUSE_FLUSH, 24, 0, NONE, NONE, 0, 0 },
	{ FUSE_GETLK, 48, 0, NONE, NONE, 0, 0 },
	{ FUSE_SETLK, 48, 0, NONE, NONE, 0, 0 },
	{ FUSE_SETLKW, 48, 0, NONE, NONE, 0, 0 },
	{ FUSE_STATX, 24, 8, NONE, NONE, 0, 0 },
	/* Shadow operations; there is none of the last. */
	{ FUSE_LOOKUP, 0, NONE, NONE, NONE, 1, SHADOW_ENTRY },
	{ FUSE_MKNOD, 16, NONE, NONE, NONE, 1, SHADOW_ENTRY },
	{ FUSE_MKDIR, 8, NONE, NONE, NONE, 1, SHADOW_ENTRY },
	{ FUSE_SYMLINK, 0, NONE, NONE, NONE, 2, SHADOW_ENTRY },
	{ FUSE_UNLINK, 0, NONE, NONE, NONE, 1, IS_SHADOW },
	{ FUSE_RMDIR, 0, NONE, NONE, NONE, 1, IS_SHADOW },
	{ FUSE_RENAME2, 16, NONE, NONE, 0, 2, IS_SHADOW },
	{ FUSE_OPEN, 8, NONE, NONE, NONE, 0, SHADOW_OPEN },
	{ FUSE_SETATTR, 88, 8, NONE, NONE, 0, IS_SHADOW },
	{ FUSE_GETATTR, 16, 8, NONE, NONE, 0, IS_SHADOW },
	{ FUSE_WRITE, 40, 0, NONE, NONE, 0, IS_SHADOW },
	/* With what tells of groups behind it. */
	{ FUSE_MKNOD, 16, NONE, NONE, NONE, 1, GROUPS_ENTRY },
};

static struct {
	struct fs_server server;
	struct vq_chain chain;
	uint8_t in[IN_MAX];
	uint8_t scratch[XATTR_MAX_BYTES];
	uint64_t unique;
	uint64_t node[NODES], fh[HANDLES];
	unsigned nodes, fhs;
} w;

static uint8_t take(struct input *in)
{
	if (in->len == 0)
		return 0;
	in->len--;
	return *in->data++;
}

static void export(const char *name, unsigned flags)
{
	int fd = openat(fuse_tree.base_fd, name, O_PATH | O_CLOEXEC);

	ft_require(fd >= 0 && exports_add(&w.server.exports, name, fd, flags) == 0);
}

static uint64_t bad_number(uint8_t which)
{
	static const uint64_t numbers[] = {
		0,
		1,
		1000,
		INT32_MAX,
		UINT32_MAX,
		1ULL << 32,
		INT64_MAX,
		UINT64_MAX,
	};

	return numbers[which % ARRAY_LEN(numbers)];
}

static uint64_t some_node(uint8_t which)
{
	return which >= 0xf0 ? bad_number(which) : w.node[which % (w.nodes ? w.nodes : 1)];
}

static uint64_t some_handle(uint8_t which)
{
	return which >= 0xf0 ? bad_number(which) : w.fh[which % (w.fhs ? w.fhs : 1)];
}

/* What came last is what is used first. */
static void remember(uint64_t *list, unsigned *n, unsigned max, uint64_t number)
{
	if (*n < max)
		++*n;
	memmove(list + 1, list, (*n - 1) * sizeof(*list));
	list[0] = number;
}

static size_t take_name(struct input *in, uint8_t *to)
{
	static const char *const names[] = {
		"a",
		"b",
		"dir",
		"link",
		"abs",
		"out",
		"n1",
		"n2",
		"rw",
		"ro",
		"file",
		"secret",
		"old",
		"c",
		"outside",
		"..",
		".",
		"",
		"/",
		"../outside/secret",
		"/outside/secret",
		"user.a",
		"user.b",
		"security.capability",
		"trusted.a",
		"system.posix_acl_access",
	};
	uint8_t which = take(in);
	size_t n;

	if (which < 0xc0) {
		const char *name = names[which % ARRAY_LEN(names)];

		memcpy(to, name, strlen(name) + 1);
		return strlen(name) + 1;
	}
	n = which < 0xf0 ? which & 0x1f : 250 + (which & 0xf);
	for (size_t i = 0; i < n; i++)
		to[i] = which < 0xf0 ? take(in) : 'x';
	to[n] = '\0';
	return n + 1;
}

/* Names that a shadow operation looks for, or any. */
static size_t take_shadow_name(struct input *in, uint8_t *to)
{
	uint8_t which = take(in);
	const size_t room = 64;

	if (which % 4 == 0)
		return (size_t)snprintf((char *)to, room, SHADOW_ID_FORMAT,
			       (unsigned long long)some_node(take(in))) +
		       1;
	if (which % 4 == 1)
		return (size_t)snprintf((char *)to, room, SHADOW_ELSEWHERE_NAME) + 1;
	if (which % 4 == 2)
		return (size_t)snprintf((char *)to, room, SHADOW_MOVING_NAME) + 1;
	return take_name(in, to);
}

/* Of the operation, its mark that of the name or of another one. */
static uint32_t take_shadow_gid(struct input *in, uint64_t dir, const uint8_t *name)
{
	uint8_t which = take(in);
	uint32_t gid = shadow_gid((enum shadow_op)(which & 0xf));

	if ((dir & SHADOW_ELSEWHERE_NODEID) == SHADOW_ELSEWHERE_NODEID)
		dir = SHADOW_ELSEWHERE_NODEID;
	if (name && !(which & 0x10))
		gid |= shadow_move_mark(dir, (const char *)name);
	return gid;
}

static void put64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

/* Bytes of data that follow the fixed part, and what it says of them. */
static size_t take_data(struct input *in, const struct op *op, uint8_t *fixed, uint8_t *to)
{
	static const uint32_t lengths[] = { 0, 1, 5, 100, 4096, 65536, 65537, 70000 };
	uint8_t how = take(in);
	uint32_t n = lengths[how % ARRAY_LEN(lengths)];

	if (op->opcode == FUSE_BATCH_FORGET) {
		n = how % 8;
		for (uint32_t i = 0; i < n; i++) {
			put64(to + (size_t)i * 16, some_node(take(in)));
			put64(to + (size_t)i * 16 + 8, 1 + how / 64);
		}
		return (size_t)n * 16;
	}
	memset(to, how, n);
	if (!(how & 0x80))
		memcpy(fixed + (op->opcode == FUSE_WRITE ? 16 : 0), &n, sizeof(n));
	return n;
}

/* Extensions, the first of groups if it is left so, and what the header says of their length. */
static size_t take_extensions(struct input *in, struct fuse_in_header *head, uint8_t *to)
{
	uint32_t start[] = { 24, FUSE_EXT_GROUPS, 3 };
	uint8_t how = take(in);
	size_t n = (how & 7) * sizeof(uint64_t);

	memset(to, 0, n);
	memcpy(to, start, n < sizeof(start) ? n : sizeof(start));
	for (unsigned i = 0; i < (how >> 6) && n; i++) {
		uint8_t at = take(in);

		to[at % n] = take(in);
	}
	set_ext_bytes(head, (uint32_t)n + (how & 8) + (how & 16 ? 1024U : 0));
	return n;
}

/* The host's memory is not to be filled; numbers that cannot be met may stay. */
static void tame(uint8_t *fixed)
{
	struct fuse_fallocate_in in;

	memcpy(&in, fixed, sizeof(in));
	in.offset &= in.offset > INT64_MAX ? UINT64_MAX : 0xffff;
	in.length &= in.length > INT64_MAX ? UINT64_MAX : 0xffff;
	memcpy(fixed, &in, sizeof(in));
}

/* The next request, in w.in; its length. */
static size_t make_request(struct input *in, const struct op *op, bool raw)
{
	static const uint32_t ids[] = { 0, 0, 1000, UINT32_MAX };
	uint8_t node = take(in), filled = take(in);
	struct fuse_in_header head = {
		.opcode = op->opcode,
		.unique = ++w.unique,
		.nodeid = some_node(node),
		.uid = ids[filled >> 6],
		.gid = ids[filled >> 6],
	};
	uint8_t *fixed = w.in + sizeof(head);
	size_t n = sizeof(head) + op->fixed;

	memset(fixed, 0, op->fixed);
	for (size_t i = 0; i < (filled & 0x3f) && i < op->fixed; i++)
		fixed[i] = take(in);
	if (op->fh_at != NONE && !raw)
		put64(fixed + op->fh_at, some_handle(take(in)));
	if (op->fh2_at != NONE && !raw)
		put64(fixed + op->fh2_at, some_handle(take(in)));
	if (op->node_at != NONE && !raw)
		put64(fixed + op->node_at, some_node(take(in)));
	if (op->opcode == FUSE_FALLOCATE)
		tame(fixed);
	for (unsigned i = 0; i < op->names; i++)
		n += (op->gives & IS_SHADOW) ? take_shadow_name(in, w.in + n)
					     : take_name(in, w.in + n);
	if (op->gives & IS_SHADOW)
		head.gid = take_shadow_gid(in, head.nodeid, op->names ? fixed + op->fixed : NULL);
	if (op->opcode == FUSE_WRITE || op->opcode == FUSE_SETXATTR ||
		op->opcode == FUSE_BATCH_FORGET)
		n += take_data(in, op, fixed, w.in + n);
	if (op->gives & HAS_GROUPS)
		n += take_extensions(in, &head, w.in + n);
	head.len = (uint32_t)n;
	memcpy(w.in, &head, sizeof(head));
	return n;
}

static unsigned cut(uint8_t *p, size_t len, size_t each, struct iovec *iov)
{
	unsigned n = 0;

	for (size_t at = 0; at < len; at += each)
		iov[n++] = (struct iovec){ p + at, len - at < each ? len - at : each };
	return n;
}

static void learn_listing(const uint8_t *p, size_t len, bool plus)
{
	while (len) {
		size_t before = plus ? sizeof(struct fuse_entry_out) : 0, need;
		struct fuse_entry_out e = { 0 };
		struct fuse_dirent d;

		ft_require(len >= before + sizeof(d));
		memcpy(&e, p, before);
		memcpy(&d, p + before, sizeof(d));
		need = before + FUSE_DIRENT_ALIGN(sizeof(d) + d.namelen);
		ft_require(d.namelen > 0 && d.namelen <= NAME_MAX_BYTES && need <= len);
		ft_require(!memchr(p + before + sizeof(d), '/', d.namelen));
		if (plus && e.nodeid)
			remember(w.node, &w.nodes, NODES, e.nodeid);
		p += need;
		len -= need;
	}
}

static void look_at_reply(const struct op *op, const uint8_t *p, uint32_t used)
{
	struct fuse_out_header out;
	struct fuse_entry_out e;
	struct fuse_open_out open;

	ft_require(used >= sizeof(out));
	memcpy(&out, p, sizeof(out));
	ft_require(out.len == used && out.unique == w.unique);
	ft_require(out.error <= 0 && out.error > -512);
	ft_require(out.error == 0 || used == sizeof(out));
	ft_require(!memmem(p, used, FT_SECRET, strlen(FT_SECRET)));
	p += sizeof(out);
	used -= (uint32_t)sizeof(out);
	if (out.error)
		return;
	if (op->gives & GIVES_LISTING) {
		learn_listing(p, used, op->gives & GIVES_ENTRY);
		return;
	}
	if (op->gives & GIVES_ENTRY) {
		ft_require(used >= sizeof(e));
		memcpy(&e, p, sizeof(e));
		ft_require(e.nodeid > FUSE_ROOT_ID);
		remember(w.node, &w.nodes, NODES, e.nodeid);
	}
	if (op->gives & GIVES_OPEN) {
		ft_require(used >= sizeof(open));
		memcpy(&open, p + used - sizeof(open), sizeof(open));
		remember(w.fh, &w.fhs, HANDLES, open.fh);
	}
}

/* Of those that have waited for a lock. */
static void take_answers(void)
{
	struct lock_reply a;

	for (unsigned queue = 0; queue < LOCK_QUEUES; queue++)
		while (locks_take(&w.server.locks, queue, &a))
			ft_require(a.error <= 0 && a.error > -512);
	ft_require(w.server.locks.records <= LOCKS_MAX);
}

/* Whether the request in w.in is a shadow operation of the watched share. */
static bool is_quiet(const struct op *op)
{
	struct fuse_in_header head;
	struct inode *inode;
	bool watched;

	memcpy(&head, w.in, sizeof(head));
	inode = inode_get(&w.server.inodes, head.nodeid);
	watched = inode && (inode->export->flags & FS_EXPORT_WATCH);
	inode_put(&w.server.inodes, inode);
	return watched && op->opcode != FUSE_WRITE;
}

/* One request in buffers of just its size, so that nobody reads or writes beyond them. */
static void serve(struct input *in)
{
	static const uint32_t rooms[] = { 4096, ROOM_MAX, 512, 160, 100, 24, 16, 15, 0 };
	static const size_t segments[] = { SIZE_MAX / 2, 4096, 100, 16, 7, 1 };
	const struct op *op = &ops[take(in) % ARRAY_LEN(ops)];
	uint8_t how = take(in);
	uint32_t room = rooms[(how & 0x30) == 0x30 ? take(in) % ARRAY_LEN(rooms) : 0], used;
	size_t len = make_request(in, op, how & 0x40), each = segments[how % ARRAY_LEN(segments)];
	AUTO_FREE uint8_t *sent = NULL, *reply = NULL, *body = NULL;
	struct fs_request r = { .server = &w.server, .scratch = w.scratch };
	uint64_t before = 0;
	bool quiet;

	if (how & 0x80)
		len -= take(in) % (len < 256 ? len : 256);
	sent = malloc(len);
	reply = malloc(room);
	r.body = body = malloc(BODY_MAX_BYTES < len ? BODY_MAX_BYTES : len);
	ft_require(sent && reply && body);
	memcpy(sent, w.in, len);
	/* Both sides must fit the chain. */
	if (each <= (len + room) / 400)
		each = (len + room) / 400 + 1;
	w.chain.out = cut(sent, len, each, w.chain.iov);
	w.chain.in = cut(reply, room, each, w.chain.iov + w.chain.out);
	w.chain.out_len = (uint32_t)len;
	w.chain.in_len = room;
	quiet = (op->gives & IS_SHADOW) && is_quiet(op);
	if (quiet)
		before = ft_print_of("volume");
	used = fs_serve(&r, &w.chain);
	ft_require(!quiet || ft_print_of("volume") == before);
	ft_require(used <= room && (used == 0 || !r.deferred));
	take_answers();
	ft_require(setfsuid((uid_t)-1) == 0 && setfsgid((gid_t)-1) == 0);
	if (used)
		look_at_reply(op, reply, used);
}

static bool lies_in(int fd, const struct export *export)
{
	char number[16], path[512] = "", shared[128];
	size_t n = (size_t)snprintf(shared, sizeof(shared), "%s/%s", fuse_tree.base, export->name);

	snprintf(number, sizeof(number), "%d", fd);
	ft_require(readlinkat(fuse_tree.proc_fd, number, path, sizeof(path) - 1) > 0);
	return strncmp(path, shared, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* All that the guest holds is of its export, and open for no more than that allows. */
static void check_held(void)
{
	for (unsigned i = 0; i < INODE_BUCKETS && w.server.inodes.count; i++) {
		if (!w.server.inodes.by_id[i].next)
			continue;
		list_for_each (inode, &w.server.inodes.by_id[i], struct inode, by_id) {
			ft_require(inode->users == 0 && inode->lookups > 0);
			ft_require(lies_in(inode->fd, inode->export));
		}
	}
	for (size_t i = 0; i < w.server.handles.size; i++) {
		const struct handle *h = w.server.handles.slot[i].handle;

		if (!h || h->fd < 0)
			continue;
		ft_require(h->users >= 1 && lies_in(h->fd, h->export));
		if (h->export->flags & FS_EXPORT_RO)
			ft_require((fcntl(h->fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
	}
}

/* So are the descriptions that carry the guest's locks. */
static void check_owners(void)
{
	for (unsigned i = 0; i < LOCK_BUCKETS; i++) {
		list_for_each (f, &w.server.locks.file[i], struct lock_file, link) {
			ft_require(f->pins == 0 && !list_empty(&f->owners));
			list_for_each (o, &f->owners, struct lock_owner, link) {
				ft_require(o->waits || (o->held.n && !o->gone));
				if (o->fd < 0)
					continue;
				ft_require(!f->local && lies_in(o->fd, o->export));
				if (o->export->flags & FS_EXPORT_RO)
					ft_require((fcntl(o->fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
			}
		}
	}
}

/* What the guest knows at first. */
static void begin(void)
{
	memset(w.node, 0, sizeof(w.node));
	memset(w.fh, 0, sizeof(w.fh));
	w.fhs = 0;
	w.nodes = 1;
	w.node[0] = FUSE_ROOT_ID;
	w.server.setxattr_ext = true;
}

/*
 * The thread that reads events is none of what a guest attacks: without it those that are the
 * guest's own are over when an input is. The descriptor that the first watch opens is no input's.
 */
static void start_watching(void)
{
	static const uint8_t lookup[] = { 0, 0, 0, 0, 0xc6, 'v', 'o', 'l', 'u', 'm', 'e' };
	const struct fs_config config = { .tag = "fuzz" };
	struct input in = { lookup, sizeof(lookup) };

	ft_require(watch_new(&w.server, 1, &config, &w.server.watch) == 0);
	watch_stop(w.server.watch);
	export("volume", FS_EXPORT_WATCH);
	begin();
	ft_enter();
	serve(&in);
	ft_leave();
	ft_require(w.nodes == 2 && w.server.watch->count == 1);
	inodes_clear(&w.server.inodes, NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct rlimit file_max = { FILE_MAX, FILE_MAX };
	struct locks_config locks = {
		.handles = &w.server.handles,
		.records_max = LOCKS_MAX,
	};

	(void)argc;
	(void)argv;
	ft_make();
	umask(0);
	ft_require(setrlimit(RLIMIT_FSIZE, &file_max) == 0);
	inodes_init(&w.server.inodes, INODES_MAX, NULL, NULL);
	handles_init(&w.server.handles);
	exports_init(&w.server.exports);
	numbers_init(&w.server.numbers);
	w.server.proc_fd = fuse_tree.proc_fd;
	locks.proc_fd = fuse_tree.proc_fd;
	/* Without threads: who waits for a lock of the host's does so until he is told not to. */
	ft_require(locks_init(&w.server.locks, &locks) == 0);
	export("rw", 0);
	export("ro", FS_EXPORT_RO);
	export("file", FS_EXPORT_FILE | FS_EXPORT_LOCAL_LOCKS);
	start_watching();
	return 0;
}

static void drop_events(void)
{
	uint8_t events[4096];

	while (read(atomic_load(&w.server.watch->inotify_fd), events, sizeof(events)) > 0)
		;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	int probe, after;

	signal(SIGXFSZ, SIG_IGN); /* which libFuzzer took after our initialization */
	ft_renew();
	probe = dup(0);
	close(probe);
	begin();
	ft_enter();
	for (unsigned i = 0; in.len && i < REQUEST_MAX; i++)
		serve(&in);
	ft_leave();
	check_held();
	check_owners();
	ft_check();
	handles_clear(&w.server.handles, NULL);
	locks_clear(&w.server.locks, NULL);
	take_answers();
	ft_require(w.server.locks.records == 0 && w.server.locks.waiting == 0);
	inodes_clear(&w.server.inodes, NULL);
	ft_require(w.server.inodes.count == 0 && w.server.watch->count == 0);
	own_lost(&w.server.watch->own);
	drop_events();
	after = dup(0);
	close(after);
	ft_require(probe == after);
	return 0;
}
