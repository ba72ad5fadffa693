/* From options to an image, entry by entry of the cache: see recipe.h. */
#include "guest/recipe.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/log.h"
#include "guest/find.h"
#include "guest/kernel.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Part of every key: raise it when what is made from the same input changes. */
#define IMAGE_FORMAT "vmrun guest image 3"

_Static_assert(sizeof(((struct guest_image *)0)->release) == KERNEL_RELEASE_MAX + 1,
	"release fits exactly");

/* One open image at work. */
struct opening {
	int cache;
	const struct recipe_makers *makers; /* NULL: nothing is made */
	struct recipe recipe;
	struct guest_image *image;
};

static int make_text(void *arg, struct buf *out, struct err *err)
{
	int r = buf_append_str(out, arg);

	return r < 0 ? err_sys(err, -r, "cache") : 0;
}

/* Only what does not go away by itself. */
static void keep_failure(int cache, const struct cache_key *key, struct err *why)
{
	struct err ignored = ERR_NONE;
	int fd = -1;

	if (why->code == ENOENT || why->code == EINVAL || why->code == ENOTSUP ||
		why->code == EFBIG)
		fd = cache_get(cache, "unfit", key, make_text, why->msg, &ignored);
	close_fd(&fd);
}

/* err is what somebody has found out before, or stays empty. */
static int tell_failure(int cache, const struct cache_key *key, struct err *err)
{
	struct err unknown = ERR_NONE;
	AUTO_CLOSE int fd = cache_get(cache, "unfit", key, NULL, NULL, &unknown);
	char why[ERR_MSG_MAX] = "";
	ssize_t n = fd < 0 ? 0 : read(fd, why, sizeof(why) - 1);

	return n > 0 ? err_set(err, ENOENT, "%s", why) : 0;
}

static int get(struct opening *o, const char *kind, const struct cache_key *key,
	cache_make_fn *make, struct err *err)
{
	struct err missing = ERR_NONE;
	int fd = cache_get(o->cache, kind, key, NULL, NULL, &missing), r;

	if (fd >= 0)
		return fd;
	r = fd == -ENODATA ? tell_failure(o->cache, key, err) : 0;
	if (r < 0)
		return r;
	if (!make) {
		*err = missing;
		return fd;
	}
	fd = cache_get(o->cache, kind, key, make, &o->recipe, err);
	if (fd < 0)
		keep_failure(o->cache, key, err);
	return fd;
}

/* An ELF kernel is used as it is; anything else goes through the cache. */
static int open_kernel(struct opening *o, const struct cache_key *key, int *ret_fd, struct err *err)
{
	const struct recipe *recipe = &o->recipe;
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
		fd = get(o, "vmlinux", key, o->makers ? o->makers->kernel : NULL, err);
		if (fd < 0)
			return fd;
	}
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int read_release(struct opening *o, const struct cache_key *key,
	char release[static KERNEL_RELEASE_MAX + 1], struct err *err)
{
	AUTO_CLOSE int fd = get(o, "release", key, o->makers ? o->makers->release : NULL, err);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, release, KERNEL_RELEASE_MAX);
	if (n <= 0)
		return err_sys(err, n < 0 ? errno : EIO, "cache: release of %s", o->recipe.kernel);
	release[n] = '\0';
	return 0;
}

/* What every kernel's initramfs is made from. Their faults are no fault of a kernel. */
static int key_of_parts(const struct guest_options *options, struct cache_key *ret, struct err *err)
{
	int r = 0;

	cache_key_init(ret);
	cache_key_add_str(ret, options->pci ? "pci" : NULL);
	if (options->initrd) {
		r = cache_key_add_file(ret, options->initrd, err);
		if (r < 0)
			return err_prefix(err, "initrd ");
	}
	r = cache_key_add_file(ret, options->agent, err);
	return r < 0 ? err_prefix(err, "guest agent: ") : 0;
}

static int key_of_initrd(const struct cache_key *kernel, const struct recipe *recipe,
	struct cache_key *ret, struct err *err)
{
	AUTO_FREE char *index = NULL;
	int r;

	*ret = *kernel;
	cache_key_add_str(ret, recipe->modules);
	cache_key_add_key(ret, &recipe->parts);
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

static int open_initrd(struct opening *o, const struct cache_key *kernel_key, const char *release,
	int *ret_fd, struct err *err)
{
	struct recipe *recipe = &o->recipe;
	AUTO_FREE char *folder = NULL;
	struct cache_key key;
	int r = 0;

	recipe->modules = recipe->options->modules;
	if (!recipe->modules) {
		r = kernel_modules_folder(recipe->kernel, release, &folder, err);
		recipe->modules = folder;
	}
	if (r == 0)
		r = key_of_initrd(kernel_key, recipe, &key, err);
	if (r == 0)
		r = get(o, "initrd", &key, o->makers ? o->makers->initrd : NULL, err);
	if (r >= 0)
		*ret_fd = r;
	recipe->modules = NULL;
	return r < 0 ? r : 0;
}

static int try_kernel(void *arg, const char *path, struct err *err)
{
	struct opening *o = arg;
	AUTO(guest_image_done) struct guest_image image = GUEST_IMAGE_INIT;
	struct cache_key key;
	int r;

	o->recipe.kernel = path;
	cache_key_init(&key);
	cache_key_add_str(&key, IMAGE_FORMAT);
	r = cache_key_add_file(&key, path, err);
	if (r < 0)
		return err_prefix(err, "kernel ");
	r = open_kernel(o, &key, &image.kernel_fd, err);
	if (r < 0)
		return r;
	o->recipe.kernel_fd = image.kernel_fd;
	r = read_release(o, &key, image.release, err);
	if (r == 0)
		r = open_initrd(o, &key, image.release, &image.initrd_fd, err);
	if (r < 0)
		return r;
	image.source = strdup(path);
	if (!image.source)
		return err_sys(err, ENOMEM, "kernel %s", path);
	*o->image = image;
	image = (struct guest_image)GUEST_IMAGE_INIT;
	return 0;
}

int recipe_open(const struct guest_options *options, const struct recipe_makers *makers,
	struct guest_image *ret, struct err *err)
{
	AUTO(kernel_places_done) struct kernel_places places = { .boot = NULL };
	AUTO_CLOSE int cache = cache_open(options->cache_dir, err);
	struct opening o = {
		.cache = cache,
		.makers = makers,
		.recipe.options = options,
		.image = ret,
	};
	int r = cache < 0 ? cache : key_of_parts(options, &o.recipe.parts, err);

	if (r == 0)
		r = kernel_places_system(&places, err);
	return r ? r : kernel_choose(&places, options->kernel, try_kernel, &o, err);
}
