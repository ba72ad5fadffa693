/* The state directory: creation, what a killed create leaves, and what the status follows from. */
#include "base/fd.h"
#include "base/path.h"
#include "container/state.h"
#include "pod/runtime.h"
#include "tests/unit/child.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

struct root {
	char dir[32];
	char state[40]; /* the state directory in it */
	int fd;		/* which is open */
};

static int make_root(void **state)
{
	struct root *root = calloc(1, sizeof(*root));
	struct err err = ERR_NONE;

	assert_non_null(root);
	snprintf(root->dir, sizeof(root->dir), "/tmp/test_state.XXXXXX");
	assert_non_null(mkdtemp(root->dir));
	snprintf(root->state, sizeof(root->state), "%s/a/b", root->dir);
	root->fd = state_root_open(root->state, true, &err);
	assert_true(root->fd >= 0);
	*state = root;
	return 0;
}

static int remove_root(void **state)
{
	struct root *root = *state;
	int r = remove_tree(AT_FDCWD, root->dir);

	close(root->fd);
	free(root);
	return r;
}

static struct state *create(const struct root *root, const char *id)
{
	struct state *s = NULL;
	struct err err = ERR_NONE;

	if (state_create(root->state, id, &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

static struct state *reopen(const struct root *root, const char *id, bool lock)
{
	struct state *s = NULL;
	struct err err = ERR_NONE;

	if (state_open(root->state, id, lock, &s, &err) < 0)
		fail_msg("%s", err.msg);
	return s;
}

/* Fills and saves it, as create does at its end. */
static void finish(struct state *s, const struct pidref *anchor)
{
	struct err err = ERR_NONE;

	s->bundle = strdup("/bundles/a \"b\"\n");
	s->rootfs = strdup("/bundles/rootfs");
	s->created = strdup("2024-01-02T03:04:05.678Z");
	s->oci_version = strdup("1.2.0");
	s->anchor = *anchor;
	s->cgroups_of_pod = true;
	assert_int_equal(strv_add(&s->annotations, "org.example/key"), 0);
	assert_int_equal(strv_add(&s->annotations, "value \x01"), 0);
	assert_int_equal(strv_add(&s->cgroups, "/sys/fs/cgroup/a/b"), 0);
	assert_int_equal(strv_add(&s->cgroup_parents, "/sys/fs/cgroup/a"), 0);
	if (state_save(s, &err) < 0)
		fail_msg("%s", err.msg);
}

static void mark(struct state *s, const char *marker, bool on)
{
	struct err err = ERR_NONE;

	assert_int_equal(state_mark(s, marker, on, &err), 0);
}

static void the_root_is_made(void **state)
{
	struct root *root = *state;
	char missing[48];
	struct err err = ERR_NONE;
	struct stat st;

	assert_int_equal(fstat(root->fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 01700);
	snprintf(missing, sizeof(missing), "%s/none", root->dir);
	assert_int_equal(state_root_open(missing, false, &err), -ENOENT);
	assert_non_null(strstr(err.msg, missing));
}

static void cgroups_of_a_killed_create_are_known(void **state)
{
	const struct root *root = *state;
	AUTO(state_free) struct state *s = create(root, "web"), *t = NULL, *again = NULL;
	char dir[64], parent[48];
	struct err err = ERR_NONE;

	snprintf(parent, sizeof(parent), "%s/cgroup", root->dir);
	snprintf(dir, sizeof(dir), "%s/web", parent);
	assert_int_equal(mkdir(parent, 0755), 0);
	assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(strv_add(&s->cgroups, dir), 0);
	assert_int_equal(strv_add(&s->cgroup_parents, parent), 0);
	assert_int_equal(state_save_cgroups(s, &err), 0);
	state_unlock(s);
	t = reopen(root, "web", false);
	assert_int_equal(state_status(t), STATUS_CREATING);
	assert_int_equal(t->cgroups.n, 1);
	assert_string_equal(t->cgroups.v[0], dir);
	assert_int_equal(t->cgroup_parents.n, 1);
	/* The next create with the id removes them. */
	again = create(root, "web");
	assert_int_equal(again->cgroups.n, 0);
	assert_int_equal(access(parent, F_OK), -1);
}

static void the_lock_is_given_back_and_taken_again(void **state)
{
	const struct root *root = *state;
	AUTO(state_free) struct state *s = create(root, "web"), *t = NULL;
	struct err err = ERR_NONE;

	state_unlock(s);
	t = reopen(root, "web", true);
	state_unlock(t);
	assert_int_equal(state_lock(s, &err), 0);
	state_unlock(s);
	assert_int_equal(state_lock(t, &err), 0);
	assert_int_equal(state_remove(t, &err), 0);
	assert_true(state_lock(s, &err) < 0);
	assert_int_equal(err.code, ENOENT);
}

static void what_is_saved_is_loaded(void **state)
{
	const struct root *root = *state;
	AUTO(state_free) struct state *s = create(root, "web"), *t = NULL;
	struct pidref self = child_ref(getpid());

	s->owner_uid = 1234;
	finish(s, &self);
	t = reopen(root, "web", false);
	assert_string_equal(t->id, "web");
	assert_string_equal(t->bundle, "/bundles/a \"b\"\n");
	assert_string_equal(t->rootfs, "/bundles/rootfs");
	assert_string_equal(t->created, "2024-01-02T03:04:05.678Z");
	assert_string_equal(t->oci_version, "1.2.0");
	assert_int_equal(t->annotations.n, 2);
	assert_string_equal(t->annotations.v[0], "org.example/key");
	assert_string_equal(t->annotations.v[1], "value \x01");
	assert_int_equal(t->cgroups.n, 1);
	assert_string_equal(t->cgroups.v[0], "/sys/fs/cgroup/a/b");
	assert_string_equal(t->cgroup_parents.v[0], "/sys/fs/cgroup/a");
	assert_int_equal(t->anchor.pid, self.pid);
	assert_int_equal(t->anchor.start_time, self.start_time);
	assert_true(t->cgroups_of_pod);
	assert_int_equal(t->owner_uid, 1234);
}

static void an_id_is_taken_once(void **state)
{
	const struct root *root = *state;
	struct state *s = create(root, "web"), *t = NULL;
	struct pidref self = child_ref(getpid());
	struct err err = ERR_NONE;

	/* While another create is at work; flock belongs to the descriptor, not to the process. */
	assert_int_equal(state_create(root->state, "web", &t, &err), -EEXIST);
	assert_non_null(strstr(err.msg, "being created"));
	finish(s, &self);
	state_free(s);
	err_clear(&err);
	assert_int_equal(state_create(root->state, "web", &t, &err), -EEXIST);
	assert_string_equal(err.msg, "a container with the id \"web\" exists");
	assert_null(t);
}

static void the_leftover_of_a_killed_create_is_taken_over(void **state)
{
	const struct root *root = *state;
	AUTO(state_free) struct state *s = create(root, "web");
	AUTO_CLOSE int sub = -1;

	/* The lock goes with the process that held it; the files stay. */
	mark(s, "config.json", true);
	assert_int_equal(mkdirat(s->dir, "sub", 0700), 0);
	sub = openat(s->dir, "sub", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(file_write_at(sub, "nothing", "x"), -ENOENT);
	close_fd(&s->lock);
	state_free(steal_ptr(&s));
	s = create(root, "web");
	assert_int_equal(faccessat(s->dir, "config.json", F_OK, 0), -1);
	assert_int_equal(faccessat(s->dir, "sub", F_OK, 0), -1);
	assert_int_equal(state_status(s), STATUS_CREATING);
}

static void bad_ids_and_missing_containers(void **state)
{
	const struct root *root = *state;
	static const char *const bad[] = { "", ".", "..", "a/b", "a:b", "a b" };
	struct state *s = NULL;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_NONE;

		assert_int_equal(state_create(root->state, bad[i], &s, &err), -EINVAL);
		err_clear(&err);
		assert_int_equal(state_open(root->state, bad[i], false, &s, &err), -EINVAL);
	}
	for (int lock = 0; lock < 2; lock++) {
		struct err err = ERR_NONE;

		assert_int_equal(state_open(root->state, "none", lock, &s, &err), -ENOENT);
		assert_string_equal(err.msg, "container \"none\" does not exist");
	}
	assert_null(s);
}

static void a_damaged_state_is_an_error(void **state)
{
	static const char *const bad[] = { "", "{}", "[]", "{\"bundle\": 1}",
		"{\"bundle\": \"/b\", \"rootfs\": \"/r\"" };
	const struct root *root = *state;
	AUTO(state_free) struct state *s = create(root, "web");

	close_fd(&s->lock);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct state *t = NULL;
		struct err err = ERR_NONE;

		assert_int_equal(
			file_replace(s->dir, "state.json", bad[i], strlen(bad[i]), 0600, &err), 0);
		assert_true(state_open(root->state, "web", true, &t, &err) < 0);
		/* Whose file it is, since the bundle might have one of that name. */
		assert_int_equal(strncmp(err.msg, "state directory /", 17), 0);
		assert_non_null(strstr(err.msg, "/web: state.json"));
	}
}

static void the_status_follows_from_files_and_processes(void **state)
{
	const struct root *root = *state;
	AUTO(state_free) struct state *s = create(root, "web");
	pid_t pid = child_start();
	struct pidref anchor = child_ref(pid);

	assert_int_equal(state_status(s), STATUS_CREATING);
	finish(s, &anchor);
	assert_int_equal(state_status(s), STATUS_CREATED);
	mark(s, "paused", true); /* before its start as well */
	assert_int_equal(state_status(s), STATUS_PAUSED);
	mark(s, "paused", false);
	mark(s, "started", true);
	assert_int_equal(state_status(s), STATUS_RUNNING);
	mark(s, "paused", true);
	assert_int_equal(state_status(s), STATUS_PAUSED);
	mark(s, "paused", false);
	mark(s, "paused", false); /* what is not there can be removed */
	assert_int_equal(state_status(s), STATUS_RUNNING);
	mark(s, "exit", true); /* the record is written before the anchor's end */
	assert_int_equal(state_status(s), STATUS_STOPPED);
	mark(s, "exit", false);
	s->anchor.start_time++; /* the pid is another's now */
	assert_int_equal(state_status(s), STATUS_STOPPED);
	s->anchor.start_time--;
	assert_int_equal(state_status(s), STATUS_RUNNING);
	child_end(pid);
	assert_int_equal(state_status(s), STATUS_STOPPED);
}

static void commands_require_a_status(void **state)
{
	const struct root *root = *state;
	AUTO(state_free) struct state *s = create(root, "web");
	struct pidref self = child_ref(getpid());
	struct err err = ERR_NONE;

	finish(s, &self);
	assert_int_equal(state_require(s, 1U << STATUS_CREATED, "start", &err), 0);
	assert_true(
		state_require(s, 1U << STATUS_RUNNING | 1U << STATUS_PAUSED, "pause", &err) < 0);
	assert_string_equal(err.msg, "cannot pause container \"web\": it is created");
	err_clear(&err);
	mark(s, "exit", true);
	assert_true(state_require(s, 1U << STATUS_RUNNING, "kill", &err) < 0);
	assert_non_null(strstr(err.msg, "container not running")); /* callers look for it */
}

static void the_exit_record(void **state)
{
	static const struct {
		const char *text;
		int status;
		int64_t at_ns;
		bool there, oom_killed;
	} records[] = {
		{ "0 1700000000000000000 0\n", 0, 1700000000000000000, true, false },
		{ "42 1700000000000000000 0", 42, 1700000000000000000, true, false },
		{ "255", 255, 0, true, false },
		{ "137 1 1\n", 137, 1, true, true },
		{ "1 -5 2\n", 1, 0, true, false },
		/* No record, or none that we wrote: as if the pod had been killed. */
		{ "256 1 0", 137, 0, false, false },
		{ "-1 1 0", 137, 0, false, false },
		{ "", 137, 0, false, false },
		{ "0x1 1 0", 137, 0, false, false },
	};
	struct exit_record end;

	const struct root *root = *state;
	AUTO(state_free) struct state *s = create(root, "web");

	state_exit(s, &end);
	assert_false(end.there);
	assert_int_equal(end.status, 137);
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		struct err err = ERR_NONE;

		assert_int_equal(file_replace(s->dir, "exit", records[i].text,
					 strlen(records[i].text), 0600, &err),
			0);
		state_exit(s, &end);
		assert_int_equal(end.there, records[i].there);
		assert_int_equal(end.status, records[i].status);
		assert_int_equal(end.at_ns, records[i].at_ns);
		assert_int_equal(end.oom_killed, records[i].oom_killed);
	}
	/* Known before the end, and whatever the record of that says. */
	mark(s, "oom", true);
	state_exit(s, &end);
	assert_true(end.oom_killed);
}

static void list_and_remove(void **state)
{
	const struct root *root = *state;
	static const char *const ids[] = { "zoo", "a", "mid" };
	AUTO(strv_done) struct strv before = { 0 }, after = { 0 };
	struct err err = ERR_NONE;
	struct state *gone = NULL;

	assert_int_equal(state_list(root->state, &before, &err), 0);
	assert_int_equal(before.n, 0);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		state_free(create(root, ids[i]));
	assert_int_equal(mkdirat(root->fd, "containers/not:one", 0700), 0);
	assert_int_equal(state_list(root->state, &before, &err), 0);
	assert_int_equal(before.n, 3);
	assert_string_equal(before.v[0], "a");
	assert_string_equal(before.v[1], "mid");
	assert_string_equal(before.v[2], "zoo");
	{
		AUTO(state_free) struct state *s = reopen(root, "mid", true);

		mark(s, "started", true);
		assert_int_equal(state_remove(s, &err), 0);
		assert_int_equal(state_remove(s, &err), 0); /* again is fine */
	}
	assert_int_equal(state_list(root->state, &after, &err), 0);
	assert_int_equal(after.n, 2);
	assert_int_equal(state_open(root->state, "mid", true, &gone, &err), -ENOENT);
}

static void one_command_at_a_time(void **state)
{
	const struct root *root = *state;
	struct state *s = create(root, "web");
	AUTO_CLOSE int other = openat(s->dir, "lock", O_RDWR | O_CLOEXEC);

	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	state_free(reopen(root, "web", false)); /* readers do not wait */
	state_free(s);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
}

static void the_state_is_printed(void **state)
{
	const struct root *root = *state;
	AUTO(state_free) struct state *s = create(root, "web");
	AUTO(buf_done) struct buf b = { 0 };
	struct pidref self = child_ref(getpid());
	char pid[32];

	finish(s, &self);
	assert_int_equal(state_print(s, &b), 0);
	assert_non_null(buf_str(&b));
	snprintf(pid, sizeof(pid), "\"pid\": %d", getpid());
	assert_non_null(strstr((char *)b.data, pid));
	assert_non_null(strstr((char *)b.data, "\"status\": \"created\""));
	assert_non_null(strstr((char *)b.data, "\"ociVersion\": \"1.2.0\""));
	assert_non_null(strstr((char *)b.data, "\"org.example/key\": \"value \\u0001\""));
	mark(s, "exit", true);
	b.len = 0;
	assert_int_equal(state_print(s, &b), 0);
	assert_non_null(buf_str(&b));
	assert_non_null(strstr((char *)b.data, "\"pid\": 0"));
	assert_non_null(strstr((char *)b.data, "\"status\": \"stopped\""));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_root, remove_root)
	const struct CMUnitTest tests[] = {
		TEST(the_root_is_made),
		TEST(cgroups_of_a_killed_create_are_known),
		TEST(the_lock_is_given_back_and_taken_again),
		TEST(what_is_saved_is_loaded),
		TEST(an_id_is_taken_once),
		TEST(the_leftover_of_a_killed_create_is_taken_over),
		TEST(bad_ids_and_missing_containers),
		TEST(a_damaged_state_is_an_error),
		TEST(the_status_follows_from_files_and_processes),
		TEST(commands_require_a_status),
		TEST(the_exit_record),
		TEST(list_and_remove),
		TEST(one_command_at_a_time),
		TEST(the_state_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
