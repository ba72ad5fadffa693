/* Pods: see pod.h. */
#include "pod/pod.h"

#include "base/fd.h"
#include "base/json_out.h"
#include "base/path.h"
#include "oci/json.h"
#include "pod/cgroup.h"
#include "pod/json_state.h"
#include "rpc/vmclient.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define KILL_TIMEOUT_MS 30000

static struct pod *pod_new(const char *state_root, const char *name)
{
	struct pod *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->root = p->dir = p->lock = -1;
	p->state_root = strdup(state_root);
	p->name = strdup(name);
	if (!p->state_root || !p->name) {
		pod_free(p);
		return NULL;
	}
	return p;
}

void pod_free(struct pod *p)
{
	if (!p)
		return;
	free(p->state_root);
	free(p->name);
	strv_done(&p->cgroups);
	strv_done(&p->cgroup_parents);
	resctrl_made_done(&p->resctrl);
	close_fd(&p->lock);
	close_fd(&p->dir);
	close_fd(&p->root);
	free(p);
}

void pod_forget(struct pod *p)
{
	p->monitor = (struct pidref){ 0 };
	p->memory_mib = p->overhead_mib = p->vcpus = p->containers = 0;
	p->volumes = p->shared = false;
	strv_done(&p->cgroups);
	strv_done(&p->cgroup_parents);
	resctrl_made_done(&p->resctrl);
}

static int load_machine(struct pod *p, struct err *err)
{
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	const struct json_value *root;
	int r;

	if (!state_dir_has(p->dir, "pod.json"))
		return 0;
	r = json_doc_read(p->dir, "pod.json", "pod.json", 0, &doc, err);
	if (r < 0)
		return r;
	root = json_doc_root(doc);
	r = json_state_get_pidref(root, "monitorPid", "monitorStart", &p->monitor, err);
	if (r == 0)
		r = json_state_get_u64(root, "memoryMiB", &p->memory_mib, err);
	if (r == 0)
		r = json_state_get_u64(root, "overheadMiB", &p->overhead_mib, err);
	if (r == 0)
		r = json_state_get_u64(root, "vcpus", &p->vcpus, err);
	if (r == 0)
		r = json_state_get_u64(root, "containers", &p->containers, err);
	if (r == 0)
		r = json_state_get_bool(root, "volumes", &p->volumes, err);
	if (r == 0)
		r = json_state_get_bool(root, "shared", &p->shared, err);
	return r;
}

static int load_cgroups(struct pod *p, struct err *err)
{
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	const struct json_value *root;
	int r;

	if (!state_dir_has(p->dir, "cgroups.json"))
		return 0;
	r = json_doc_read(p->dir, "cgroups.json", "cgroups.json", 0, &doc, err);
	if (r < 0)
		return r;
	root = json_doc_root(doc);
	r = json_state_get_strings(root, "cgroups", &p->cgroups, err);
	if (r == 0)
		r = json_state_get_strings(root, "cgroupParents", &p->cgroup_parents, err);
	if (r == 0)
		r = json_state_get_strings(root, "resctrl", &p->resctrl.own, err);
	if (r == 0)
		r = json_state_get_strings(root, "resctrlMeant", &p->resctrl.meant, err);
	return r;
}

static int load(struct pod *p, struct err *err)
{
	int r;

	pod_forget(p);
	r = load_machine(p, err);
	if (r == 0)
		r = load_cgroups(p, err);
	return r < 0 ? state_dir_blame(p->dir, err) : 0;
}

static int open_dir(struct pod *p)
{
	close_fd(&p->dir);
	return state_dir_open(p->root, p->name, &p->dir);
}

static int gone(const struct pod *p, struct err *err)
{
	err_clear(err);
	return err_set(err, ENOENT, "pod \"%s\" does not exist", p->name);
}

/* -ENOENT, without an error, when whoever had the lock has removed the pod. */
static int take_lock(struct pod *p, struct err *err)
{
	int r = state_dir_lock(p->dir, true, true, &p->lock, err);

	if (r < 0 || state_dir_has(p->dir, "lock"))
		return r;
	close_fd(&p->lock);
	return -ENOENT;
}

void pod_unlock(struct pod *p)
{
	close_fd(&p->lock);
}

/* The pod's directory with its lock. A removal that is quicker leaves nothing to lock. */
static int make_locked(struct pod *p, bool make, struct err *err)
{
	for (;;) {
		int r = open_dir(p);

		if (r == -ENOENT && !make)
			return gone(p, err);
		if (r == -ENOENT) {
			if (mkdirat(p->root, p->name, 0700) < 0 && errno != EEXIST)
				return state_dir_cannot_make(p->root, p->name, errno, err);
			continue;
		}
		if (r < 0)
			return err_sys(err, -r, "pod \"%s\"", p->name);
		r = take_lock(p, err);
		if (r != -ENOENT || err->code)
			return r;
	}
}

static int add_member(const struct pod *p, const char *member, struct err *err)
{
	AUTO_CLOSE int dir = -1;
	AUTO_CLOSE int file = -1;

	if (mkdirat(p->dir, "members", 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "members");
	dir = openat(p->dir, "members", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0)
		file = openat(dir, member, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return file < 0 ? err_sys(err, errno, "members/%s", member) : 0;
}

int pod_enter(const char *root, const char *name, const char *member, bool make, struct pod **ret,
	struct err *err)
{
	AUTO(pod_free) struct pod *p = pod_new(root, name);
	int r;

	if (!p)
		return err_sys(err, ENOMEM, "pod");
	p->root = state_open_pods(root, true, err);
	if (p->root < 0)
		return p->root;
	r = make_locked(p, make, err);
	if (r < 0)
		return r;
	r = load(p, err);
	if (r == 0) {
		r = add_member(p, member, err);
		r = r < 0 ? state_dir_blame(p->dir, err) : 0;
	}
	/* What a full disk has let come to be. */
	if (r < 0 && pod_is_last(p, member)) {
		struct err ignored = ERR_NONE;

		(void)!pod_leave(p, member, &ignored);
	}
	if (r == 0)
		*ret = steal_ptr(&p);
	return r;
}

int pod_open(const char *root, const char *name, struct pod **ret, struct err *err)
{
	AUTO(pod_free) struct pod *p = pod_new(root, name);
	int r;

	if (!p)
		return err_sys(err, ENOMEM, "pod");
	p->root = state_open_pods(root, false, err);
	r = p->root < 0 ? p->root : open_dir(p);
	if (r == -ENOENT)
		return gone(p, err);
	if (r < 0)
		return err->code ? r : err_sys(err, -r, "pod \"%s\"", name);
	r = load(p, err);
	if (r == 0)
		*ret = steal_ptr(&p);
	return r;
}

int pod_hold(const struct pod *p)
{
	struct err ignored = ERR_NONE;
	AUTO_CLOSE int ctl = -1;

	if (!p->monitor.pid)
		return -ESRCH;
	ctl = vmclient_connect(p->dir, &ignored);
	if (ctl < 0 || vmclient_ask(ctl, VMCTL_HOLD, &ignored) < 0)
		return -ESRCH;
	return steal_fd(&ctl);
}

int pod_save_cgroups(const struct pod *p, struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct json_out out;
	int r;

	json_init(&out, &b, true);
	json_object(&out);
	json_state_put_strings(&out, "cgroups", &p->cgroups);
	json_state_put_strings(&out, "cgroupParents", &p->cgroup_parents);
	json_state_put_strings(&out, "resctrl", &p->resctrl.own);
	json_state_put_strings(&out, "resctrlMeant", &p->resctrl.meant);
	json_end(&out);
	r = json_finish(&out);
	return r < 0 ? err_sys(err, -r, "cgroups.json")
		     : state_file_write(p->dir, "cgroups.json", b.data, b.len, err);
}

int pod_save(const struct pod *p, struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct json_out out;
	int r;

	json_init(&out, &b, true);
	json_object(&out);
	json_key_str(&out, "name", p->name);
	json_state_put_pidref(&out, "monitorPid", "monitorStart", &p->monitor);
	json_state_put_u64(&out, "memoryMiB", p->memory_mib);
	json_state_put_u64(&out, "overheadMiB", p->overhead_mib);
	json_state_put_u64(&out, "vcpus", p->vcpus);
	json_state_put_u64(&out, "containers", p->containers);
	json_key(&out, "volumes");
	json_bool(&out, p->volumes);
	json_key(&out, "shared");
	json_bool(&out, p->shared);
	json_end(&out);
	r = json_finish(&out);
	return r < 0 ? err_sys(err, -r, "pod.json")
		     : state_file_write(p->dir, "pod.json", b.data, b.len, err);
}

int pod_members(const struct pod *p, struct strv *ret, struct err *err)
{
	AUTO_CLOSE int dir = openat(p->dir, "members", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *members = dir < 0 ? NULL : dir_read(dir);
	struct dirent *e;
	int r = 0;

	if (dir < 0 && errno == ENOENT)
		return 0;
	if (!members)
		return err_sys(err, errno, "the containers of pod \"%s\"", p->name);
	while (r == 0 && (e = readdir(members)))
		if (e->d_name[0] != '.')
			r = strv_add(ret, e->d_name);
	closedir(members);
	return r < 0 ? err_sys(err, ENOMEM, "pod") : 0;
}

bool pod_is_last(const struct pod *p, const char *member)
{
	AUTO(strv_done) struct strv members = { 0 };
	struct err ignored = ERR_NONE;
	bool last = pod_members(p, &members, &ignored) == 0;

	for (size_t i = 0; last && i < members.n; i++)
		last = streq(members.v[i], member);
	return last;
}

static int end_pod(struct pod *p, struct err *err)
{
	int r = pidref_kill(&p->monitor, KILL_TIMEOUT_MS);

	if (r < 0)
		return err_sys(err, -r, "cannot end the virtual machine of pod \"%s\"", p->name);
	cgroup_remove(&p->cgroups, &p->cgroup_parents);
	resctrl_remove(&p->resctrl);
	r = state_dir_remove(p->root, p->name, p->dir);
	return r < 0 ? err_sys(err, -r, "cannot remove the state of pod \"%s\"", p->name) : 0;
}

int pod_leave(struct pod *p, const char *member, struct err *err)
{
	char path[PATH_MAX];

	if (pod_is_last(p, member))
		return end_pod(p, err);
	if ((size_t)snprintf(path, sizeof(path), "members/%s", member) < sizeof(path))
		(void)!unlinkat(p->dir, path, 0);
	return 0;
}
