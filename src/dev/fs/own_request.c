/* What events each request causes on the host: see watch.h, own.h. Worker threads. */
#include "base/auto.h"
#include "base/shadow.h"
#include "dev/fs/server.h"
#include "dev/fs/watch.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h> /* RENAME_EXCHANGE */
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#define DELETED " (deleted)"

/* What changes a file's data or attributes, with all that the kernel does besides (setuid bits). */
#define CONTENT (IN_MODIFY | IN_ATTRIB)

struct change {
	struct fs_request *r;
	const struct inode *inode; /* that the request names */
	struct own_change *own;
};

static void expect(struct change *c, struct own_event e)
{
	e.export = c->inode->export;
	if (c->own->n < OWN_EVENTS_MAX)
		c->own->event[c->own->n++] = e;
}

/* An entry of directory dir, which is changed once. */
static void expect_entry(struct change *c, uint64_t dir, const char *name, uint32_t mask)
{
	if (name)
		expect(c, (struct own_event){
				  .dir = dir, .name = shadow_hash(0, name), .mask = mask });
}

/*
 * The inode itself, by the name that its descriptor has now: that is what the kernel tells its
 * directory. Of an export's root there is an event of its own.
 */
static void expect_inode(struct change *c, uint32_t mask)
{
	const struct inode *i = c->inode;
	struct own_event e = { .dev = i->dev, .ino = i->ino, .mask = mask, .many = true };
	char number[FD_NAME_MAX], path[PATH_MAX];
	const char *name;
	ssize_t n;

	expect(c, (struct own_event){ .dir = i->nodeid, .mask = mask, .many = true });
	fd_name(i->fd, number);
	n = readlinkat(c->r->server->proc_fd, number, path, sizeof(path) - 1);
	if (n <= 0)
		return;
	path[n] = '\0';
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	e.name = shadow_hash(0, name);
	expect(c, e);
	/* Events of a removed file still have its name; a name may end like that, too. */
	if (n > (ssize_t)strlen(DELETED) && strcmp(path + n - strlen(DELETED), DELETED) == 0) {
		path[n - (ssize_t)strlen(DELETED)] = '\0';
		e.name = shadow_hash(0, name);
		expect(c, e);
	}
}

static void on_make(struct change *c)
{
	expect_entry(c, c->inode->nodeid, req_string(c->r), IN_CREATE);
}

static void on_mknod(struct change *c)
{
	if (req_take(c->r, sizeof(struct fuse_mknod_in)))
		on_make(c);
}

static void on_mkdir(struct change *c)
{
	if (req_take(c->r, sizeof(struct fuse_mkdir_in)))
		on_make(c);
}

static void on_link(struct change *c)
{
	if (req_take(c->r, sizeof(struct fuse_link_in)))
		on_make(c);
}

/* It may be there already, and then be cut. */
static void on_create(struct change *c)
{
	const char *name = req_take(c->r, sizeof(struct fuse_create_in)) ? req_string(c->r) : NULL;

	expect_entry(c, c->inode->nodeid, name, IN_CREATE);
	if (name)
		expect(c, (struct own_event){ .dir = c->inode->nodeid,
				  .name = shadow_hash(0, name),
				  .mask = CONTENT,
				  .many = true });
}

static void on_remove(struct change *c)
{
	expect_entry(c, c->inode->nodeid, req_string(c->r), IN_DELETE);
}

static void expect_move(struct change *c, uint64_t to_dir, bool exchange)
{
	const char *from = req_string(c->r), *to = from ? req_string(c->r) : NULL;
	uint64_t dir = c->inode->nodeid;

	if (!to)
		return;
	expect_entry(c, dir, from, IN_MOVED_FROM);
	expect_entry(c, to_dir, to, IN_MOVED_TO);
	if (exchange) {
		expect_entry(c, to_dir, to, IN_MOVED_FROM);
		expect_entry(c, dir, from, IN_MOVED_TO);
	}
}

static void on_rename(struct change *c)
{
	const struct fuse_rename_in *in = req_take(c->r, sizeof(*in));

	if (in)
		expect_move(c, in->newdir, false);
}

static void on_rename2(struct change *c)
{
	const struct fuse_rename2_in *in = req_take(c->r, sizeof(*in));

	if (in)
		expect_move(c, in->newdir, in->flags & RENAME_EXCHANGE);
	/* A whiteout is a device node in the old one's place. */
	if (in && (in->flags & RENAME_WHITEOUT) && c->own->n)
		expect(c, (struct own_event){ .dir = c->inode->nodeid,
				  .name = c->own->event[0].name,
				  .mask = IN_CREATE });
}

static void on_open(struct change *c)
{
	const struct fuse_open_in *in = req_take(c->r, sizeof(*in));

	if (in && (in->flags & O_TRUNC))
		expect_inode(c, CONTENT);
}

/* A size is set through a descriptor that is opened for it. */
static void on_setattr(struct change *c)
{
	expect_inode(c, CONTENT | IN_CLOSE_WRITE);
}

static void on_content(struct change *c)
{
	expect_inode(c, CONTENT);
}

static void on_release(struct change *c)
{
	const struct fuse_release_in *in = req_take(c->r, sizeof(*in));
	struct handle *h = in ? handle_get(&c->r->server->handles, in->fh, false) : NULL;

	/*
	 * A shadow operation's handle is of nothing, and its end comes with the ids of nobody:
	 * expecting an event of it, the reader would take the next one of the host's for it.
	 */
	if (h && (in->flags & O_ACCMODE) != O_RDONLY)
		expect_inode(c, IN_CLOSE_WRITE);
	handle_put(&c->r->server->handles, h);
}

static void on_xattr(struct change *c)
{
	expect_inode(c, IN_ATTRIB);
}

static const struct {
	uint32_t opcode;
	void (*expect)(struct change *c);
} causes[] = {
	{ FUSE_WRITE, on_content },
	{ FUSE_RELEASE, on_release },
	{ FUSE_CREATE, on_create },
	{ FUSE_OPEN, on_open },
	{ FUSE_SETATTR, on_setattr },
	{ FUSE_MKNOD, on_mknod },
	{ FUSE_MKDIR, on_mkdir },
	{ FUSE_SYMLINK, on_make },
	{ FUSE_LINK, on_link },
	{ FUSE_UNLINK, on_remove },
	{ FUSE_RMDIR, on_remove },
	{ FUSE_RENAME, on_rename },
	{ FUSE_RENAME2, on_rename2 },
	{ FUSE_FALLOCATE, on_content },
	{ FUSE_COPY_FILE_RANGE, on_content },
	{ FUSE_SETXATTR, on_xattr },
	{ FUSE_REMOVEXATTR, on_xattr },
};

/* The inode that the request changes, or in which it changes an entry. */
static uint64_t changed(struct fs_request *r)
{
	const struct fuse_copy_file_range_in *in;

	if (r->in.opcode != FUSE_COPY_FILE_RANGE)
		return r->in.nodeid;
	in = req_take(r, sizeof(*in));
	return in ? in->nodeid_out : 0;
}

/* Puts a mark among the events; marks of one parity in a row would become one. */
static void mark(struct watch *w, unsigned worker, bool parity)
{
	/* Both times are IN_ATTRIB, that of the last change alone IN_MODIFY. */
	struct timespec ts[2] = { { 0, parity ? UTIME_NOW : UTIME_OMIT }, { 0, UTIME_NOW } };

	(void)futimens(w->mark[worker].fd, ts);
	own_marked(&w->own, worker);
}

bool watch_before(struct fs_request *r)
{
	struct watch *w = r->server->watch;
	struct own_change own = { .n = 0 };
	struct inode *inode;
	size_t i = 0;

	if (!w || atomic_load(&w->inotify_fd) < 0)
		return false;
	while (i < ARRAY_LEN(causes) && causes[i].opcode != r->in.opcode)
		i++;
	inode = i < ARRAY_LEN(causes) ? inode_get(&r->server->inodes, changed(r)) : NULL;
	r->body_pos = 0;
	if (inode && (inode->export->flags & FS_EXPORT_WATCH))
		causes[i].expect(&(struct change){ r, inode, &own });
	inode_put(&r->server->inodes, inode);
	r->body_pos = 0;
	if (own.n)
		r->parity = own_expect(&w->own, r->queue, &own);
	return own.n;
}

/* Names that the guest has removed or moved itself. */
static void renamed(struct fs_request *r)
{
	struct known *k = &r->server->watch->known;
	size_t fixed = r->in.opcode == FUSE_RENAME ? sizeof(struct fuse_rename_in)
						   : sizeof(struct fuse_rename2_in);
	const struct fuse_rename_in *in;
	const char *from, *to;

	r->body_pos = 0;
	in = req_take(r, fixed); /* both begin with the new directory */
	from = in ? req_string(r) : NULL;
	to = from ? req_string(r) : NULL;
	if (to)
		known_move(k, r->in.nodeid, from, in->newdir, to);
}

void watch_after(struct fs_request *r, int code)
{
	struct watch *w = r->server->watch;
	const char *name;

	mark(w, r->queue, r->parity);
	if (code < 0)
		return;
	switch (r->in.opcode) {
	case FUSE_UNLINK:
	case FUSE_RMDIR:
		r->body_pos = 0;
		name = req_string(r);
		if (name)
			known_remove(&w->known, r->in.nodeid, name);
		break;
	case FUSE_RENAME:
	case FUSE_RENAME2:
		renamed(r);
		break;
	default:
		break;
	}
}
