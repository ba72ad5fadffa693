/* User namespaces by path: see userns.h. Called by create. */
#include "container/userns.h"

#include "base/auto.h"
#include "base/fd.h"
#include "base/id_map.h"
#include "base/str.h"
#include "oci/json.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MAP_MAX_BYTES 65536

static struct spec_namespace *find_by_path(struct spec *spec, size_t *ret_index)
{
	for (size_t i = 0; i < spec->linux.namespaces.n; i++) {
		struct spec_namespace *ns = &spec->linux.namespaces.v[i];

		*ret_index = i;
		if (streq(ns->type, "user") && ns->path)
			return ns;
	}
	return NULL;
}

/* A process that is in the namespace until it is killed, or the errno that keeps it from there. */
static void hold(int ns, pid_t parent, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || setns(ns, CLONE_NEWUSER) < 0)
		_exit(errno);
	(void)!write(ready, "", 1);
	for (;;)
		pause();
}

/* -errno of the process, which has ended, or its pid. */
static pid_t start_holder(int ns)
{
	AUTO_CLOSE int ready = -1;
	pid_t self = getpid(), pid;
	int fds[2], status;
	char byte;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	ready = fds[0];
	pid = fork();
	if (pid == 0)
		hold(ns, self, fds[1]);
	close(fds[1]);
	if (pid < 0)
		return -errno;
	if (read(ready, &byte, 1) == 1)
		return pid;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && WEXITSTATUS(status) ? -WEXITSTATUS(status) : -EIO;
}

static int read_map(pid_t pid, const char *file, struct json_doc *doc, struct spec_id_mappings *ret,
	struct err *err)
{
	AUTO_FREE struct id_range *map = NULL;
	AUTO(buf_done) struct buf text = { 0 };
	char path[48];
	size_t n;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	r = file_read(AT_FDCWD, path, MAP_MAX_BYTES, &text, err);
	if (r < 0)
		return r;
	if (!buf_str(&text) || id_map_parse(buf_str(&text), &map, &n) < 0)
		return err_sys(err, ENOMEM, "%s", path);
	*ret = (struct spec_id_mappings){ .v = json_doc_alloc(doc, (n + 1) * sizeof(*ret->v)) };
	if (!ret->v)
		return err_sys(err, ENOMEM, "%s", path);
	for (; ret->n < n; ret->n++)
		ret->v[ret->n] = (struct spec_id_mapping){
			.container_id = map[ret->n].inside,
			.host_id = map[ret->n].outside,
			.size = map[ret->n].count,
		};
	return 0;
}

/* Our own: every id of the container is ours. */
static int identity(struct json_doc *doc, struct spec_id_mappings *ret, struct err *err)
{
	ret->v = json_doc_alloc(doc, sizeof(*ret->v));
	if (!ret->v)
		return err_sys(err, ENOMEM, "id mappings");
	ret->v[0] = (struct spec_id_mapping){ .size = UINT32_MAX };
	ret->n = 1;
	return 0;
}

/* The process that path names it by, which need not be entered, or 0. */
static pid_t named_process(const char *path)
{
	int pid = 0, used = 0;

	return sscanf(path, "/proc/%d/ns/user%n", &pid, &used) == 1 && used && !path[used] ? pid
											   : 0;
}

/* What a namespace is for us is told of a process in it, and of nothing else. */
static int read_maps(const char *path, int ns, struct json_doc *doc, struct spec_id_mappings *uids,
	struct spec_id_mappings *gids, struct err *err)
{
	pid_t named = named_process(path), pid = named ? named : start_holder(ns);
	int r;

	if (pid < 0)
		return err_sys(err, -pid, "cannot enter %s to read its mappings", path);
	r = read_map(pid, "uid_map", doc, uids, err);
	if (r == 0)
		r = read_map(pid, "gid_map", doc, gids, err);
	if (named)
		return r;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

static bool is_our_own(int ns)
{
	struct stat own, st;

	return fstat(ns, &st) == 0 && stat("/proc/self/ns/user", &own) == 0 &&
	       st.st_dev == own.st_dev && st.st_ino == own.st_ino;
}

static bool same(const struct spec_id_mappings *a, const struct spec_id_mappings *b)
{
	bool same = a->n == b->n;

	for (size_t i = 0; same && i < a->n; i++)
		same = a->v[i].container_id == b->v[i].container_id &&
		       a->v[i].host_id == b->v[i].host_id && a->v[i].size == b->v[i].size;
	return same;
}

static int take(const struct spec *spec, const char *field, const struct spec_id_mappings *of_path,
	struct spec_id_mappings *to, struct err *err)
{
	if (to->n && !same(of_path, to))
		return err_set(err, EINVAL,
			"%s: linux.%s: not those of the user namespace whose path is given",
			spec->file, field);
	for (size_t i = 0; i < of_path->n; i++)
		if (of_path->v[i].host_id == UINT32_MAX)
			return err_set(err, EPERM, "it has ids that are none of ours");
	*to = *of_path;
	return 0;
}

/*
 * Our own is also that of the anchors of our containers, by which callers name theirs: then they
 * know the mappings, and say them.
 */
static int resolve_own(struct spec *spec, struct err *err)
{
	struct spec_linux *l = &spec->linux;
	int r = l->uid_mappings.n ? 0 : identity(spec->doc, &l->uid_mappings, err);

	return r || l->gid_mappings.n ? r : identity(spec->doc, &l->gid_mappings, err);
}

static int resolve(struct spec *spec, const char *path, int ns, struct err *err)
{
	struct spec_id_mappings uids = { 0 }, gids = { 0 };
	int r;

	if (ioctl(ns, NS_GET_NSTYPE) != CLONE_NEWUSER)
		return err_set(err, EINVAL, "%s is not a user namespace", path);
	if (is_our_own(ns))
		return resolve_own(spec, err);
	r = read_maps(path, ns, spec->doc, &uids, &gids, err);
	if (r == 0)
		r = take(spec, "uidMappings", &uids, &spec->linux.uid_mappings, err);
	return r ? r : take(spec, "gidMappings", &gids, &spec->linux.gid_mappings, err);
}

int userns_resolve(struct spec *spec, struct err *err)
{
	size_t i;
	struct spec_namespace *ns = find_by_path(spec, &i);
	AUTO_CLOSE int fd = -1;
	int r;

	if (!ns)
		return 0;
	fd = open(ns->path, O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? err_sys(err, errno, "%s", ns->path) : resolve(spec, ns->path, fd, err);
	if (r < 0)
		return str_after(err->msg, spec->file)
			       ? r
			       : err_prefix(err, "%s: linux.namespaces[%zu].path: ", spec->file, i);
	ns->path = NULL;
	return 0;
}
