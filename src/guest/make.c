/*
 * Making what the cache lacks: kernels unpacked, modules found, the initramfs written. See make.h.
 * In vmrun-prepare, so that vmrun itself needs none of the libraries for that.
 */
#include "guest/make.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "guest/initramfs.h"
#include "guest/kernel.h"
#include "guest/modules.h"
#include "guest/recipe.h"
#include "guest/unpack.h"

#include <fcntl.h>
#include <stdio.h>

static int make_kernel(void *arg, struct buf *out, struct err *err)
{
	const struct recipe *recipe = arg;
	AUTO(buf_done) struct buf file = { 0 };
	int r = file_read(AT_FDCWD, recipe->kernel, UNPACK_MAX_BYTES, &file, err);

	if (r < 0)
		return err_prefix(err, "kernel ");
	r = kernel_unpack(file.data, file.len, out, err);
	if (r < 0)
		return err_prefix(err, "kernel %s: ", recipe->kernel);
	log_debug("kernel %s: unpacked, %zu bytes", recipe->kernel, out->len);
	return 0;
}

static int make_release(void *arg, struct buf *out, struct err *err)
{
	const struct recipe *recipe = arg;
	AUTO(buf_done) struct buf file = { 0 };
	char release[KERNEL_RELEASE_MAX + 1];
	int r = file_read(AT_FDCWD, recipe->kernel, UNPACK_MAX_BYTES, &file, err);

	if (r < 0)
		return err_prefix(err, "kernel ");
	r = kernel_release(file.data, file.len, release, err);
	if (r < 0)
		return err_prefix(err, "kernel %s: ", recipe->kernel);
	r = buf_append_str(out, release);
	return r < 0 ? err_sys(err, -r, "kernel %s", recipe->kernel) : 0;
}

/* For a kernel that has no folder of modules: the whole image is searched. */
static int check_builtin(const struct recipe *recipe, struct err *err)
{
	AUTO(buf_done) struct buf image = { 0 };
	AUTO_FREE char *link = NULL;
	int r;

	/* Opened anew: the position of kernel_fd belongs to whoever gets it in the end. */
	if (asprintf(&link, "/proc/self/fd/%d", recipe->kernel_fd) < 0) {
		link = NULL;
		return err_sys(err, ENOMEM, "kernel %s", recipe->kernel);
	}
	r = file_read(AT_FDCWD, link, UNPACK_MAX_BYTES, &image, err);
	if (r < 0)
		return err_prefix(err, "kernel %s: ", recipe->kernel);
	return modules_check_builtin(
		image.data, image.len, recipe->kernel, recipe->options->pci, err);
}

/* In front of our archive, whose files then win. The kernel wants each to begin at four bytes. */
static int add_given_initrd(const char *path, struct buf *out, struct err *err)
{
	static const char zeros[4];
	int r = path ? file_read(AT_FDCWD, path, UNPACK_MAX_BYTES, out, err) : 0;

	if (r < 0)
		return err_prefix(err, "initrd ");
	r = buf_append(out, zeros, -out->len % sizeof(zeros));
	return r < 0 ? err_sys(err, -r, "initrd %s", path) : 0;
}

static int make_initrd(void *arg, struct buf *out, struct err *err)
{
	const struct recipe *recipe = arg;
	AUTO(modules_done) struct modules modules = { 0 };
	int r;

	if (recipe->modules)
		r = modules_resolve(
			recipe->modules, recipe->kernel, recipe->options->pci, &modules, err);
	else
		r = check_builtin(recipe, err);
	if (r == 0)
		r = add_given_initrd(recipe->options->initrd, out, err);
	if (r < 0)
		return r;
	r = initramfs_build(recipe->options->agent, &modules, out, err);
	if (r == 0)
		log_debug("initramfs for %s: %zu modules, %zu bytes", recipe->kernel, modules.n,
			out->len);
	return r;
}

int guest_image_make(const struct guest_options *options, struct guest_image *ret, struct err *err)
{
	static const struct recipe_makers makers = {
		.kernel = make_kernel,
		.release = make_release,
		.initrd = make_initrd,
	};

	return recipe_open(options, &makers, ret, err);
}
