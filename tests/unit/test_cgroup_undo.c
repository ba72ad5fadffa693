/* Settings of cgroups taken back, in a folder whose files keep what is written over them. */
#include "base/cgroup_undo.h"
#include "base/fd.h"
#include "base/path.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

struct cgroup {
	char path[64];
	int dir;
	struct cgroup_undo undo;
};

static int set_up(void **state)
{
	struct cgroup *cg = calloc(1, sizeof(*cg));

	assert_non_null(cg);
	snprintf(cg->path, sizeof(cg->path), "/tmp/test_cgroup_undo.XXXXXX");
	assert_non_null(mkdtemp(cg->path));
	cg->dir = open(cg->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = cg;
	return 0;
}

static int tear_down(void **state)
{
	struct cgroup *cg = *state;

	cgroup_undo_done(&cg->undo);
	close(cg->dir);
	assert_int_equal(remove_tree(AT_FDCWD, cg->path), 0);
	free(cg);
	return 0;
}

static void put(const struct cgroup *cg, const char *file, const char *text)
{
	struct err err = ERR_NONE;

	assert_int_equal(file_replace(cg->dir, file, text, strlen(text), 0644, &err), 0);
}

static void holds(const struct cgroup *cg, const char *file, const char *text)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct err err = ERR_NONE;

	assert_int_equal(file_read(cg->dir, file, 4096, &b, &err), 0);
	assert_string_equal(buf_str(&b), text);
}

static void set(struct cgroup *cg, const char *file, const char *value)
{
	assert_int_equal(cgroup_write_file(cg->dir, file, value, &cg->undo), 0);
}

/* What is written back to an empty file. */
static void writes_back(struct cgroup *cg, const char *file, const char *before, const char *value,
	const char *back)
{
	put(cg, file, before);
	set(cg, file, value);
	put(cg, file, "");
	assert_int_equal(cgroup_undo_all(&cg->undo), 0);
	holds(cg, file, back);
}

static void the_oldest_value_is_back(void **state)
{
	struct cgroup *cg = *state;

	put(cg, "pids.max", "500\n");
	put(cg, "memory.max", "max\n");
	set(cg, "pids.max", "700");
	set(cg, "memory.max", "100");
	set(cg, "pids.max", "800");
	holds(cg, "pids.max", "800\n");
	assert_int_equal(cgroup_undo_all(&cg->undo), 0);
	holds(cg, "pids.max", "500\n");
	holds(cg, "memory.max", "max\n");
	assert_int_equal(cg->undo.n, 0);
}

static void changes_that_are_wanted_stay(void **state)
{
	struct cgroup *cg = *state;

	put(cg, "pids.max", "500\n");
	set(cg, "pids.max", "700");
	cgroup_undo_done(&cg->undo);
	assert_int_equal(cgroup_undo_all(&cg->undo), 0);
	holds(cg, "pids.max", "700\n");
	assert_int_equal(cgroup_write_file(cg->dir, "pids.max", "800", NULL), 0);
	holds(cg, "pids.max", "800\n");
}

static void what_is_refused_is_not_noted(void **state)
{
	struct cgroup *cg = *state;

	assert_int_equal(cgroup_write_file(cg->dir, "none", "1", &cg->undo), -ENOENT);
	assert_int_equal(cg->undo.n, 0);
}

static void devices_get_their_own_line(void **state)
{
	struct cgroup *cg = *state;

	writes_back(cg, "io.max", "8:0 rbps=7 wbps=max riops=max wiops=max\n8:16 rbps=1\n",
		"8:16 rbps=2", "8:16 rbps=1\n");
	/* One number of it may be the beginning of another's. */
	writes_back(cg, "io.max", "8:160 rbps=1\n", "8:16 rbps=2",
		"8:16 rbps=max wbps=max riops=max wiops=max\n");
	writes_back(cg, "io.weight", "default 50\n8:0 70\n", "default 90", "default 50\n");
	writes_back(cg, "io.weight", "default 50\n8:0 70\n", "90", "default 50\n");
	writes_back(cg, "io.weight", "default 50\n", "8:0 90", "8:0 default\n");
	writes_back(cg, "rdma.max", "mlx4_0 hca_handle=2 hca_object=2000\n", "mlx4_1 hca_handle=3",
		"mlx4_1 hca_handle=max hca_object=max\n");
	writes_back(cg, "blkio.throttle.read_bps_device", "", "8:0 100", "8:0 0\n");
}

static void others_are_one_value(void **state)
{
	struct cgroup *cg = *state;

	writes_back(cg, "cpu.max", "max 100000\n", "50000 100000", "max 100000\n");
	writes_back(cg, "cpuset.cpus", "\n", "0-1", "\n");
	/* No setting: nothing is there to be put back. */
	writes_back(cg, "memory.pressure", "some avg10=0\nfull avg10=0\n", "some 1 1", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_oldest_value_is_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(changes_that_are_wanted_stay, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_refused_is_not_noted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(devices_get_their_own_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_are_one_value, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
