/* Namespaces of a pod's containers by path: see joins.h. */
#include "container/joins.h"

#include "base/auto.h"
#include "base/fd.h"
#include "container/state.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* What config.json, proc and clone(2) call them. */
static const struct kind {
	const char *type, *proc;
	int flag;
	bool handle; /* an anchor has one of its own where the container in the guest has */
} kinds[] = {
	{ "pid", "pid", CLONE_NEWPID, false },
	{ "user", "user", CLONE_NEWUSER, false },
	{ "ipc", "ipc", CLONE_NEWIPC, true },
	{ "uts", "uts", CLONE_NEWUTS, true },
	{ "network", "net", CLONE_NEWNET, true },
};

static const struct kind *kind_of(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (streq(kinds[i].type, type))
			return &kinds[i];
	return NULL;
}

static bool is_named(const char *path, const struct kind *kind, pid_t pid)
{
	char name[48];

	snprintf(name, sizeof(name), "/proc/%d/ns/%s", (int)pid, kind->proc);
	return streq(path, name);
}

static bool is_namespace_of(const struct stat *ns, const struct kind *kind, const char *process)
{
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%s/ns/%s", process, kind->proc);
	return stat(path, &st) == 0 && st.st_dev == ns->st_dev && st.st_ino == ns->st_ino;
}

/* The containers of the pod that have an anchor, as far as they are known to join. */
struct members {
	struct state **v;
	size_t n;
};

static void members_done(struct members *m)
{
	for (size_t i = 0; i < m->n; i++)
		state_free(m->v[i]);
	free(m->v);
}

DEFINE_AUTO_VAL(members_done, struct members)

static int members_open(const struct pod *pod, struct members *ret, struct err *err)
{
	AUTO(strv_done) struct strv ids = { 0 };
	int r = pod_members(pod, &ids, err);

	if (r < 0)
		return r;
	ret->v = calloc(ids.n + 1, sizeof(*ret->v));
	if (!ret->v)
		return err_sys(err, ENOMEM, "namespaces");
	for (size_t i = 0; i < ids.n; i++) {
		struct err ignored = ERR_NONE;
		struct state *s;

		if (state_open(pod->state_root, ids.v[i], false, &s, &ignored) < 0)
			continue;
		if (pidref_alive(&s->anchor))
			ret->v[ret->n++] = s;
		else
			state_free(s);
	}
	return 0;
}

/*
 * Its anchor's name is enough: of kinds that the anchor has none of its own of, that is all there
 * is. Otherwise it must be the anchor's and not our own, which many have.
 */
static bool is_of(
	const struct state *s, const char *path, const struct stat *ns, const struct kind *kind)
{
	char pid[16];

	if (is_named(path, kind, s->anchor.pid))
		return true;
	snprintf(pid, sizeof(pid), "%d", (int)s->anchor.pid);
	return is_namespace_of(ns, kind, pid) && !is_namespace_of(ns, kind, "self");
}

/* *ret: the container of the pod whose namespace it is, or NULL. */
static int find_owner(struct joins *j, const struct members *members, const char *path,
	const struct stat *ns, const struct kind *kind, const char **ret, struct err *err)
{
	*ret = NULL;
	for (size_t i = 0; !*ret && i < members->n; i++) {
		if (!is_of(members->v[i], path, ns, kind))
			continue;
		if (strv_add(&j->ids, members->v[i]->id) < 0)
			return err_sys(err, ENOMEM, "namespaces");
		*ret = j->ids.v[j->ids.n - 1];
	}
	return 0;
}

static void join_on_host(struct joins *j, const struct kind *kind, int *fd)
{
	j->joined[j->joined_count++] =
		(struct anchor_join){ .fd = steal_fd(fd), .kind = kind->flag };
}

static int find_one(struct joins *j, struct spec_namespace *ns, const struct members *members,
	bool sandbox, const char **ret, struct err *err)
{
	const struct kind *kind = kind_of(ns->type);
	AUTO_CLOSE int fd = -1;
	struct stat st;
	int r;

	if (!kind || !ns->path)
		return 0;
	fd = open(ns->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "%s", ns->path);
	r = find_owner(j, members, ns->path, &st, kind, ret, err);
	if (r < 0)
		return r;
	/* A namespace that its caller has made for the pod, for this container first. */
	if (!*ret && sandbox && kind->handle && !is_namespace_of(&st, kind, "self"))
		ns->path = NULL;
	if (*ret && kind->flag == CLONE_NEWUSER)
		ns->path = NULL;
	if (kind->handle && (*ret || !ns->path || kind->flag == CLONE_NEWNET))
		join_on_host(j, kind, &fd);
	return 0;
}

static bool any_by_path(const struct spec *spec)
{
	for (size_t i = 0; i < spec->linux.namespaces.n; i++)
		if (spec->linux.namespaces.v[i].path && kind_of(spec->linux.namespaces.v[i].type))
			return true;
	return false;
}

int joins_find(
	struct joins *j, struct spec *spec, const struct pod *pod, bool sandbox, struct err *err)
{
	AUTO(members_done) struct members members = { 0 };
	size_t n = spec->linux.namespaces.n;
	int r = 0;

	j->container = calloc(n + 1, sizeof(*j->container));
	j->joined = calloc(n + 1, sizeof(*j->joined));
	if (!j->container || !j->joined)
		return err_sys(err, ENOMEM, "namespaces");
	if (any_by_path(spec))
		r = members_open(pod, &members, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = find_one(
			j, &spec->linux.namespaces.v[i], &members, sandbox, &j->container[i], err);
		if (r < 0)
			r = err_prefix(err, "%s: linux.namespaces[%zu].path: ", spec->file, i);
	}
	return r;
}

uint64_t joins_created(const struct joins *j, const struct spec *spec)
{
	uint64_t flags = 0;

	for (size_t i = 0; i < spec->linux.namespaces.n; i++) {
		const struct kind *kind = kind_of(spec->linux.namespaces.v[i].type);

		if (kind && kind->handle)
			flags |= (uint64_t)kind->flag;
	}
	for (unsigned i = 0; i < j->joined_count; i++)
		flags &= ~(uint64_t)j->joined[i].kind;
	return flags;
}

void joins_done(struct joins *j)
{
	for (unsigned i = 0; i < j->joined_count; i++)
		close_fd(&j->joined[i].fd);
	free(j->joined);
	free(j->container);
	strv_done(&j->ids);
	*j = (struct joins){ 0 };
}
