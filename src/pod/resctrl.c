/* Intel's RDT through resctrl: see resctrl.h. */
#include "pod/resctrl.h"

#include "base/auto.h"
#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#define RESCTRL_ROOT	    "/sys/fs/resctrl"
#define RESCTRL_SUPER_MAGIC 0x7655821
#define SCHEMATA_MAX	    (1 << 20)
#define TASKS_MAX	    (1 << 20)
#define FIELD		    "config.json: linux.intelRdt"

/* A create at work. */
struct maker {
	const char *root;
	const struct spec_intel_rdt *rdt;
	char *group; /* the CLOS */
	bool is_new;
	struct resctrl_made *made;
	resctrl_record_fn *record;
	void *arg;
	struct err *err;
};

int resctrl_root(const char **ret, struct err *err)
{
	struct statfs st;

	if (statfs(RESCTRL_ROOT, &st) < 0 || st.f_type != RESCTRL_SUPER_MAGIC)
		return err_set(err, ENOTSUP,
			FIELD ": no resctrl file system is mounted on " RESCTRL_ROOT
			      " (mount -t resctrl resctrl " RESCTRL_ROOT
			      ", where the processor has RDT)");
	*ret = RESCTRL_ROOT;
	return 0;
}

static bool has_schemata(const struct spec_intel_rdt *rdt)
{
	return rdt->l3_cache_schema || rdt->mem_bw_schema || rdt->schemata.n > 0;
}

/* The reason that the kernel keeps of the last refusal, or "". */
static void last_status(const char *root, char ret[128])
{
	AUTO(buf_done) struct buf b = { 0 };
	AUTO_FREE char *path = NULL;
	struct err ignored = ERR_NONE;

	*ret = '\0';
	if (asprintf(&path, "%s/info/last_cmd_status", root) < 0)
		path = NULL;
	if (!path || file_read(AT_FDCWD, path, SCHEMATA_MAX, &b, &ignored) < 0 || !buf_str(&b))
		return;
	snprintf(ret, 128, "%.120s", buf_str(&b));
	ret[strcspn(ret, "\n")] = '\0';
}

static int write_line(struct maker *m, const char *line)
{
	AUTO_FREE char *path = NULL;
	AUTO_FREE char *text = NULL;
	char why[128];
	int r;

	if (!line)
		return 0;
	if (asprintf(&path, "%s/schemata", m->group) < 0)
		path = NULL;
	if (asprintf(&text, "%s\n", line) < 0)
		text = NULL;
	if (!path || !text)
		return err_sys(m->err, ENOMEM, FIELD);
	r = file_write_at(AT_FDCWD, path, text);
	if (r == 0)
		return 0;
	last_status(m->root, why);
	return err_sys(m->err, -r, FIELD ": cannot write \"%s\" to %s%s%s%s", line, path,
		*why ? " (" : "", why, *why ? ")" : "");
}

/* Whether the group's schemata have this line already. */
static int expect_line(struct maker *m, const char *name, const char *line)
{
	AUTO(buf_done) struct buf b = { 0 };
	AUTO_FREE char *path = NULL;
	char *save = NULL;
	int r;

	if (!line)
		return 0;
	if (asprintf(&path, "%s/schemata", m->group) < 0) {
		path = NULL;
		return err_sys(m->err, ENOMEM, FIELD);
	}
	r = file_read(AT_FDCWD, path, SCHEMATA_MAX, &b, m->err);
	if (r < 0)
		return err_prefix(m->err, FIELD ": ");
	if (!buf_str(&b))
		return err_sys(m->err, ENOMEM, FIELD);
	for (char *have = strtok_r((char *)b.data, "\n", &save); have;
		have = strtok_r(NULL, "\n", &save))
		if (streq(have + strspn(have, " \t"), line))
			return 0;
	return err_set(m->err, EINVAL, FIELD ".%s: %s exists and does not have \"%s\"", name,
		m->group, line);
}

/* Schemata of a group that was there are others' too: those two must be the same. */
static int give_schemata(struct maker *m)
{
	const struct spec_intel_rdt *rdt = m->rdt;
	int r;

	if (m->is_new) {
		r = write_line(m, rdt->l3_cache_schema);
		if (r == 0)
			r = write_line(m, rdt->mem_bw_schema);
	} else {
		r = expect_line(m, "l3CacheSchema", rdt->l3_cache_schema);
		if (r == 0)
			r = expect_line(m, "memBwSchema", rdt->mem_bw_schema);
	}
	for (size_t i = 0; r == 0 && i < rdt->schemata.n; i++)
		r = write_line(m, rdt->schemata.v[i]);
	return r;
}

static void drop_last(struct strv *list)
{
	free(list->v[--list->n]);
	list->v[list->n] = NULL;
}

/* Moves the last that was meant to the front of what is ours: it was made inside of what is there.
 */
static int own_last(struct resctrl_made *made)
{
	char *path = made->meant.v[made->meant.n - 1];
	int r = strv_add(&made->own, path);

	if (r < 0)
		return r;
	for (size_t i = made->own.n - 1; i > 0; i--) {
		char *later = made->own.v[i - 1];

		made->own.v[i - 1] = made->own.v[i];
		made->own.v[i] = later;
	}
	drop_last(&made->meant);
	return 0;
}

/* own: it goes with the container. What is there already is somebody else's, and no error. */
static int make_dir(struct maker *m, const char *path, bool own, bool *ret_new)
{
	int r, code;

	*ret_new = false;
	if (access(path, F_OK) == 0)
		return 0;
	if (strv_add(&m->made->meant, path) < 0)
		return err_sys(m->err, ENOMEM, FIELD);
	r = m->record(m->arg, m->err);
	if (r < 0)
		return r;
	code = mkdir(path, 0755) < 0 ? errno : 0;
	*ret_new = code == 0;
	if (code)
		drop_last(&m->made->meant);
	else if (own && own_last(m->made) < 0)
		return err_sys(m->err, ENOMEM, FIELD);
	if (code && code != EEXIST)
		return err_sys(m->err, code, FIELD ": cannot make %s%s", path,
			code == ENOSPC ? ": all classes of service are in use" : "");
	return own || code ? m->record(m->arg, m->err) : 0;
}

/* The group is named, or it is the container's own and goes with it. */
static int find_group(struct maker *m, const char *id)
{
	const char *name = m->rdt->clos_id ? m->rdt->clos_id : id;

	if (streq(name, "/"))
		m->group = strdup(m->root);
	else if (asprintf(&m->group, "%s/%s", m->root, name) < 0)
		m->group = NULL;
	if (!m->group)
		return err_sys(m->err, ENOMEM, FIELD);
	if (m->rdt->clos_id && !has_schemata(m->rdt)) {
		if (access(m->group, F_OK) == 0)
			return 0;
		return err_set(m->err, ENOENT,
			FIELD ".closID: %s does not exist, and there are no schemata for a new one",
			m->group);
	}
	return make_dir(m, m->group, !m->rdt->clos_id, &m->is_new);
}

/* Counters of the container's own: a directory below the group, which it goes before. */
static int make_monitoring(struct maker *m, const char *id, struct strv *groups)
{
	AUTO_FREE char *path = NULL;
	bool is_new;
	int r;

	if (asprintf(&path, "%s/mon_groups/%s", m->group, id) < 0) {
		path = NULL;
		return err_sys(m->err, ENOMEM, FIELD);
	}
	r = make_dir(m, path, true, &is_new);
	if (r == 0 && strv_add(groups, path) < 0)
		r = err_sys(m->err, ENOMEM, FIELD);
	return r;
}

int resctrl_make(const char *root, const struct spec_intel_rdt *rdt, const char *id,
	struct strv *groups, struct resctrl_made *made, resctrl_record_fn *record, void *arg,
	struct err *err)
{
	struct maker m = {
		.root = root, .rdt = rdt, .made = made, .record = record, .arg = arg, .err = err
	};
	int r = find_group(&m, id);

	if (r == 0 && has_schemata(rdt))
		r = give_schemata(&m);
	if (r == 0 && strv_add(groups, m.group) < 0)
		r = err_sys(err, ENOMEM, FIELD);
	if (r == 0 && rdt->enable_monitoring)
		r = make_monitoring(&m, id, groups);
	free(m.group);
	return r;
}

int resctrl_add(const struct strv *groups, pid_t pid, struct err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	for (size_t i = 0; i < groups->n; i++) {
		AUTO_CLOSE int dir = open(groups->v[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		int r = dir < 0 ? -errno : file_write_at(dir, "tasks", text);

		if (r < 0)
			return err_sys(err, -r, FIELD ": cannot enter %s", groups->v[i]);
	}
	return 0;
}

/* Whether a process is in it. The kernel would move it to the default group and remove it. */
static bool is_used(const char *group)
{
	AUTO(buf_done) struct buf tasks = { 0 };
	AUTO_FREE char *path = NULL;
	struct err ignored = ERR_NONE;

	if (asprintf(&path, "%s/tasks", group) < 0) {
		path = NULL;
		return true;
	}
	return file_read(AT_FDCWD, path, TASKS_MAX, &tasks, &ignored) == 0 ? tasks.len > 0
									   : ignored.code != ENOENT;
}

void resctrl_remove(const struct resctrl_made *made)
{
	for (size_t i = 0; i < made->own.n; i++)
		rmdir(made->own.v[i]);
	for (size_t i = made->meant.n; i > 0; i--)
		if (!is_used(made->meant.v[i - 1]))
			rmdir(made->meant.v[i - 1]);
}

void resctrl_made_done(struct resctrl_made *made)
{
	strv_done(&made->own);
	strv_done(&made->meant);
}
