/* The initramfs archive writer: see cpio.h. */
#include "guest/cpio.h"

#include <string.h>
#include <sys/stat.h>

#define CPIO_MAGIC "070701"
#define CPIO_ALIGN 4

struct entry {
	const char *name;
	uint32_t ino, mode, nlink;
	uint32_t rdev_major, rdev_minor;
	const void *data;
	size_t len;
};

static int pad(struct buf *b)
{
	static const char zeros[CPIO_ALIGN];

	return buf_append(b, zeros, (CPIO_ALIGN - b->len % CPIO_ALIGN) % CPIO_ALIGN);
}

/*
 * The 13 fields of a header, eight hex digits each: ino, mode, uid, gid, nlink, mtime, filesize,
 * devmajor, devminor, rdevmajor, rdevminor, namesize, check (unused in this form).
 */
static int append(struct cpio *c, const struct entry *e)
{
	struct buf *b = &c->bytes;
	size_t name_bytes = strlen(e->name) + 1;
	int r;

	if (e->len > UINT32_MAX || name_bytes > UINT32_MAX)
		return -EFBIG;
	r = buf_printf(b, CPIO_MAGIC "%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", e->ino,
		e->mode, 0u, 0u, e->nlink, 0u, (uint32_t)e->len, 0u, 0u, e->rdev_major,
		e->rdev_minor, (uint32_t)name_bytes, 0u);
	if (r == 0)
		r = buf_append(b, e->name, name_bytes);
	if (r == 0)
		r = pad(b);
	if (r == 0)
		r = buf_append(b, e->data, e->len);
	return r == 0 ? pad(b) : r;
}

int cpio_dir(struct cpio *c, const char *name, mode_t mode)
{
	return append(
		c, &(struct entry){
			   .name = name, .ino = ++c->entries, .mode = S_IFDIR | mode, .nlink = 2 });
}

int cpio_file(struct cpio *c, const char *name, mode_t mode, const void *data, size_t len)
{
	return append(c, &(struct entry){
				 .name = name,
				 .ino = ++c->entries,
				 .mode = S_IFREG | mode,
				 .nlink = 1,
				 .data = data,
				 .len = len,
			 });
}

int cpio_char_dev(struct cpio *c, const char *name, mode_t mode, unsigned major, unsigned minor)
{
	return append(c, &(struct entry){
				 .name = name,
				 .ino = ++c->entries,
				 .mode = S_IFCHR | mode,
				 .nlink = 1,
				 .rdev_major = major,
				 .rdev_minor = minor,
			 });
}

int cpio_finish(struct cpio *c)
{
	return append(c, &(struct entry){ .name = "TRAILER!!!", .nlink = 1 });
}

void cpio_done(struct cpio *c)
{
	buf_done(&c->bytes);
	c->entries = 0;
}
