/* Changes of cgroups that can be taken back: see cgroup_undo.h. */
#include "base/cgroup_undo.h"

#include "base/fd.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>

#define FILE_MAX (64 << 10)

/*
 * Files with a line for each device, of which a write changes one. What a device that has no line
 * gets is not shown; this is how to ask for it.
 */
static const struct keyed {
	const char *file, *none;
} keyed[] = {
	{ "io.max", "rbps=max wbps=max riops=max wiops=max" },
	{ "io.latency", "target=0" },
	{ "io.weight", "default" },
	{ "io.bfq.weight", "default" },
	{ "rdma.max", "hca_handle=max hca_object=max" },
	{ "misc.max", "max" },
	{ "blkio.weight_device", "0" },
	{ "blkio.bfq.weight_device", "0" },
	{ "blkio.throttle.read_bps_device", "0" },
	{ "blkio.throttle.write_bps_device", "0" },
	{ "blkio.throttle.read_iops_device", "0" },
	{ "blkio.throttle.write_iops_device", "0" },
};

static const struct keyed *find_keyed(const char *file)
{
	for (size_t i = 0; i < ARRAY_LEN(keyed); i++)
		if (streq(file, keyed[i].file))
			return &keyed[i];
	return NULL;
}

/* The line of text that begins with key and a blank, or how to have none. */
static char *line_before(const struct keyed *k, const char *value, char *text)
{
	static const char unnamed[] = "default";
	size_t n = strcspn(value, " \n");
	const char *key = value[n] == ' ' ? value : unnamed;
	char *save = NULL, *line;

	if (key == unnamed)
		n = strlen(unnamed);
	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strncmp(line, key, n) == 0 && line[n] == ' ')
			return strdup(line);
	return asprintf(&line, "%.*s %s", (int)n, key, k->none) < 0 ? NULL : line;
}

/* NULL without an error: there is nothing that could be written back. */
static int read_before(int dirfd, const char *file, const char *value, char **ret)
{
	const struct keyed *k = find_keyed(file);
	AUTO(buf_done) struct buf text = { 0 };
	struct err ignored = ERR_NONE;
	char *s, *end;

	*ret = NULL;
	if (file_read(dirfd, file, FILE_MAX, &text, &ignored) < 0)
		return 0;
	if (!buf_str(&text))
		return -ENOMEM;
	s = (char *)text.data;
	end = strchr(s, '\n');
	/* Several lines, and no table of ours: not a setting. */
	if (!k && end && end[1])
		return 0;
	if (end && !k)
		*end = '\0';
	*ret = k ? line_before(k, value, s) : strdup(s);
	return *ret ? 0 : -ENOMEM;
}

/* The kernel wants a line even where there was nothing: an empty cpuset. */
static int write_line(int dirfd, const char *file, const char *value)
{
	AUTO_FREE char *line = NULL;

	if (asprintf(&line, "%s\n", value) < 0) {
		line = NULL;
		return -ENOMEM;
	}
	return file_write_at(dirfd, file, line);
}

static int grow(struct cgroup_undo *undo)
{
	void *v = realloc(undo->v, (undo->n + 1) * sizeof(*undo->v));

	if (!v)
		return -ENOMEM;
	undo->v = v;
	return 0;
}

static void change_done(struct cgroup_change *c)
{
	close_fd(&c->dir);
	free(c->file);
	free(c->before);
}

/* A new last entry of undo, which is none of its own yet: its n is left. */
static int note(struct cgroup_undo *undo, int dirfd, const char *file, char *before)
{
	struct cgroup_change c = {
		.dir = fcntl(dirfd, F_DUPFD_CLOEXEC, 3), .file = strdup(file), .before = before
	};
	int r = c.dir < 0 ? -errno : c.file ? grow(undo) : -ENOMEM;

	if (r < 0)
		change_done(&c);
	else
		undo->v[undo->n] = c;
	return r;
}

int cgroup_write_file(int dirfd, const char *file, const char *value, struct cgroup_undo *undo)
{
	char *before = NULL;
	int r = undo ? read_before(dirfd, file, value, &before) : 0;

	if (r == 0 && before)
		r = note(undo, dirfd, file, before);
	if (r < 0)
		return r;
	r = file_write_at(dirfd, file, value);
	if (before && r < 0)
		change_done(&undo->v[undo->n]);
	else if (before)
		undo->n++;
	return r;
}

int cgroup_undo_all(struct cgroup_undo *undo)
{
	int r = 0;

	for (size_t i = undo->n; i > 0; i--) {
		const struct cgroup_change *c = &undo->v[i - 1];
		int one = write_line(c->dir, c->file, c->before);

		r = r ? r : one;
	}
	cgroup_undo_done(undo);
	return r;
}

void cgroup_undo_done(struct cgroup_undo *undo)
{
	for (size_t i = 0; i < undo->n; i++)
		change_done(&undo->v[i]);
	free(undo->v);
	*undo = (struct cgroup_undo){ 0 };
}
