/* Rights for who has none: see rootless.h. Called by create and exec. */
#include "pod/rootless.h"

#include "base/auto.h"
#include "base/capability.h"
#include "base/command.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "pod/subids.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define ID_FILE_MAX    (1 << 20)
#define NUMBER_MAX     12
#define TOOL_TIMEOUT_S 60

/* What helper() has done, as its exit status. */
enum { UIDS_MAPPED = 1, GIDS_MAPPED = 2 };

/* "" when it cannot be read: then nobody is told of in it. */
static const char *read_text(const char *path, struct buf *b)
{
	struct err ignored = ERR_NONE;

	if (file_read(AT_FDCWD, path, ID_FILE_MAX, b, &ignored) < 0 || !buf_str(b))
		return "";
	return buf_str(b);
}

static int read_ids(struct rootless *r)
{
	AUTO(buf_done) struct buf passwd = { 0 };
	AUTO(buf_done) struct buf uids = { 0 };
	AUTO(buf_done) struct buf gids = { 0 };
	const char *names = read_text("/etc/passwd", &passwd), *user = getenv("USER");
	int e = subids_map(read_text("/etc/subuid", &uids), names, user, geteuid(), geteuid(),
		&r->uids, &r->uid_count);

	return e ? e
		 : subids_map(read_text("/etc/subgid", &gids), names, user, geteuid(), getegid(),
			   &r->gids, &r->gid_count);
}

/* Of the caller's PATH: these programs act with no rights that are ours. */
static bool find_tool(const char *name, char path[PATH_MAX])
{
	const char *list = getenv("PATH");
	AUTO_FREE char *copy = strdup(list && *list ? list : "/usr/bin:/bin");
	char *rest = copy, *dir;

	while ((dir = strsep(&rest, ":"))) {
		snprintf(path, PATH_MAX, "%s/%s", dir, name);
		if (*dir == '/' && access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* newuidmap PID INSIDE OUTSIDE COUNT... (newuidmap(1)) */
static bool run_tool(const char *name, pid_t pid, const struct id_range *map, size_t count)
{
	AUTO(strv_done) struct strv args = { 0 };
	char path[PATH_MAX];
	struct command c = { .path = path, .input = -1, .timeout_s = TOOL_TIMEOUT_S };
	struct err err = ERR_NONE;
	int r = strv_add(&args, name);

	/* Nothing is given but his own, which needs no tool. */
	if (count < 2)
		return false;
	if (!find_tool(name, path)) {
		log_info("%s is not installed, so there are no ids but your own", name);
		return false;
	}
	if (r == 0)
		r = strv_addf(&args, "%d", (int)pid);
	for (size_t i = 0; r == 0 && i < count; i++) {
		r = strv_addf(&args, "%u", map[i].inside);
		if (r == 0)
			r = strv_addf(&args, "%u", map[i].outside);
		if (r == 0)
			r = strv_addf(&args, "%u", map[i].count);
	}
	if (r < 0)
		return false;
	c.args = (const char *const *)args.v;
	r = command_run(&c, &err);
	if (r < 0)
		log_info("%s; there are no ids but your own", err.msg);
	return r == 0;
}

/* A process that stays where the tools have their rights, until its parent is in its namespace. */
static void helper(const struct rootless *r, pid_t parent, int go)
{
	int done = 0;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || read(go, &byte, 1) != 1)
		_exit(0);
	if (run_tool("newuidmap", parent, r->uids, r->uid_count))
		done |= UIDS_MAPPED;
	if (run_tool("newgidmap", parent, r->gids, r->gid_count))
		done |= GIDS_MAPPED;
	_exit(done);
}

static int cannot_make(int code, struct err *err)
{
	const char *why = code == ENOSPC || code == EUSERS ? " (user.max_user_namespaces)"
			  : code == EPERM ? " (a container without CAP_SYS_ADMIN, or the sysctl "
					    "kernel.unprivileged_userns_clone)"
					  : "";

	return err_sys(err, code,
		"without CAP_SYS_ADMIN vmrun needs a user namespace, which cannot be made here%s",
		why);
}

/* The kernel lets one who may not drop groups map one group only, and so for users. */
static int map_own_ids(struct rootless *r, int done, struct err *err)
{
	int e = 0;

	if (!(done & UIDS_MAPPED)) {
		r->uid_count = 1;
		e = id_map_write(getpid(), "uid_map", r->uids, 1, err);
	}
	if (e == 0 && !(done & GIDS_MAPPED)) {
		r->gid_count = 1;
		e = file_write_at(AT_FDCWD, "/proc/self/setgroups", "deny");
		e = e < 0 ? err_sys(err, -e, "/proc/self/setgroups")
			  : id_map_write(getpid(), "gid_map", r->gids, 1, err);
	}
	return e;
}

static int make_user_namespace(struct rootless *r, struct err *err)
{
	AUTO_CLOSE int go = -1;
	pid_t self = getpid(), pid;
	int fds[2], status = 0, e = 0;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "user namespace");
	go = fds[1];
	pid = fork();
	if (pid == 0) {
		close(go);
		helper(r, self, fds[0]);
	}
	close(fds[0]);
	if (pid < 0)
		return err_sys(err, errno, "user namespace");
	if (unshare(CLONE_NEWUSER) < 0)
		e = cannot_make(errno, err);
	else if (write(go, "", 1) != 1)
		e = err_sys(err, errno, "user namespace");
	close_fd(&go);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	r->mapped = e == 0;
	return e ? e : map_own_ids(r, WIFEXITED(status) ? WEXITSTATUS(status) : 0, err);
}

/* Whether mounts can be made in the mount namespace that we are in. */
static bool mounts_are_ours(void)
{
	AUTO_CLOSE int fd = open_tree(AT_FDCWD, "/", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

	return fd >= 0 || errno != EPERM;
}

/* It must outlive us: what is mounted below a share would not be found any more. */
static int make_mount_namespace(int *ret, struct err *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return err_sys(err, errno,
			"a mount namespace cannot be made here (AppArmor's "
			"kernel.apparmor_restrict_unprivileged_userns, or "
			"user.max_mnt_namespaces)");
	*ret = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	return *ret < 0 ? err_sys(err, errno, "/proc/self/ns/mnt") : 0;
}

int rootless_enter(struct rootless *ret, struct err *err)
{
	int e = 0;

	ret->uid = geteuid();
	if (!capability_effective(CAP_SYS_ADMIN)) {
		if (read_ids(ret) < 0)
			return err_sys(err, ENOMEM, "user namespace");
		e = make_user_namespace(ret, err);
	}
	return e || mounts_are_ours() ? e : make_mount_namespace(&ret->mounts, err);
}

void rootless_done(struct rootless *r)
{
	close_fd(&r->mounts);
	free(r->uids);
	free(r->gids);
	r->uids = r->gids = NULL;
}

int rootless_join(pid_t anchor, struct err *err)
{
	AUTO_CLOSE int user = -1;
	AUTO_CLOSE int mounts = -1;
	char path[32];

	if (!capability_effective(CAP_SYS_ADMIN)) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)anchor);
		user = open(path, O_RDONLY | O_CLOEXEC);
		if (user < 0 || setns(user, CLONE_NEWUSER) < 0)
			return err_sys(err, errno, "cannot enter the container's user namespace");
	}
	return mounts_are_ours() ? 0 : make_mount_namespace(&mounts, err);
}

static void print_ids(const struct id_range *map, size_t count, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < count && n + 2 * NUMBER_MAX < size; i++) {
		n += (size_t)snprintf(out + n, size - n, "%s%u", i ? ", " : "", map[i].outside);
		if (map[i].count > 1)
			n += (size_t)snprintf(
				out + n, size - n, " to %u", map[i].outside + map[i].count - 1);
	}
}

static int translate_list(const struct id_range *map, size_t count, const char *file,
	const char *field, struct spec_id_mappings *list, struct err *err)
{
	char own[160];

	for (size_t i = 0; i < list->n; i++) {
		struct spec_id_mapping *m = &list->v[i];
		uint32_t first, last;

		if (id_map_inward(map, count, m->host_id, &first) &&
			id_map_inward(map, count, m->host_id + m->size - 1, &last) &&
			last - first == m->size - 1) {
			m->host_id = first;
			continue;
		}
		print_ids(map, count, own, sizeof(own));
		return err_set(err, EPERM,
			"%s: %s[%zu]: ids %u to %u of the host are not yours, which are %s", file,
			field, i, m->host_id, m->host_id + m->size - 1, own);
	}
	return 0;
}

static int translate_both(const struct rootless *r, const char *file, const char *section,
	struct spec_id_mappings *uids, struct spec_id_mappings *gids, struct err *err)
{
	char field[64];
	int e;

	snprintf(field, sizeof(field), "%s.uidMappings", section);
	e = translate_list(r->uids, r->uid_count, file, field, uids, err);
	snprintf(field, sizeof(field), "%s.gidMappings", section);
	return e ? e : translate_list(r->gids, r->gid_count, file, field, gids, err);
}

int rootless_translate(const struct rootless *r, struct spec *spec, struct err *err)
{
	int e;

	if (!r->mapped)
		return 0;
	e = translate_both(
		r, spec->file, "linux", &spec->linux.uid_mappings, &spec->linux.gid_mappings, err);
	for (size_t i = 0; e == 0 && i < spec->mounts.n; i++) {
		struct spec_mount *m = &spec->mounts.v[i];
		char section[32];

		snprintf(section, sizeof(section), "mounts[%zu]", i);
		e = translate_both(r, spec->file, section, &m->uid_mappings, &m->gid_mappings, err);
	}
	return e;
}
