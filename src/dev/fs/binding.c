/* Names that the guest believes: see binding.h. */
#include "dev/fs/binding.h"

#include "base/auto.h"
#include "dev/fs/server.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/* A name that was looked up so lately is as good as looked up now. */
#define FRESH_NS 10000000ULL
/* How long it may be believed, with two ticks of the slowest guest that it may take longer. */
#define VALID_NS (BINDING_SECONDS * 1000000000ULL + 20000000ULL)
/* As many of the latest names are looked after; a guest that learns more in a second is on its own.
 */
#define LATEST_MAX 65536

/* What is compared, copied from an inode. */
struct claim {
	uint64_t parent, dev, ino, at_ns;
	uint32_t mode, uid, gid;
	char name[NAME_MAX_BYTES + 1];
};

bool binding_set(struct inodes *t, struct inode *inode, uint64_t parent, const char *name)
{
	struct binding *b = &inode->binding;
	bool same, done = true;

	pthread_mutex_lock(&t->lock);
	same = b->name && b->parent == parent && strcmp(b->name, name) == 0;
	if (same) {
		list_del(&b->by_age);
	} else {
		inode_unbind(inode);
		b->name = strdup(name);
		done = b->name;
	}
	b->parent = parent;
	b->at_ns = cache_now_ns();
	b->doubted = false;
	if (done)
		list_add_tail(&t->bindings, &b->by_age);
	pthread_mutex_unlock(&t->lock);
	return done;
}

void binding_attributes(struct inodes *t, struct inode *inode, const struct fuse_attr *attr)
{
	pthread_mutex_lock(&t->lock);
	inode->binding.mode = attr->mode;
	inode->binding.uid = attr->uid;
	inode->binding.gid = attr->gid;
	pthread_mutex_unlock(&t->lock);
}

void binding_moved(struct fs_server *server, const struct inode *dir, const char *name)
{
	struct inode *inode;
	struct statx stx;

	if (statx(dir->fd, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_MNT_ID, &stx) < 0)
		return;
	inode = inode_find(&server->inodes, dir->export, &stx);
	if (inode && inode->binding.name)
		(void)binding_set(&server->inodes, inode, dir->nodeid, name);
	inode_put(&server->inodes, inode);
}

/* With the table's lock held. False: there is none. */
static bool copy_claim(const struct inode *inode, struct claim *ret)
{
	if (!inode->binding.name)
		return false;
	ret->parent = inode->binding.parent;
	ret->dev = inode->dev;
	ret->ino = inode->ino;
	ret->at_ns = inode->binding.at_ns;
	ret->mode = inode->binding.mode;
	ret->uid = inode->binding.uid;
	ret->gid = inode->binding.gid;
	strncpy(ret->name, inode->binding.name, sizeof(ret->name) - 1);
	ret->name[sizeof(ret->name) - 1] = '\0';
	return true;
}

static bool is_true(struct fs_server *server, const struct claim *c)
{
	struct inode *parent = inode_get(&server->inodes, c->parent);
	bool same;
	struct stat st;

	/* What the guest has forgotten it does not believe. */
	if (!parent)
		return true;
	same = fstatat(parent->fd, c->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == c->ino &&
	       stat_dev(major(st.st_dev), minor(st.st_dev)) == c->dev &&
	       (!c->mode || (st.st_mode == c->mode && st.st_uid == c->uid && st.st_gid == c->gid));
	inode_put(&server->inodes, parent);
	return same;
}

bool binding_is_stale(struct fs_server *server, struct inode *inode)
{
	struct inodes *t = &server->inodes;
	struct claim c;
	bool look;

	pthread_mutex_lock(&t->lock);
	look = !inode->binding.doubted && copy_claim(inode, &c) &&
	       cache_now_ns() - c.at_ns >= FRESH_NS;
	pthread_mutex_unlock(&t->lock);
	if (!look || is_true(server, &c))
		return false;
	pthread_mutex_lock(&t->lock);
	inode->binding.doubted = true;
	pthread_mutex_unlock(&t->lock);
	return true;
}

/* The nodeids whose names may still be believed; their number. The caller frees *ret. */
static size_t latest(struct inodes *t, uint64_t **ret)
{
	uint64_t now = cache_now_ns();
	size_t n = 0, room = 0;

	*ret = NULL;
	pthread_mutex_lock(&t->lock);
	for (struct list *l = t->bindings.prev; l != &t->bindings && n < LATEST_MAX; l = l->prev) {
		const struct inode *inode = container_of(l, struct inode, binding.by_age);

		if (now - inode->binding.at_ns >= VALID_NS)
			break;
		if (n == room) {
			uint64_t *grown;

			room = room ? room * 2 : 64;
			grown = realloc(*ret, room * sizeof(**ret));
			if (!grown)
				break;
			*ret = grown;
		}
		(*ret)[n++] = inode->nodeid;
	}
	pthread_mutex_unlock(&t->lock);
	return n;
}

/* When the inode's name, if it is not true, was told; 0: it is true, or nobody believes it. */
static uint64_t untrue_since(struct fs_server *server, uint64_t nodeid)
{
	struct inodes *t = &server->inodes;
	struct inode *inode = inode_get(t, nodeid);
	struct claim c;
	bool claimed;

	if (!inode)
		return 0;
	pthread_mutex_lock(&t->lock);
	claimed = copy_claim(inode, &c);
	pthread_mutex_unlock(&t->lock);
	inode_put(t, inode);
	return claimed && !is_true(server, &c) ? c.at_ns : 0;
}

uint64_t bindings_wait_ns(struct fs_server *server)
{
	AUTO_FREE uint64_t *nodeid = NULL;
	size_t n = latest(&server->inodes, &nodeid);
	uint64_t last = 0, now;

	for (size_t i = 0; i < n; i++) {
		uint64_t at = untrue_since(server, nodeid[i]);

		if (at > last)
			last = at;
	}
	now = cache_now_ns();
	return last && now - last < VALID_NS ? VALID_NS - (now - last) : 0;
}
