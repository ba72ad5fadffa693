/* The state directory: see state.h. */
#include "container/state.h"

#include "base/fd.h"
#include "base/json_out.h"
#include "base/path.h"
#include "oci/json.h"
#include "oci/parse.h"
#include "pod/cgroup.h"
#include "pod/json_state.h"
#include "pod/runtime.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define RECORD_MAX_BYTES 128
#define EXIT_POD_DIED	 137

static int load_cgroups(struct state *s, struct err *err);

static const char *const names[] = {
	[STATUS_CREATING] = "creating",
	[STATUS_CREATED] = "created",
	[STATUS_RUNNING] = "running",
	[STATUS_PAUSED] = "paused",
	[STATUS_STOPPED] = "stopped",
};

const char *status_name(enum status s)
{
	return names[s];
}

static struct state *state_new(const char *root, const char *id)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->all = s->dir = s->lock = s->pod_dir = -1;
	s->root = strdup(root);
	s->id = strdup(id);
	if (!s->root || !s->id) {
		state_free(s);
		return NULL;
	}
	return s;
}

void state_free(struct state *s)
{
	if (!s)
		return;
	free(s->root);
	free(s->id);
	free(s->pod);
	free(s->bundle);
	free(s->rootfs);
	free(s->created);
	free(s->oci_version);
	strv_done(&s->annotations);
	strv_done(&s->cgroups);
	strv_done(&s->cgroup_parents);
	close_fd(&s->lock);
	close_fd(&s->pod_dir);
	close_fd(&s->dir);
	close_fd(&s->all);
	free(s);
}

int state_write(
	const struct state *s, const char *name, const void *data, size_t len, struct err *err)
{
	return state_file_write(s->dir, name, data, len, err);
}

int state_read_spec(const struct state *s, struct spec **ret, struct err *err)
{
	int r = spec_read(s->dir, "config.json", "config.json", ret, err);

	return r < 0 ? state_dir_blame(s->dir, err) : 0;
}

static int open_dir(struct state *s)
{
	return state_dir_open(s->all, s->id, &s->dir);
}

static int no_such(const struct state *s, struct err *err)
{
	err_clear(err);
	return err_set(err, ENOENT, "container \"%s\" does not exist", s->id);
}

/* make: the lock may be missing, as this create has made the directory, or one that was killed. */
static int take_lock(struct state *s, bool wait, bool make, struct err *err)
{
	int r = state_dir_lock(s->dir, wait, make, &s->lock, err);

	if (r != -ENOENT || err->code)
		return r;
	if (!make)
		return no_such(s, err);
	err_sys(err, ENOENT, "lock");
	return state_dir_blame(s->dir, err);
}

int state_lock(struct state *s, struct err *err)
{
	int r = take_lock(s, true, false, err);

	/* Whoever had the lock may have deleted it. */
	if (r == 0 && !state_dir_has(s->dir, "lock"))
		r = no_such(s, err);
	return r;
}

void state_unlock(struct state *s)
{
	close_fd(&s->lock);
}

/* The pod's directory, which may be gone, or not be there yet. */
static int open_pod_dir(struct state *s, struct err *err)
{
	AUTO_CLOSE int pods = state_open_pods(s->root, false, err);
	int r = pods;

	close_fd(&s->pod_dir);
	if (r >= 0)
		r = state_dir_open(pods, s->pod, &s->pod_dir);
	if (r == -ENOENT)
		return 0;
	return r < 0 && !err->code ? err_sys(err, -r, "pod \"%s\"", s->pod) : r;
}

static int load_pod(struct state *s, struct err *err)
{
	AUTO(buf_done) struct buf name = { 0 };
	const char *pod = s->id;
	int r = state_dir_has(s->dir, "pod") ? file_read(s->dir, "pod", ID_MAX, &name, err) : 0;

	if (r == 0 && name.len) {
		pod = buf_str(&name);
		r = pod ? id_check(pod, err) : err_set(err, EINVAL, "pod: not a name");
	}
	if (r < 0)
		return r;
	free(s->pod);
	s->pod = strdup(pod);
	return s->pod ? open_pod_dir(s, err) : err_sys(err, ENOMEM, "state");
}

int state_set_pod(struct state *s, const char *pod, struct err *err)
{
	free(s->pod);
	s->pod = strdup(pod);
	if (!s->pod)
		return err_sys(err, ENOMEM, "state");
	return streq(pod, s->id) ? 0 : state_write(s, "pod", pod, strlen(pod), err);
}

static int leave_pod(const struct state *s, struct err *err)
{
	AUTO(pod_free) struct pod *pod = NULL;
	int r = pod_enter(s->root, s->pod, s->id, false, &pod, err);

	if (r == -ENOENT) {
		err_clear(err);
		return 0;
	}
	return r ? r : pod_leave(pod, s->id, err);
}

int state_remove(struct state *s, struct err *err)
{
	int r;

	if (!s->cgroups_of_pod)
		cgroup_remove(&s->cgroups, &s->cgroup_parents);
	r = s->pod ? leave_pod(s, err) : 0;
	if (r < 0)
		return r;
	r = state_dir_remove(s->all, s->id, s->dir);
	return r < 0 ? err_sys(err, -r, "cannot remove the state of \"%s\"", s->id) : 0;
}

/* Something has the id: a container, a create at work, or what a killed create has left. */
static int take_over(struct state *s, struct err *err)
{
	int r = open_dir(s);

	if (r < 0)
		return err_sys(err, -r, "container \"%s\"", s->id);
	if (state_dir_has(s->dir, "state.json"))
		return err_set(err, EEXIST, "a container with the id \"%s\" exists", s->id);
	r = take_lock(s, false, true, err);
	if (r == -EAGAIN) {
		err_clear(err);
		return err_set(
			err, EEXIST, "a container with the id \"%s\" exists, being created", s->id);
	}
	if (r == 0)
		r = load_pod(s, err);
	if (r == 0 && state_dir_has(s->dir, "cgroups.json"))
		r = load_cgroups(s, err);
	if (r == 0)
		r = state_remove(s, err);
	strv_done(&s->cgroups);
	strv_done(&s->cgroup_parents);
	close_fd(&s->lock);
	close_fd(&s->pod_dir);
	close_fd(&s->dir);
	return r;
}

int state_create(const char *root, const char *id, struct state **ret, struct err *err)
{
	AUTO(state_free) struct state *s = NULL;
	int r = id_check(id, err);

	if (r < 0)
		return r;
	s = state_new(root, id);
	if (!s)
		return err_sys(err, ENOMEM, "state");
	s->all = state_open_containers(root, true, err);
	if (s->all < 0)
		return s->all;
	while (mkdirat(s->all, id, 0700) < 0) {
		if (errno != EEXIST)
			return state_dir_cannot_make(s->all, id, errno, err);
		r = take_over(s, err);
		if (r < 0)
			return r;
	}
	r = open_dir(s);
	if (r < 0)
		return err_sys(err, -r, "container \"%s\"", id);
	r = take_lock(s, false, true, err);
	if (r < 0) {
		unlinkat(s->all, id, AT_REMOVEDIR);
		return r;
	}
	*ret = steal_ptr(&s);
	return 0;
}

static int get_cgroups(struct state *s, const struct json_value *root, struct err *err)
{
	int r = json_state_get_strings(root, "cgroups", &s->cgroups, err);

	return r ? r : json_state_get_strings(root, "cgroupParents", &s->cgroup_parents, err);
}

/* Of a create that has not ended, or was killed. */
static int load_cgroups(struct state *s, struct err *err)
{
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	int r = json_doc_read(s->dir, "cgroups.json", "cgroups.json", 0, &doc, err);

	if (r == 0)
		r = get_cgroups(s, json_doc_root(doc), err);
	return r;
}

static int load(struct state *s, struct err *err)
{
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	const struct json_value *root;
	int r = json_doc_read(s->dir, "state.json", "state.json", 0, &doc, err);

	if (r < 0)
		return r;
	root = json_doc_root(doc);
	r = json_state_get_str(root, "bundle", &s->bundle, err);
	if (r == 0)
		r = json_state_get_str(root, "rootfs", &s->rootfs, err);
	if (r == 0)
		r = json_state_get_str(root, "created", &s->created, err);
	if (r == 0)
		r = json_state_get_str(root, "ociVersion", &s->oci_version, err);
	if (r == 0)
		r = json_state_get_strings(root, "annotations", &s->annotations, err);
	if (r == 0)
		r = get_cgroups(s, root, err);
	if (r == 0)
		r = json_state_get_bool(root, "cgroupsOfPod", &s->cgroups_of_pod, err);
	if (r == 0)
		r = json_state_get_u64(root, "owner", &s->owner_uid, err);
	if (r == 0)
		r = json_state_get_pidref(root, "anchorPid", "anchorStart", &s->anchor, err);
	return r;
}

static int open_existing(struct state *s, bool lock, struct err *err)
{
	int r = s->all = state_open_containers(s->root, false, err);

	if (r >= 0)
		r = open_dir(s);
	if (r == -ENOENT || r == -ENOTDIR)
		return no_such(s, err);
	if (r < 0)
		return err->code ? r : err_sys(err, -r, "container \"%s\"", s->id);
	if (lock) {
		r = state_lock(s, err);
		if (r < 0)
			return r;
	}
	r = load_pod(s, err);
	if (r == 0 && state_dir_has(s->dir, "state.json"))
		r = load(s, err);
	else if (r == 0 && state_dir_has(s->dir, "cgroups.json"))
		r = load_cgroups(s, err);
	return r < 0 ? state_dir_blame(s->dir, err) : 0;
}

int state_open(const char *root, const char *id, bool lock, struct state **ret, struct err *err)
{
	AUTO(state_free) struct state *s = NULL;
	int r = id_check(id, err);

	if (r < 0)
		return r;
	s = state_new(root, id);
	if (!s)
		return err_sys(err, ENOMEM, "state");
	r = open_existing(s, lock, err);
	if (r < 0)
		return r;
	*ret = steal_ptr(&s);
	return 0;
}

static void put_annotations(struct json_out *out, const struct state *s)
{
	json_key(out, "annotations");
	json_object(out);
	for (size_t i = 0; i + 1 < s->annotations.n; i += 2)
		json_key_str(out, s->annotations.v[i], s->annotations.v[i + 1]);
	json_end(out);
}

static void put_cgroups(struct json_out *out, const struct state *s)
{
	json_state_put_strings(out, "cgroups", &s->cgroups);
	json_state_put_strings(out, "cgroupParents", &s->cgroup_parents);
}

int state_save_cgroups(struct state *s, struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct json_out out;
	int r;

	json_init(&out, &b, true);
	json_object(&out);
	put_cgroups(&out, s);
	json_end(&out);
	r = json_finish(&out);
	return r < 0 ? err_sys(err, -r, "cgroups.json")
		     : state_write(s, "cgroups.json", b.data, b.len, err);
}

int state_save(struct state *s, struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct json_out out;
	int r;

	json_init(&out, &b, true);
	json_object(&out);
	json_key_str(&out, "ociVersion", s->oci_version);
	json_key_str(&out, "id", s->id);
	json_key_str(&out, "bundle", s->bundle);
	json_key_str(&out, "rootfs", s->rootfs);
	json_key_str(&out, "created", s->created);
	json_state_put_u64(&out, "owner", s->owner_uid);
	json_state_put_pidref(&out, "anchorPid", "anchorStart", &s->anchor);
	put_cgroups(&out, s);
	json_key(&out, "cgroupsOfPod");
	json_bool(&out, s->cgroups_of_pod);
	put_annotations(&out, s);
	json_end(&out);
	r = json_finish(&out);
	return r < 0 ? err_sys(err, -r, "state.json")
		     : state_write(s, "state.json", b.data, b.len, err);
}

struct limits_target state_limits_target(const struct state *s, const struct pod *pod)
{
	return (struct limits_target){
		.cgroups = &s->cgroups,
		.memory_mib = s->cgroups_of_pod ? pod->memory_mib : 0,
		.overhead_mib = s->cgroups_of_pod ? pod->overhead_mib : LIMITS_ANCHORS_MIB,
	};
}

enum status state_status(const struct state *s)
{
	if (!s->bundle)
		return STATUS_CREATING;
	if (state_dir_has(s->dir, "exit") || !pidref_alive(&s->anchor))
		return STATUS_STOPPED;
	if (state_dir_has(s->dir, "paused"))
		return STATUS_PAUSED;
	return state_dir_has(s->dir, "started") ? STATUS_RUNNING : STATUS_CREATED;
}

int state_require(const struct state *s, unsigned allowed, const char *verb, struct err *err)
{
	enum status now = state_status(s);

	if (allowed & 1U << now)
		return 0;
	if (now == STATUS_STOPPED)
		return err_set(err, EBUSY,
			"cannot %s container \"%s\": container not running (it is stopped)", verb,
			s->id);
	return err_set(
		err, EBUSY, "cannot %s container \"%s\": it is %s", verb, s->id, status_name(now));
}

int state_mark(struct state *s, const char *marker, bool on, struct err *err)
{
	if (on)
		return state_write(s, marker, "", 0, err);
	if (unlinkat(s->dir, marker, 0) < 0 && errno != ENOENT) {
		err_sys(err, errno, "%s", marker);
		return state_dir_blame(s->dir, err);
	}
	return 0;
}

/* "<status> <time in ns> <oom 0|1>" */
static int parse_exit(char *text, struct exit_record *ret)
{
	char *save = NULL, *status = strtok_r(text, " \n", &save);
	char *at = strtok_r(NULL, " \n", &save), *oom = strtok_r(NULL, " \n", &save);
	uint64_t value;

	if (!status || str_to_u64(status, &value) < 0 || value > 255)
		return -EINVAL;
	ret->status = (int)value;
	if (!at || str_to_i64(at, &ret->at_ns) < 0 || ret->at_ns < 0)
		ret->at_ns = 0;
	ret->oom_killed |= oom && streq(oom, "1");
	return 0;
}

void state_exit(const struct state *s, struct exit_record *ret)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct err ignored = ERR_NONE;

	*ret = (struct exit_record){ .status = EXIT_POD_DIED,
		.oom_killed = state_dir_has(s->dir, "oom") };
	ret->there = file_read(s->dir, "exit", RECORD_MAX_BYTES, &b, &ignored) == 0 &&
		     buf_str(&b) && parse_exit((char *)b.data, ret) == 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int state_list(const char *root, struct strv *ret, struct err *err)
{
	AUTO_CLOSE int all = state_open_containers(root, false, err);
	DIR *d = all < 0 ? NULL : dir_read(all);
	struct dirent *e;
	int r = 0;

	if (all < 0)
		return all == -ENOENT ? 0 : all;
	if (!d)
		return err_sys(err, errno, "state directory");
	while (r == 0 && (e = readdir(d))) {
		struct err ignored = ERR_NONE;

		if (id_check(e->d_name, &ignored) == 0 && strv_add(ret, e->d_name) < 0)
			r = err_sys(err, ENOMEM, "list");
	}
	closedir(d);
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
	return r;
}

void state_put(const struct state *s, enum status status, pid_t pid, struct json_out *out,
	size_t *ret_pid_at)
{
	struct exit_record end;

	state_exit(s, &end);
	json_object(out);
	json_key_str(out, "ociVersion", s->oci_version ? s->oci_version : "1.0.0");
	json_key_str(out, "id", s->id);
	json_key(out, "pid");
	if (ret_pid_at)
		*ret_pid_at = out->to->len;
	json_u64(out, (uint64_t)pid);
	json_key_str(out, "status", status_name(status));
	json_key_str(out, "bundle", s->bundle ? s->bundle : "");
	json_key_str(out, "rootfs", s->rootfs ? s->rootfs : "");
	json_key_str(out, "created", s->created ? s->created : "");
	put_annotations(out, s);
	json_key_str(out, "owner", s->owner_uid == 0 ? "root" : "");
	json_key(out, "oomKilled");
	json_bool(out, end.oom_killed);
	json_end(out);
}

int state_print_as(
	const struct state *s, enum status status, pid_t pid, struct buf *b, size_t *ret_pid_at)
{
	struct json_out out;
	int r;

	json_init(&out, b, true);
	state_put(s, status, pid, &out, ret_pid_at);
	r = json_finish(&out);
	return r ? r : buf_append(b, "\n", 1);
}

int state_print(const struct state *s, struct buf *b)
{
	enum status status = state_status(s);
	bool has_pid = status != STATUS_STOPPED && status != STATUS_CREATING;

	return state_print_as(s, status, has_pid ? s->anchor.pid : 0, b, NULL);
}
