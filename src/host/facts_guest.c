/* Rows about what a guest is made of: kernel, drivers, our programs, QEMU. See facts.h. */
#include "base/fd.h"
#include "base/program.h"
#include "base/str.h"
#include "guest/kernel.h"
#include "guest/modules.h"
#include "guest/unpack.h"
#include "host/fact_tools.h"
#include "host/qemu.h"

#include <fcntl.h>

#define KERNEL_INSTALL "apt install linux-image-cloud-amd64"

/* The kernel that a pod would boot. */
struct kernel {
	char *path;
	struct buf image; /* as it is on the disk */
	char release[KERNEL_RELEASE_MAX + 1];
};

static void kernel_done(struct kernel *k)
{
	free(k->path);
	buf_done(&k->image);
}

DEFINE_AUTO_VAL(kernel_done, struct kernel)

static int open_kernel(const struct facts_env *env, struct kernel *k, struct err *err)
{
	int r = kernel_find(&kernel_places_system, env->kernel, &k->path, err);

	if (r == 0)
		r = file_read(AT_FDCWD, k->path, UNPACK_MAX_BYTES, &k->image, err);
	if (r == 0) {
		r = kernel_release(k->image.data, k->image.len, k->release, err);
		if (r < 0)
			err_prefix(err, "%s: ", k->path);
	}
	return r;
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

static void found_modules(const struct modules *ms, const char *folder, struct fact *f)
{
	if (!ms->n) {
		fact_found(f, "all built in");
		return;
	}
	fact_found(f, "%zu modules of %s:", ms->n, folder);
	for (size_t i = 0; i < ms->n; i++)
		fact_found(f, " %s", ms->v[i].name);
}

/* A kernel without modules must have its drivers built in, which its image tells. */
static int check_builtin(struct kernel *k, struct fact *f, struct err *err)
{
	AUTO(buf_done) struct buf elf = { 0 };
	int r = kernel_unpack(k->image.data, k->image.len, &elf, err);

	if (r < 0)
		return err_prefix(err, "%s: ", k->path);
	r = modules_check_builtin(elf.data, elf.len, k->path, false, err);
	if (r == 0)
		fact_found(f, "all built in; the kernel has no folder of modules");
	return r;
}

void fact_drivers(const struct facts_env *env, struct fact *f)
{
	AUTO(kernel_done) struct kernel k = { 0 };
	AUTO(modules_done) struct modules ms = { 0 };
	AUTO_FREE char *found = NULL;
	const char *folder = *env->modules ? env->modules : NULL;
	struct err err = ERR_NONE;
	int r = open_kernel(env, &k, &err);

	if (r < 0) {
		fact_found(f, "unknown without a guest kernel");
		fact_mend(f, FACT_FAIL, "see guest kernel");
		return;
	}
	if (!folder) {
		r = kernel_modules_folder(k.path, k.release, &found, &err);
		folder = found;
	}
	if (r == 0 && folder) {
		r = modules_resolve(folder, k.path, false, &ms, &err);
		if (r == 0)
			found_modules(&ms, folder, f);
	} else if (r == 0) {
		r = check_builtin(&k, f, &err);
	}
	if (r == 0)
		return;
	fact_found(f, "%s", err.msg);
	fact_mend(f, FACT_FAIL,
		folder ? "depmod %s, or take another kernel: " KERNEL_INSTALL
		       : "install the modules of %s, or take another kernel: " KERNEL_INSTALL,
		k.release);
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
