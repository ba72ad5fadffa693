/* Pods on disk: who is in one, what is remembered of its machine, and what is removed when. */
#include "base/fd.h"
#include "base/path.h"
#include "pod/find.h"
#include "rpc/vmctl.h"
#include "tests/unit/child.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

struct place {
	char dir[32], root[40];
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	snprintf(p->dir, sizeof(p->dir), "/tmp/test_pod.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->root, sizeof(p->root), "%s/state", p->dir);
	*state = p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	int r = remove_tree(AT_FDCWD, p->dir);

	free(p);
	return r;
}

static struct pod *enter(const struct place *place, const char *name, const char *member)
{
	struct pod *pod = NULL;
	struct err err = ERR_NONE;

	if (pod_enter(place->root, name, member, true, &pod, &err) < 0)
		fail_msg("%s", err.msg);
	return pod;
}

static void leave(const struct place *place, const char *name, const char *member)
{
	AUTO(pod_free) struct pod *pod = enter(place, name, member);
	struct err err = ERR_NONE;

	if (pod_leave(pod, member, &err) < 0)
		fail_msg("%s", err.msg);
}

static bool there(const struct place *place, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", place->root, name);
	return access(path, F_OK) == 0;
}

static void a_pod_lasts_as_long_as_it_has_containers(void **state)
{
	const struct place *place = *state;
	struct err err = ERR_NONE;
	struct pod *none = NULL;

	assert_int_equal(pod_enter(place->root, "p", "a", false, &none, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "pod \"p\" does not exist"));
	assert_false(there(place, "pods/p"));
	pod_free(enter(place, "p", "a"));
	pod_free(enter(place, "p", "b"));
	pod_free(enter(place, "q", "c"));
	leave(place, "p", "a");
	assert_true(there(place, "pods/p/members/b"));
	assert_false(there(place, "pods/p/members/a"));
	leave(place, "p", "b");
	assert_false(there(place, "pods/p"));
	assert_true(there(place, "pods/q"));
}

static void what_is_known_of_a_machine(void **state)
{
	const struct place *place = *state;
	AUTO(pod_free) struct pod *p = enter(place, "p", "a"), *again = NULL;
	struct err err = ERR_NONE;

	p->monitor = child_ref(getpid());
	p->memory_mib = 512;
	p->overhead_mib = 77;
	p->vcpus = 3;
	p->containers = 2;
	p->volumes = true;
	p->shared = true;
	assert_int_equal(strv_add(&p->cgroups, "/no/such/cgroup"), 0);
	assert_int_equal(pod_save_cgroups(p, &err), 0);
	assert_int_equal(pod_save(p, &err), 0);
	pod_unlock(p);
	again = enter(place, "p", "b");
	assert_int_equal(again->monitor.pid, getpid());
	assert_int_equal(again->memory_mib, 512);
	assert_int_equal(again->overhead_mib, 77);
	assert_int_equal(again->vcpus, 3);
	assert_int_equal(again->containers, 2);
	assert_true(again->volumes && again->shared);
	assert_int_equal(again->cgroups.n, 1);
	assert_false(pod_is_last(again, "b"));
}

static void a_broken_file_is_named(void **state)
{
	const struct place *place = *state;
	struct pod *p = enter(place, "p", "a"), *again = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(file_replace(p->dir, "pod.json", "{", 1, 0600, &err), 0);
	pod_free(p);
	assert_true(pod_enter(place->root, "p", "b", true, &again, &err) < 0);
	assert_non_null(strstr(err.msg, "/pods/p: pod.json"));
	/* The container that could not enter is none of it. */
	assert_true(there(place, "pods/p/members/a"));
	assert_false(there(place, "pods/p/members/b"));
}

/* Whoever leaves as the last one takes the machine along. */
static void the_machine_goes_with_the_last_container(void **state)
{
	const struct place *place = *state;
	pid_t machine = child_start(); /* without a copy of the lock */
	struct pod *p = enter(place, "p", "a");
	struct err err = ERR_NONE;
	int status;

	p->monitor = child_ref(machine);
	assert_int_equal(pod_save(p, &err), 0);
	pod_free(p);
	pod_free(enter(place, "p", "b"));
	leave(place, "p", "a");
	assert_int_equal(waitpid(machine, &status, WNOHANG), 0);
	leave(place, "p", "b");
	assert_int_equal(waitpid(machine, &status, 0), machine);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static pid_t enter_and_wait(
	const struct place *place, struct pod *locked, const char *member, int told)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct pod *p = NULL;
		struct err err = ERR_NONE;

		pod_unlock(locked); /* the copy that a fork makes */
		if (pod_enter(place->root, "p", member, true, &p, &err) < 0)
			_exit(1);
		_exit(write(told, member, 1) != 1);
	}
	return pid;
}

/* One who removes the pod while others wait for its lock leaves them a new one. */
static void those_who_wait_for_a_pod_that_ends(void **state)
{
	const struct place *place = *state;
	AUTO(pod_free) struct pod *p = enter(place, "p", "a");
	struct err err = ERR_NONE;
	int fds[2], status;
	pid_t waiting;
	char who;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	waiting = enter_and_wait(place, p, "b", fds[1]);
	assert_int_equal(waitpid(waiting, &status, WNOHANG), 0);
	assert_int_equal(pod_leave(p, "a", &err), 0);
	pod_unlock(p);
	assert_int_equal(waitpid(waiting, &status, 0), waiting);
	assert_int_equal(status, 0);
	assert_int_equal(read(fds[0], &who, 1), 1);
	assert_true(there(place, "pods/p/members/b"));
	assert_false(there(place, "pods/p/members/a"));
	close(fds[0]);
	close(fds[1]);
}

/* A monitor's control socket that answers requests as it is told; returns its pid. */
static pid_t fake_monitor(const struct pod *p, int code)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct vmctl_reply reply = { .size = sizeof(reply), .kind = VMCTL_REPLY, .code = code };
	char request[VMCTL_MESSAGE_MAX];
	pid_t pid;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/ctl.sock", p->dir);
	(void)!unlinkat(p->dir, "ctl.sock", 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int client = accept(fd, NULL, NULL);

		while (recv(client, request, sizeof(request), 0) > 0)
			(void)!send(client, &reply, sizeof(reply), MSG_NOSIGNAL);
		_exit(0);
	}
	close(fd);
	return pid;
}

static void a_machine_is_held(void **state)
{
	const struct place *place = *state;
	AUTO(pod_free) struct pod *p = enter(place, "p", "a");
	pid_t monitor;
	int fd;

	assert_int_equal(pod_hold(p), -ESRCH); /* there was never one */
	p->monitor = child_ref(getpid());
	assert_int_equal(pod_hold(p), -ESRCH); /* it has ended */
	monitor = fake_monitor(p, EPERM);
	assert_int_equal(pod_hold(p), -ESRCH); /* it will not */
	waitpid(monitor, NULL, 0);
	monitor = fake_monitor(p, 0);
	fd = pod_hold(p);
	assert_true(fd >= 0);
	close(fd);
	waitpid(monitor, NULL, 0);
}

static void the_names_that_cannot_be(void **state)
{
	const struct place *place = *state;
	struct pod *p = NULL;
	struct err err = ERR_NONE;
	char path[64];

	pod_free(enter(place, "p", "a"));
	snprintf(path, sizeof(path), "%s/pods/l", place->root);
	assert_int_equal(symlink("p", path), 0);
	assert_true(pod_open(place->root, "l", &p, &err) < 0);
	err_clear(&err);
	assert_int_equal(pod_open(place->root, "none", &p, &err), -ENOENT);
	assert_null(p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_pod_lasts_as_long_as_it_has_containers),
		TEST(what_is_known_of_a_machine),
		TEST(a_broken_file_is_named),
		TEST(the_machine_goes_with_the_last_container),
		TEST(those_who_wait_for_a_pod_that_ends),
		TEST(a_machine_is_held),
		TEST(the_names_that_cannot_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
