/* Where kernels for guests are, and which of them to take. */
#pragma once

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"

/* Where kernel "auto" looks. Tests bring their own. */
struct kernel_places {
	struct strv own;  /* files: a kernel built for vmrun; the first that exists counts */
	const char *boot; /* folder of the distribution's vmlinuz-<release> */
};

/*
 * Ours beside the running program (a build tree), in the installed vmrun's folder, in
 * /usr/lib/vmrun; then /boot. ret is the caller's, kernel_places_done().
 */
int kernel_places_system(struct kernel_places *ret, struct err *err) CHECKED;
void kernel_places_done(struct kernel_places *places);

DEFINE_AUTO_VAL(kernel_places_done, struct kernel_places)

/*
 * Can this kernel be a guest's? 0, or an error that names the kernel and what it lacks. -ENODATA:
 * that is not known yet, which ends the search.
 */
typedef int kernel_try_fn(void *arg, const char *path, struct err *err);

/*
 * The kernel to boot: option itself, or for NULL and "auto" the first that try accepts: ours, then
 * the newest in boot by version. One that is passed over is told at debug level. When none is left,
 * err names each with its reason, and says what to install or set; with -ENOENT when there was
 * none.
 */
int kernel_choose(const struct kernel_places *places, const char *option, kernel_try_fn *try,
	void *arg, struct err *err) CHECKED;

/*
 * Folder of the kernel's modules: for X/boot/vmlinuz-R X/lib/modules/R or X/usr/lib/modules/R, for
 * .../modules/R/vmlinuz its own folder, else by release in /lib/modules. *ret_folder is the
 * caller's to free, and NULL when there is none: then every driver must be built in.
 */
int kernel_modules_folder(
	const char *path, const char *release, char **ret_folder, struct err *err) CHECKED;
