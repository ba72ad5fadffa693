/* Reading directories, the synthetic root's too. */
#include "base/auto.h"
#include "dev/fs/server.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define ENTRIES_BYTES 32768

int fs_opendir(struct fs_request *r)
{
	struct fuse_open_out out = { 0 };
	struct inode *inode = NULL;
	int fd = -1, code = 0;

	if (r->in.nodeid != FUSE_ROOT_ID) {
		code = req_inode(r, r->in.nodeid, false, &inode);
		if (code < 0)
			return code;
		fd = inode->type == S_IFDIR ? open_inode(r, inode, O_RDONLY | O_DIRECTORY)
					    : -ENOTDIR;
		code = fd < 0 ? fd : 0;
	}
	if (code == 0)
		code = handle_add(
			&r->server->handles, inode ? inode->export : NULL, fd, true, &out.fh);
	inode_put(&r->server->inodes, inode);
	if (code < 0)
		return code;
	code = req_put(r, &out, sizeof(out));
	if (code < 0)
		handle_remove(&r->server->handles, out.fh);
	return code;
}

/*
 * A program without large-file support can use offsets below 2^31 only, and ext4's, say, are hashes
 * of 64 bits. The guest gets the larger ones as places in a table of the handle, which fills in the
 * order in which the directory is read, and in the same one when it is read again.
 */
#define FAR	0x40000000ULL /* and the place */
#define FAR_MAX (1U << 20)
/* What does not fit into the table stays as it is, but for what would be taken for a place. */
#define FAR_MARK (1ULL << 62)

static bool is_place(uint64_t offset)
{
	return (offset & ~(FAR - 1)) == FAR;
}

static bool room_for_far(struct far_offsets *far)
{
	size_t room = far->room ? far->room * 2 : 64;
	uint64_t *grown;

	if (far->count < far->room)
		return true;
	grown = room <= FAR_MAX ? realloc(far->offset, room * sizeof(*grown)) : NULL;
	if (!grown)
		return false;
	far->offset = grown;
	far->room = room;
	return true;
}

static uint64_t guest_offset(struct far_offsets *far, uint64_t offset)
{
	if (offset < FAR)
		return offset;
	if (far->next < far->count && far->offset[far->next] == offset)
		return FAR | far->next++;
	if (!room_for_far(far))
		return is_place(offset) ? offset | FAR_MARK : offset;
	far->offset[far->count] = offset;
	far->next = far->count + 1;
	return FAR | far->count++;
}

static uint64_t host_offset(struct far_offsets *far, uint64_t offset)
{
	if (!is_place(offset) || (offset & (FAR - 1)) >= far->count) {
		far->next = 0;
		return is_place(offset & ~FAR_MARK) ? offset & ~FAR_MARK : offset;
	}
	far->next = (offset & (FAR - 1)) + 1;
	return far->offset[far->next - 1];
}

/* One entry in the form of READDIR or READDIRPLUS. -EIO: it does not fit. */
static int put_entry(struct fs_request *r, size_t *room, const struct fuse_entry_out *plus,
	const struct fuse_dirent *d, const char *name)
{
	static const char zeros[8];
	size_t name_end = sizeof(*d) + d->namelen;
	size_t padded = (name_end + 7) & ~(size_t)7;
	size_t need = padded + (plus ? sizeof(*plus) : 0);

	if (need > *room || need > r->out.left)
		return -EIO;
	if ((plus && req_put(r, plus, sizeof(*plus)) < 0) || req_put(r, d, sizeof(*d)) < 0 ||
		req_put(r, name, d->namelen) < 0 || req_put(r, zeros, padded - name_end) < 0)
		return -EIO;
	*room -= need;
	return 0;
}

/* With READDIRPLUS every name but . and .. is looked up as well. */
static int put_host_entry(struct fs_request *r, struct inode *dir, size_t *room, bool plus,
	const struct dirent64 *e, uint64_t offset)
{
	struct fuse_dirent d = {
		.ino = guest_ino(r, dir, e->d_ino),
		.off = offset,
		.namelen = (uint32_t)strlen(e->d_name),
		.type = e->d_type,
	};
	struct fuse_entry_out entry = { 0 };
	bool dots = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	int code;

	if (plus && !dots) {
		/* Gone meanwhile: the name alone, with no inode, makes the guest look it up itself.
		 */
		if (lookup_entry(r, dir, e->d_name, &entry) < 0)
			entry = (struct fuse_entry_out){ 0 };
		else
			d.ino = entry.attr.ino;
	}
	code = put_entry(r, room, plus ? &entry : NULL, &d, e->d_name);
	if (code < 0 && entry.nodeid)
		inode_forget(&r->server->inodes, entry.nodeid, 1);
	return code;
}

/* Fills the handle's buffer from its position on. 0: the end. */
static ssize_t refill(struct handle *h)
{
	ssize_t n;

	if (!h->entries && !(h->entries = malloc(ENTRIES_BYTES)))
		return -ENOMEM;
	n = getdents64(h->fd, h->entries, ENTRIES_BYTES);
	h->pos = 0;
	h->len = n > 0 ? (size_t)n : 0;
	return n < 0 ? -errno : n;
}

static int seek_to(struct handle *h, uint64_t offset)
{
	if (offset == h->offset)
		return 0;
	if (offset > INT64_MAX || lseek(h->fd, (off_t)host_offset(&h->far, offset), SEEK_SET) < 0)
		return -EINVAL;
	h->pos = h->len = 0;
	h->offset = offset;
	return 0;
}

static int read_host_dir(struct fs_request *r, struct handle *h, struct inode *dir,
	const struct fuse_read_in *in, bool plus)
{
	size_t room = in->size;
	int code = seek_to(h, in->offset);

	while (code == 0) {
		const struct dirent64 *e;
		uint64_t offset;

		if (h->pos == h->len) {
			ssize_t n = refill(h);

			/* After entries comes their end: an error would take them back. */
			if (n <= 0)
				return r->out_len ? 0 : (int)n;
		}
		e = (const struct dirent64 *)(const void *)(h->entries + h->pos);
		offset = guest_offset(&h->far, (uint64_t)e->d_off);
		if (put_host_entry(r, dir, &room, plus, e, offset) < 0) {
			/* It is the first one of the next reply. */
			h->far.next -= is_place(offset);
			break;
		}
		h->pos += e->d_reclen;
		h->offset = offset;
	}
	return code;
}

/* The exports, one entry each; offsets count them. */
static int read_root(struct fs_request *r, const struct fuse_read_in *in, bool plus)
{
	size_t room = in->size;
	struct export *e;

	for (size_t i = in->offset; (e = exports_at(&r->server->exports, i)); i++) {
		struct fuse_entry_out entry = { 0 };
		struct fuse_dirent d = {
			.ino = e->number + 2,
			.off = i + 1,
			.namelen = (uint32_t)strlen(e->name),
			.type = e->flags & FS_EXPORT_FILE ? DT_REG : DT_DIR,
		};
		/* No inode with READDIRPLUS: the guest looks up what it uses. */
		int code = put_entry(r, &room, plus ? &entry : NULL, &d, e->name);

		export_put(e);
		if (code < 0)
			break;
	}
	return 0;
}

static int read_dir(struct fs_request *r, bool plus)
{
	const struct fuse_read_in *in = req_take(r, sizeof(*in));
	struct handle *h = handle_get(&r->server->handles, in->fh, true);
	struct inode *dir = NULL;
	int code;

	if (!h)
		return -EBADF;
	if (h->fd < 0) {
		code = read_root(r, in, plus);
	} else {
		code = req_inode(r, r->in.nodeid, false, &dir);
		if (code == 0 && dir->type != S_IFDIR)
			code = -ENOTDIR;
		if (code == 0) {
			pthread_mutex_lock(&h->lock);
			code = read_host_dir(r, h, dir, in, plus);
			pthread_mutex_unlock(&h->lock);
		}
		inode_put(&r->server->inodes, dir);
	}
	handle_put(&r->server->handles, h);
	return code;
}

int fs_readdir(struct fs_request *r)
{
	return read_dir(r, false);
}

int fs_readdirplus(struct fs_request *r)
{
	return read_dir(r, true);
}
