/* Kernel modules for the guest: see modules.h. Called by guest.c while the cache is filled. */
#include "guest/modules.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "guest/kernel.h"
#include "guest/unpack.h"

#include <fcntl.h>
#include <libkmod.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MODULE_MAX_BYTES ((size_t)64 << 20)

const struct driver guest_drivers[] = {
	{ "virtio_mmio", "virtio-mmio", true, false },
	{ "virtio_pci", "virtio-pci", true, true },
	{ "vmw_vsock_virtio_transport", "vmw_vsock_virtio_transport", true, false },
	{ "virtiofs", "virtiofs", true, false },
	{ "virtio_console", "virtio_console", false, false },
	{ "virtio_rng", "virtio_rng", false, false },
	{ "overlay", "overlay", false, false },
	{ NULL, NULL, false, false },
};

DEFINE_AUTO_PTR(kmod_unref, struct kmod_ctx)
DEFINE_AUTO_PTR(kmod_module_unref, struct kmod_module)
DEFINE_AUTO_PTR(kmod_module_unref_list, struct kmod_list)

/* libkmod writes to stderr by default; its complaints are of interest only when debugging. */
__attribute__((format(printf, 6, 0))) static void log_kmod(void *data, int priority,
	const char *file, int line, const char *fn, const char *format, va_list args)
{
	AUTO_FREE char *text = NULL;

	(void)data, (void)priority, (void)file, (void)line, (void)fn;
	if (vasprintf(&text, format, args) < 0) {
		text = NULL;
		return;
	}
	text[strcspn(text, "\n")] = '\0';
	log_debug("libkmod: %s", text);
}

static bool contains(const struct modules *ms, const char *name)
{
	for (size_t i = 0; i < ms->n; i++)
		if (streq(ms->v[i].name, name))
			return true;
	return false;
}

static int append(struct modules *ms, const char *name, const char *path)
{
	struct module *v;
	AUTO_FREE char *name_copy = NULL;
	AUTO_FREE char *path_copy = NULL;

	if (contains(ms, name))
		return 0;
	name_copy = strdup(name);
	path_copy = strdup(path);
	if (!name_copy || !path_copy)
		return -ENOMEM;
	v = reallocarray(ms->v, ms->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	ms->v = v;
	v[ms->n++] = (struct module){ steal_ptr(&name_copy), steal_ptr(&path_copy) };
	return 0;
}

/*
 * Adds a module behind the modules it needs. -ENOENT when it is neither a module nor built in.
 * libkmod lists dependencies (all of them, not only the direct ones) in the order of loading.
 */
static int add_with_dependencies(struct modules *ms, struct kmod_module *mod)
{
	AUTO(kmod_module_unref_list) struct kmod_list *deps = NULL;
	const char *path;
	struct kmod_list *l;
	int r = 0;

	/* For what is built in libkmod answers from the folder's index, before it asks the host. */
	if (kmod_module_get_initstate(mod) == KMOD_MODULE_BUILTIN)
		return 0;
	path = kmod_module_get_path(mod);
	if (!path)
		return -ENOENT;
	deps = kmod_module_get_dependencies(mod);
	kmod_list_foreach(l, deps)
	{
		AUTO(kmod_module_unref) struct kmod_module *dep = kmod_module_get_module(l);

		path = kmod_module_get_path(dep);
		r = path ? append(ms, kmod_module_get_name(dep), path) : -ENOENT;
		if (r < 0)
			return r;
	}
	return append(ms, kmod_module_get_name(mod), kmod_module_get_path(mod));
}

static int add_driver(struct kmod_ctx *ctx, const struct driver *d, struct modules *ms)
{
	AUTO(kmod_module_unref) struct kmod_module *mod = NULL;
	int r = kmod_module_new_from_name(ctx, d->name, &mod);

	return r < 0 ? r : add_with_dependencies(ms, mod);
}

int modules_resolve(
	const char *folder, const char *kernel, bool pci, struct modules *ret, struct err *err)
{
	/* Aliases and blacklists of the host's /etc/modprobe.d are not for the guest. */
	const char *no_config[] = { NULL };
	AUTO(kmod_unref) struct kmod_ctx *ctx = kmod_new(folder, no_config);
	AUTO(modules_done) struct modules ms = { 0 };
	int r;

	if (!ctx)
		return err_sys(err, ENOMEM, "%s", folder);
	kmod_set_log_fn(ctx, log_kmod, NULL);
	r = kmod_load_resources(ctx);
	if (r < 0)
		return err_set(err, -r,
			"kernel %s: the indexes in %s cannot be read: run depmod for it", kernel,
			folder);
	for (const struct driver *d = guest_drivers; d->name; d++) {
		if (d->pci && !pci)
			continue;
		r = add_driver(ctx, d, &ms);
		if (r == -ENOENT && !d->required) {
			log_debug("kernel %s: no driver %s, going on without", kernel, d->name);
			continue;
		}
		if (r == -ENOENT)
			return err_set(err, ENOENT,
				"kernel %s: driver %s is neither built in nor a module in %s",
				kernel, d->name, folder);
		if (r < 0)
			return err_sys(err, -r, "kernel %s: driver %s", kernel, d->name);
	}
	*ret = ms;
	ms = (struct modules){ 0 };
	return 0;
}

int modules_check_builtin(
	const void *image, size_t len, const char *kernel, bool pci, struct err *err)
{
	for (const struct driver *d = guest_drivers; d->name; d++)
		if (d->required && (pci || !d->pci) &&
			!memmem(image, len, d->mark, strlen(d->mark) + 1))
			return err_set(err, ENOENT,
				"kernel %s: driver %s is neither built in nor a module: there is "
				"no folder of modules for this kernel in /lib/modules",
				kernel, d->name);
	return 0;
}

int module_read(const struct module *m, struct buf *out, struct err *err)
{
	AUTO(buf_done) struct buf file = { 0 };
	int r = file_read(AT_FDCWD, m->path, MODULE_MAX_BYTES, &file, err);

	if (r < 0)
		return r;
	if (unpack_format(file.data, file.len)) {
		r = unpack(file.data, file.len, MODULE_MAX_BYTES, out, err);
		return r < 0 ? err_prefix(err, "%s: ", m->path) : 0;
	}
	if (!kernel_is_elf(file.data, file.len))
		return err_set(err, EINVAL, "%s: not a kernel module", m->path);
	r = buf_append(out, file.data, file.len);
	return r < 0 ? err_sys(err, -r, "%s", m->path) : 0;
}

void modules_done(struct modules *ms)
{
	for (size_t i = 0; i < ms->n; i++) {
		free(ms->v[i].name);
		free(ms->v[i].path);
	}
	free(ms->v);
	*ms = (struct modules){ 0 };
}
