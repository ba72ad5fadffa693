/* Which kernel to take: see find.h. Called by guest.c, in vmrun, and for `vmrun check`. */
#include "guest/find.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/program.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWN_KERNEL "vmlinux"
#define MEND                                                                                       \
	"install a kernel package (Debian: linux-image-cloud-amd64) or name a kernel with "        \
	"VMRUN_KERNEL or the setting \"kernel\""

int kernel_places_system(struct kernel_places *ret, struct err *err)
{
	AUTO(kernel_places_done) struct kernel_places places = { .boot = "/boot" };
	char beside[PATH_MAX];
	int r = 0;

	if (program_beside("guest-kernel/" OWN_KERNEL, beside) == 0)
		r = strv_add(&places.own, beside);
	if (r == 0)
		r = strv_add(&places.own, VMRUN_LIBDIR "/" OWN_KERNEL);
	if (r == 0)
		r = strv_add(&places.own, "/usr/lib/vmrun/" OWN_KERNEL);
	if (r < 0)
		return err_sys(err, ENOMEM, "kernel");
	*ret = places;
	places = (struct kernel_places){ .boot = NULL };
	return 0;
}

void kernel_places_done(struct kernel_places *places)
{
	strv_done(&places->own);
}

/* The release of a kernel's file name ("vmlinuz-<release>"), or NULL for other files. */
static const char *release_of_name(const char *name)
{
	size_t n = strlen(name);

	if (strncmp(name, "vmlinuz-", 8) != 0 || n == 8)
		return NULL;
	/* Package managers keep what they replace under such names. */
	if (n > 4 && (memcmp(name + n - 4, ".old", 4) == 0 || memcmp(name + n - 4, ".bak", 4) == 0))
		return NULL;
	if (strstr(name, ".dpkg-"))
		return NULL;
	return name + 8;
}

/* Newest first; /boot/vmlinuz-<release> behind the same prefix. */
static int newer(const void *a, const void *b)
{
	return strverscmp(*(char *const *)b, *(char *const *)a);
}

static int add_boot(const char *boot, struct strv *list, struct err *err)
{
	size_t first = list->n;
	DIR *d = opendir(boot);
	struct dirent *e;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_sys(err, errno, "%s", boot);
	while (r == 0 && (e = readdir(d)))
		if (release_of_name(e->d_name))
			r = strv_addf(list, "%s/%s", boot, e->d_name);
	closedir(d);
	if (r < 0)
		return err_sys(err, ENOMEM, "%s", boot);
	if (list->n > first)
		qsort(list->v + first, list->n - first, sizeof(*list->v), newer);
	return 0;
}

static int list_all(const struct kernel_places *places, struct strv *list, struct err *err)
{
	/* The first that exists stands for all: they are one kernel, perhaps in several versions.
	 */
	for (size_t i = 0; i < places->own.n && list->n == 0; i++)
		if (access(places->own.v[i], F_OK) == 0 && strv_add(list, places->own.v[i]) < 0)
			return err_sys(err, ENOMEM, "kernel");
	return add_boot(places->boot, list, err);
}

static int none_there(const struct kernel_places *places, struct err *err)
{
	return err_set(err, ENOENT, "no guest kernel: neither %s nor %s/vmlinuz-* exists; " MEND,
		places->own.v[places->own.n - 1], places->boot);
}

/* It lacks an entry, or room for one: no other kernel is better off. */
static bool is_of_cache(int code)
{
	return code == ENODATA || code == ENOSPC || code == EDQUOT || code == EROFS;
}

int kernel_choose(const struct kernel_places *places, const char *option, kernel_try_fn *try,
	void *arg, struct err *err)
{
	AUTO(strv_done) struct strv list = { 0 };
	AUTO(buf_done) struct buf why = { 0 };
	int r;

	if (option && !streq(option, "auto"))
		return try(arg, option, err);
	r = list_all(places, &list, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < list.n; i++) {
		struct err unfit = ERR_NONE;

		r = try(arg, list.v[i], &unfit);
		if (r == 0)
			return 0;
		if (is_of_cache(-r)) {
			*err = unfit;
			return r;
		}
		log_debug("passed over: %s", unfit.msg);
		if (buf_printf(&why, "%s%s", i ? "; " : "", unfit.msg) < 0)
			return err_sys(err, ENOMEM, "kernel");
	}
	if (list.n == 0)
		return none_there(places, err);
	/* The mend comes first: the reasons may be longer than a message. */
	return err_set(err, -r, "no kernel here can be a guest's, " MEND ": %s", buf_str(&why));
}

/* "dir/lib/modules/release" when that folder exists. */
static int try_folder(
	const char *dir, size_t dir_len, const char *lib, const char *release, char **ret_folder)
{
	AUTO_FREE char *folder = NULL;

	if (asprintf(&folder, "%.*s%s/modules/%s", (int)dir_len, dir, lib, release) < 0) {
		folder = NULL;
		return -ENOMEM;
	}
	if (access(folder, F_OK) == 0)
		*ret_folder = steal_ptr(&folder);
	return 0;
}

/* The folder of the kernel itself when that is a modules folder. */
static int try_own_folder(const char *path, size_t dir_len, char **ret_folder)
{
	AUTO_FREE char *index = NULL;

	if (asprintf(&index, "%.*s/modules.dep", (int)dir_len, path) < 0) {
		index = NULL;
		return -ENOMEM;
	}
	if (access(index, F_OK) == 0) {
		index[dir_len] = '\0';
		*ret_folder = steal_ptr(&index);
	}
	return 0;
}

int kernel_modules_folder(const char *path, const char *release, char **ret_folder, struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t dir_len = slash ? (size_t)(slash - path) : 0;
	const char *named = release_of_name(name);
	const char *libs[] = { "/lib", "/usr/lib" };
	int r = 0;

	*ret_folder = NULL;
	if (slash)
		r = try_own_folder(path, dir_len, ret_folder);
	if (named && dir_len >= 5 && memcmp(slash - 5, "/boot", 5) == 0)
		for (size_t i = 0; r == 0 && !*ret_folder && i < ARRAY_LEN(libs); i++)
			r = try_folder(path, dir_len - 5, libs[i], named, ret_folder);
	for (size_t i = 0; r == 0 && !*ret_folder && i < ARRAY_LEN(libs); i++)
		r = try_folder("", 0, libs[i], release, ret_folder);
	return r < 0 ? err_sys(err, -r, "modules of %s", path) : 0;
}
