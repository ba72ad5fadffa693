/* From options to an image that can be booted: see guest.h. Called by src/pod, in vmrun. */
#include "guest/guest.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "guest/cache.h"
#include "guest/initramfs.h"
#include "guest/kernel.h"
#include "guest/modules.h"
#include "guest/unpack.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Part of every key: raise it when what is made from the same input changes. */
#define IMAGE_FORMAT "vmrun guest image 2"

_Static_assert(sizeof(((struct guest_image *)0)->release) == KERNEL_RELEASE_MAX + 1,
	"release fits exactly");

/* What the makers of cache entries get. */
struct recipe {
	const struct guest_options *options;
	const char *kernel;
	const char *modules; /* NULL: everything is built in */
	int kernel_fd;	     /* the uncompressed kernel */
};

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

/* An ELF kernel is used as it is; anything else goes through the cache. */
static int open_kernel(
	int cache, const struct cache_key *key, struct recipe *recipe, int *ret_fd, struct err *err)
{
	AUTO_CLOSE int fd = open(recipe->kernel, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char head[64];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "kernel %s", recipe->kernel);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "kernel %s: not a file", recipe->kernel);
	n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return err_sys(err, errno, "kernel %s", recipe->kernel);
	if (!kernel_is_elf(head, (size_t)n)) {
		close_fd(&fd);
		fd = cache_get(cache, "vmlinux", key, make_kernel, recipe, err);
		if (fd < 0)
			return fd;
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int read_release(int cache, const struct cache_key *key, struct recipe *recipe,
	char release[static KERNEL_RELEASE_MAX + 1], struct err *err)
{
	AUTO_CLOSE int fd = cache_get(cache, "release", key, make_release, recipe, err);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, release, KERNEL_RELEASE_MAX);
	if (n <= 0)
		return err_sys(err, n < 0 ? errno : EIO, "cache: release of %s", recipe->kernel);
	release[n] = '\0';
	return 0;
}

static int key_of_initrd(const struct cache_key *kernel, const struct recipe *recipe,
	struct cache_key *ret, struct err *err)
{
	AUTO_FREE char *index = NULL;
	int r;

	*ret = *kernel;
	cache_key_add_str(ret, recipe->modules);
	cache_key_add_str(ret, recipe->options->pci ? "pci" : NULL);
	if (recipe->options->initrd) {
		r = cache_key_add_file(ret, recipe->options->initrd, err);
		if (r < 0)
			return err_prefix(err, "initrd ");
	}
	r = cache_key_add_file(ret, recipe->options->agent, err);
	if (r < 0)
		return err_prefix(err, "guest agent: ");
	if (!recipe->modules)
		return 0;
	/* depmod writes it anew whenever modules come or go. */
	if (asprintf(&index, "%s/modules.dep.bin", recipe->modules) < 0) {
		index = NULL;
		return err_sys(err, ENOMEM, "%s", recipe->modules);
	}
	r = cache_key_add_file(ret, index, err);
	if (r < 0)
		return err_prefix(err,
			"kernel %s: its modules are not indexed, run depmod for it: ",
			recipe->kernel);
	return 0;
}

static int open_initrd(int cache, const struct cache_key *kernel_key, const char *release,
	struct recipe *recipe, int *ret_fd, struct err *err)
{
	AUTO_FREE char *folder = NULL;
	struct cache_key key;
	int r, fd;

	recipe->modules = recipe->options->modules;
	if (!recipe->modules) {
		r = kernel_modules_folder(recipe->kernel, release, &folder, err);
		if (r < 0)
			return r;
		recipe->modules = folder;
	}
	r = key_of_initrd(kernel_key, recipe, &key, err);
	if (r == 0) {
		fd = cache_get(cache, "initrd", &key, make_initrd, recipe, err);
		if (fd < 0)
			r = fd;
		else
			*ret_fd = fd;
	}
	recipe->modules = NULL;
	return r;
}

int guest_image_open(const struct guest_options *options, struct guest_image *ret, struct err *err)
{
	AUTO(guest_image_done) struct guest_image image = GUEST_IMAGE_INIT;
	AUTO_CLOSE int cache = cache_open(options->cache_dir, err);
	struct recipe recipe = { .options = options };
	struct cache_key key;
	int r;

	if (cache < 0)
		return cache;
	r = kernel_find(&kernel_places_system, options->kernel, &image.source, err);
	if (r < 0)
		return r;
	recipe.kernel = image.source;
	cache_key_init(&key);
	cache_key_add_str(&key, IMAGE_FORMAT);
	r = cache_key_add_file(&key, image.source, err);
	if (r < 0)
		return err_prefix(err, "kernel ");
	r = open_kernel(cache, &key, &recipe, &image.kernel_fd, err);
	if (r < 0)
		return r;
	recipe.kernel_fd = image.kernel_fd;
	r = read_release(cache, &key, &recipe, image.release, err);
	if (r < 0)
		return r;
	r = open_initrd(cache, &key, image.release, &recipe, &image.initrd_fd, err);
	if (r < 0)
		return r;
	*ret = image;
	image = (struct guest_image)GUEST_IMAGE_INIT;
	return 0;
}

void guest_image_done(struct guest_image *image)
{
	close_fd(&image->kernel_fd);
	close_fd(&image->initrd_fd);
	free(image->source);
	*image = (struct guest_image)GUEST_IMAGE_INIT;
}
