/* Rows about what a guest is made of: kernel, drivers, our programs, QEMU. See facts.h. */
#include "base/fd.h"
#include "base/program.h"
#include "base/str.h"
#include "guest/find.h"
#include "guest/kernel.h"
#include "guest/modules.h"
#include "guest/unpack.h"
#include "host/fact.h"
#include "host/qemu.h"

#include <fcntl.h>

#define KERNEL_INSTALL "apt install linux-image-cloud-amd64"

/* The kernel that a pod would boot. */
struct kernel {
	const struct facts_env *env;
	char *path;
	struct buf image; /* as it is on the disk */
	char release[KERNEL_RELEASE_MAX + 1];
};

static void kernel_done(struct kernel *k)
{
	free(k->path);
	buf_done(&k->image);
	k->path = NULL;
}

DEFINE_AUTO_VAL(kernel_done, struct kernel)

static int read_kernel(struct kernel *k, const char *path, struct err *err)
{
	int r;

	kernel_done(k);
	k->path = strdup(path);
	if (!k->path)
		return err_sys(err, ENOMEM, "kernel");
	r = file_read(AT_FDCWD, path, UNPACK_MAX_BYTES, &k->image, err);
	if (r < 0)
		return r;
	r = kernel_release(k->image.data, k->image.len, k->release, err);
	return r < 0 ? err_prefix(err, "%s: ", path) : 0;
}

/* A kernel without modules must have its drivers built in, which its image tells. */
static int check_builtin(const struct kernel *k, struct err *err)
{
	AUTO(buf_done) struct buf elf = { 0 };
	int r = kernel_unpack(k->image.data, k->image.len, &elf, err);

	if (r < 0)
		return err_prefix(err, "%s: ", k->path);
	return modules_check_builtin(elf.data, elf.len, k->path, false, err);
}

/* *ret_folder: NULL when all drivers are built in, and the caller's to free. */
static int find_drivers(
	const struct kernel *k, struct modules *ret, char **ret_folder, struct err *err)
{
	int r = 0;

	*ret_folder = NULL;
	if (*k->env->modules)
		*ret_folder = strdup(k->env->modules);
	else
		r = kernel_modules_folder(k->path, k->release, ret_folder, err);
	if (r < 0)
		return r;
	return *ret_folder ? modules_resolve(*ret_folder, k->path, false, ret, err)
			   : check_builtin(k, err);
}

static int try_kernel(void *arg, const char *path, struct err *err)
{
	struct kernel *k = arg;
	AUTO(modules_done) struct modules ms = { 0 };
	AUTO_FREE char *folder = NULL;
	int r = read_kernel(k, path, err);

	/* Of one that was named its drivers are another row's business. */
	return r || !streq(k->env->kernel, "auto") ? r : find_drivers(k, &ms, &folder, err);
}

static int open_kernel(const struct facts_env *env, struct kernel *k, struct err *err)
{
	AUTO(kernel_places_done) struct kernel_places places = { .boot = NULL };
	int r = kernel_places_system(&places, err);

	k->env = env;
	return r ? r : kernel_choose(&places, env->kernel, try_kernel, k, err);
}

void fact_kernel(const struct facts_env *env, struct fact *f)
{
	AUTO(kernel_done) struct kernel k = { 0 };
	struct err err = ERR_NONE;
	int r = open_kernel(env, &k, &err);

	if (r == 0) {
		fact_found(f, "%s, release %s", k.path, k.release);
		return;
	}
	fact_found(f, "%s", err.msg);
	if (r == -EACCES)
		fact_mend(f, FACT_FAIL, "run as root, or: chmod a+r %s", k.path ? k.path : "/boot");
	else if (streq(env->kernel, "auto"))
		fact_mend(f, FACT_FAIL, KERNEL_INSTALL);
	else
		fact_mend(f, FACT_FAIL,
			"set VMRUN_KERNEL or the setting \"kernel\" to a vmlinuz or vmlinux");
}

void fact_drivers(const struct facts_env *env, struct fact *f)
{
	AUTO(kernel_done) struct kernel k = { 0 };
	AUTO(modules_done) struct modules ms = { 0 };
	AUTO_FREE char *folder = NULL;
	struct err err = ERR_NONE;

	if (open_kernel(env, &k, &err) < 0) {
		fact_found(f, "unknown without a guest kernel");
		fact_mend(f, FACT_FAIL, "see guest kernel");
		return;
	}
	if (find_drivers(&k, &ms, &folder, &err) < 0) {
		fact_found(f, "%s", err.msg);
		fact_mend(f, FACT_FAIL,
			folder ? "depmod %s, or take another kernel: " KERNEL_INSTALL
			       : "install the modules of %s, or take another "
				 "kernel: " KERNEL_INSTALL,
			k.release);
		return;
	}
	if (!ms.n) {
		fact_found(
			f, "all built in%s", folder ? "" : "; the kernel has no folder of modules");
		return;
	}
	fact_found(f, "%zu modules of %s:", ms.n, folder);
	for (size_t i = 0; i < ms.n; i++)
		fact_found(f, " %s", ms.v[i].name);
}

static void no_qemu(const struct facts_env *env, struct fact *f)
{
	if (env->choice) {
		fact_found(f, "not found, and not needed");
		return;
	}
	fact_found(f, "%s", env->monitors->qemu_why);
	fact_mend(f, FACT_FAIL, QEMU_INSTALL);
}

void fact_qemu(const struct facts_env *env, struct fact *f)
{
	const char *path = env->monitors->qemu;
	AUTO_FREE char *version = NULL;
	struct err err = ERR_NONE;

	if (!path) {
		no_qemu(env, f);
		return;
	}
	if (qemu_version(path, &version, &err) == 0) {
		fact_found(f, "%s, version %s", path, version);
		return;
	}
	fact_found(f, "%s", err.msg);
	fact_mend(f, env->choice && !env->choice->qemu ? FACT_WARN : FACT_FAIL, QEMU_INSTALL);
}

void fact_programs(const struct facts_env *env, struct fact *f)
{
	static const char *const names[] = { "vmrun-vm", "vmrun-proxy", "vmrun-agent" };
	char path[PATH_MAX];

	(void)env;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct err err = ERR_NONE;

		if (program_path(names[i], path, &err) == 0) {
			fact_found(f, "%s%s", i ? ", " : "", path);
			continue;
		}
		f->found[0] = '\0';
		fact_found(f, "%s", err.msg);
		fact_mend(f, FACT_FAIL, "make install, or install the package vmrun again");
		return;
	}
}
