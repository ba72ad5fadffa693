/* The guest's initramfs: see initramfs.h. Called by guest.c while the cache is filled. */
#include "guest/initramfs.h"

#include "base/fd.h"
#include "guest/cpio.h"
#include "guest/kernel.h"

#include <fcntl.h>
#include <stdio.h>

#define AGENT_MAX_BYTES ((size_t)64 << 20)
#define MODULES_FOLDER	"modules"

static const struct {
	const char *name;
	mode_t mode;
} folders[] = {
	{ "dev", 0755 },
	{ "proc", 0555 },
	{ "sys", 0555 },
	{ "run", 0755 },
	{ "tmp", 01777 },
	{ MODULES_FOLDER, 0755 },
};

static int add_folders(struct cpio *c)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(folders); i++)
		r = cpio_dir(c, folders[i].name, folders[i].mode);
	/* The kernel opens it as the standard streams of init, before devtmpfs is mounted. */
	return r == 0 ? cpio_char_dev(c, "dev/console", 0600, 5, 1) : r;
}

static int add_agent(struct cpio *c, const char *agent, struct err *err)
{
	AUTO(buf_done) struct buf bytes = { 0 };
	int r = file_read(AT_FDCWD, agent, AGENT_MAX_BYTES, &bytes, err);

	if (r < 0)
		return err_prefix(err, "guest agent: ");
	if (!kernel_is_elf(bytes.data, bytes.len))
		return err_set(err, ENOEXEC, "guest agent: %s: not an ELF program", agent);
	r = cpio_file(c, "init", 0755, bytes.data, bytes.len);
	return r < 0 ? err_sys(err, -r, "guest agent: %s", agent) : 0;
}

static int add_module(struct cpio *c, const struct module *m, struct buf *list, struct err *err)
{
	AUTO(buf_done) struct buf bytes = { 0 };
	AUTO_FREE char *name = NULL;
	int r = module_read(m, &bytes, err);

	if (r < 0)
		return r;
	if (asprintf(&name, MODULES_FOLDER "/%s.ko", m->name) < 0) {
		name = NULL;
		return err_sys(err, ENOMEM, "%s", m->path);
	}
	r = cpio_file(c, name, 0644, bytes.data, bytes.len);
	if (r == 0)
		r = buf_printf(list, "/%s\n", name);
	return r < 0 ? err_sys(err, -r, "%s", m->path) : 0;
}

int initramfs_build(
	const char *agent, const struct modules *modules, struct buf *out, struct err *err)
{
	AUTO(cpio_done) struct cpio c = { 0 };
	AUTO(buf_done) struct buf list = { 0 };
	int r = add_folders(&c);

	if (r < 0)
		return err_sys(err, -r, "initramfs");
	r = add_agent(&c, agent, err);
	for (size_t i = 0; r == 0 && i < modules->n; i++)
		r = add_module(&c, &modules->v[i], &list, err);
	if (r < 0)
		return r;
	r = cpio_file(&c, INITRAMFS_MODULES_LIST, 0644, list.data, list.len);
	if (r == 0)
		r = cpio_finish(&c);
	if (r == 0)
		r = buf_append(out, c.bytes.data, c.bytes.len);
	return r < 0 ? err_sys(err, -r, "initramfs") : 0;
}
