/* The state directory: see state.h. */
#include "container/state.h"

#include "base/fd.h"
#include "base/json_out.h"
#include "base/path.h"
#include "oci/json.h"
#include "oci/parse.h"
#include "pod/cgroup.h"
#include "pod/runtime.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
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

static struct state *state_new(const char *id)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->dir = s->lock = -1;
	s->id = strdup(id);
	if (!s->id) {
		free(s);
		return NULL;
	}
	return s;
}

void state_free(struct state *s)
{
	if (!s)
		return;
	free(s->id);
	free(s->bundle);
	free(s->rootfs);
	free(s->created);
	free(s->oci_version);
	strv_done(&s->annotations);
	strv_done(&s->cgroups);
	strv_done(&s->cgroup_parents);
	resctrl_made_done(&s->resctrl);
	close_fd(&s->lock);
	close_fd(&s->dir);
	free(s);
}

int state_write(
	const struct state *s, const char *name, const void *data, size_t len, struct err *err)
{
	int r = file_replace(s->dir, name, data, len, 0600, err);

	return r < 0 ? state_dir_blame(s->dir, err) : 0;
}

int state_read_spec(const struct state *s, struct spec **ret, struct err *err)
{
	int r = spec_read(s->dir, "config.json", "config.json", ret, err);

	return r < 0 ? state_dir_blame(s->dir, err) : 0;
}

static bool exists(const struct state *s, const char *name)
{
	return faccessat(s->dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int open_dir(int root, struct state *s)
{
	s->dir = openat(root, s->id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return s->dir < 0 ? -errno : 0;
}

static int take_lock(struct state *s, bool wait, struct err *err)
{
	int r = 0;

	s->lock = openat(s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock < 0)
		r = err_sys(err, errno, "lock");
	while (r == 0 && flock(s->lock, LOCK_EX | (wait ? 0 : LOCK_NB)) < 0)
		if (errno != EINTR)
			r = err_sys(err, errno, "lock");
	return r < 0 ? state_dir_blame(s->dir, err) : 0;
}

int state_lock(struct state *s, struct err *err)
{
	int r = take_lock(s, true, err);

	/* Whoever had the lock may have deleted it. */
	if (r == 0 && !exists(s, "lock"))
		r = err_set(err, ENOENT, "container \"%s\" does not exist", s->id);
	return r;
}

void state_unlock(struct state *s)
{
	close_fd(&s->lock);
}

/* Something has the id: a container, a create at work, or what a killed create has left. */
static int take_over(int root, struct state *s, struct err *err)
{
	int r = open_dir(root, s);

	if (r < 0)
		return err_sys(err, -r, "container \"%s\"", s->id);
	if (exists(s, "state.json"))
		return err_set(err, EEXIST, "a container with the id \"%s\" exists", s->id);
	r = take_lock(s, false, err);
	if (r == -EAGAIN) {
		err_clear(err);
		return err_set(
			err, EEXIST, "a container with the id \"%s\" exists, being created", s->id);
	}
	if (r == 0 && exists(s, "cgroups.json"))
		r = load_cgroups(s, err);
	if (r < 0)
		return r;
	cgroup_remove(&s->cgroups, &s->cgroup_parents);
	resctrl_remove(&s->resctrl);
	strv_done(&s->cgroups);
	strv_done(&s->cgroup_parents);
	resctrl_made_done(&s->resctrl);
	r = state_remove(root, s, err);
	close_fd(&s->lock);
	close_fd(&s->dir);
	return r;
}

static int cannot_make(int root, const char *id, int code, struct err *err)
{
	char path[PATH_MAX];

	fd_path(root, path, sizeof(path));
	return err_sys(err, code, "cannot make the state directory %s/%s", path, id);
}

int state_create(int root, const char *id, struct state **ret, struct err *err)
{
	AUTO(state_free) struct state *s = NULL;
	int r = id_check(id, err);

	if (r < 0)
		return r;
	s = state_new(id);
	if (!s)
		return err_sys(err, ENOMEM, "state");
	while (mkdirat(root, id, 0700) < 0) {
		if (errno != EEXIST)
			return cannot_make(root, id, errno, err);
		r = take_over(root, s, err);
		if (r < 0)
			return r;
	}
	r = open_dir(root, s);
	if (r < 0)
		return err_sys(err, -r, "container \"%s\"", id);
	r = take_lock(s, false, err);
	if (r < 0) {
		unlinkat(root, id, AT_REMOVEDIR);
		return r;
	}
	*ret = steal_ptr(&s);
	return 0;
}

static int get_str(const struct json_value *root, const char *key, char **ret, struct err *err)
{
	const struct json_value *v = json_member(root, key);
	const char *s;
	int r = v ? json_get_str(v, &s, err) : json_missing(root, key, err);

	if (r < 0)
		return r;
	*ret = strdup(s);
	return *ret ? 0 : err_sys(err, ENOMEM, "state.json");
}

static int get_u64(const struct json_value *root, const char *key, uint64_t *ret, struct err *err)
{
	const struct json_value *v = json_member(root, key);

	return v ? json_get_u64(v, UINT64_MAX, ret, err) : json_missing(root, key, err);
}

static int get_pidref(const struct json_value *root, const char *pid_key, const char *start_key,
	struct pidref *ret, struct err *err)
{
	uint64_t pid = 0;
	int r = get_u64(root, pid_key, &pid, err);

	ret->pid = (pid_t)pid;
	return r ? r : get_u64(root, start_key, &ret->start_time, err);
}

/* The strings of an array, or the keys and values of an object in turn. */
static int get_strings(
	const struct json_value *root, const char *key, struct strv *ret, struct err *err)
{
	const struct json_value *list = json_member(root, key);

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json_value *item = json_at(list, i);
		const char *s;
		int r = json_get_str(item, &s, err);

		if (r < 0)
			return r;
		if (json_key_of(item) && strv_add(ret, json_key_of(item)) < 0)
			return err_sys(err, ENOMEM, "state.json");
		if (strv_add(ret, s) < 0)
			return err_sys(err, ENOMEM, "state.json");
	}
	return 0;
}

static int get_cgroups(struct state *s, const struct json_value *root, struct err *err)
{
	int r = get_strings(root, "cgroups", &s->cgroups, err);

	return r ? r : get_strings(root, "cgroupParents", &s->cgroup_parents, err);
}

/* Of a create that has not ended, or was killed. */
static int load_cgroups(struct state *s, struct err *err)
{
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	int r = json_doc_read(s->dir, "cgroups.json", "cgroups.json", 0, &doc, err);

	if (r == 0)
		r = get_cgroups(s, json_doc_root(doc), err);
	if (r == 0)
		r = get_strings(json_doc_root(doc), "resctrl", &s->resctrl.own, err);
	if (r == 0)
		r = get_strings(json_doc_root(doc), "resctrlMeant", &s->resctrl.meant, err);
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
	r = get_str(root, "bundle", &s->bundle, err);
	if (r == 0)
		r = get_str(root, "rootfs", &s->rootfs, err);
	if (r == 0)
		r = get_str(root, "created", &s->created, err);
	if (r == 0)
		r = get_str(root, "ociVersion", &s->oci_version, err);
	if (r == 0)
		r = get_strings(root, "annotations", &s->annotations, err);
	if (r == 0)
		r = get_cgroups(s, root, err);
	if (r == 0)
		r = get_strings(root, "resctrl", &s->resctrl.own, err);
	if (r == 0)
		r = get_u64(root, "memoryMiB", &s->memory_mib, err);
	if (r == 0)
		r = get_u64(root, "overheadMiB", &s->overhead_mib, err);
	if (r == 0)
		r = get_u64(root, "owner", &s->owner_uid, err);
	if (r == 0)
		r = get_pidref(root, "anchorPid", "anchorStart", &s->anchor, err);
	if (r == 0)
		r = get_pidref(root, "monitorPid", "monitorStart", &s->monitor, err);
	return r;
}

static int open_existing(int root, struct state *s, bool lock, struct err *err)
{
	int r = open_dir(root, s);

	if (r == -ENOENT || r == -ENOTDIR)
		return err_set(err, ENOENT, "container \"%s\" does not exist", s->id);
	if (r < 0)
		return err_sys(err, -r, "container \"%s\"", s->id);
	if (lock) {
		r = state_lock(s, err);
		if (r < 0)
			return r;
	}
	if (exists(s, "state.json"))
		r = load(s, err);
	else
		r = exists(s, "cgroups.json") ? load_cgroups(s, err) : 0;
	return r < 0 ? state_dir_blame(s->dir, err) : 0;
}

int state_open(int root, const char *id, bool lock, struct state **ret, struct err *err)
{
	AUTO(state_free) struct state *s = NULL;
	int r = id_check(id, err);

	if (r < 0)
		return r;
	s = state_new(id);
	if (!s)
		return err_sys(err, ENOMEM, "state");
	r = open_existing(root, s, lock, err);
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

static void put_strings(struct json_out *out, const char *key, const struct strv *list)
{
	json_key(out, key);
	json_array(out);
	for (size_t i = 0; i < list->n; i++)
		json_str(out, list->v[i]);
	json_end(out);
}

static void put_u64(struct json_out *out, const char *key, uint64_t value)
{
	json_key(out, key);
	json_u64(out, value);
}

static void put_cgroups(struct json_out *out, const struct state *s)
{
	put_strings(out, "cgroups", &s->cgroups);
	put_strings(out, "cgroupParents", &s->cgroup_parents);
}

int state_save_cgroups(struct state *s, struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct json_out out;
	int r;

	json_init(&out, &b, true);
	json_object(&out);
	put_cgroups(&out, s);
	put_strings(&out, "resctrl", &s->resctrl.own);
	put_strings(&out, "resctrlMeant", &s->resctrl.meant);
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
	put_u64(&out, "owner", s->owner_uid);
	put_u64(&out, "anchorPid", (uint64_t)s->anchor.pid);
	put_u64(&out, "anchorStart", s->anchor.start_time);
	put_u64(&out, "monitorPid", (uint64_t)s->monitor.pid);
	put_u64(&out, "monitorStart", s->monitor.start_time);
	put_cgroups(&out, s);
	put_strings(&out, "resctrl", &s->resctrl.own);
	put_u64(&out, "memoryMiB", s->memory_mib);
	put_u64(&out, "overheadMiB", s->overhead_mib);
	put_annotations(&out, s);
	json_end(&out);
	r = json_finish(&out);
	return r < 0 ? err_sys(err, -r, "state.json")
		     : state_write(s, "state.json", b.data, b.len, err);
}

enum status state_status(const struct state *s)
{
	if (!s->bundle)
		return STATUS_CREATING;
	if (exists(s, "exit") || !pidref_alive(&s->anchor))
		return STATUS_STOPPED;
	if (exists(s, "paused"))
		return STATUS_PAUSED;
	return exists(s, "started") ? STATUS_RUNNING : STATUS_CREATED;
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

	*ret = (struct exit_record){ .status = EXIT_POD_DIED, .oom_killed = exists(s, "oom") };
	ret->there = file_read(s->dir, "exit", RECORD_MAX_BYTES, &b, &ignored) == 0 &&
		     buf_str(&b) && parse_exit((char *)b.data, ret) == 0;
}

int state_remove(int root, struct state *s, struct err *err)
{
	int r = remove_tree(root, s->id);

	return r < 0 ? err_sys(err, -r, "cannot remove the state of \"%s\"", s->id) : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int state_list(int root, struct strv *ret, struct err *err)
{
	DIR *d = dir_read(root);
	struct dirent *e;
	int r = 0;

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
