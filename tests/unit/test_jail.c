/* The jail from inside, each time in a process of its own. What needs root is skipped without. */
#include "base/auto.h"
#include "tests/unit/unit.h"
#include "vm/jail.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* In the child: the line that was not so. Its exit status would have no room for it. */
#define WANT(what)                                                                                 \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "line %d: not so: %s (errno %d)\n", __LINE__, #what,       \
				errno);                                                            \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

static int enter(void)
{
	struct err err = ERR_NONE;
	int fd = -1;

	if (jail_enter(&fd, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		_exit(1);
	}
	return fd;
}

static void in_child(void (*look)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		look();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void look_at_root(void)
{
	DIR *dir;
	unsigned entries = 0;

	enter();
	dir = opendir("/");
	WANT(dir != NULL);
	while (readdir(dir))
		entries++;
	WANT(entries == 2); /* . and .. */
	WANT(mkdir("/x", 0700) < 0 && errno == EROFS);
	WANT(open("/proc/self/fd", O_RDONLY) < 0 && errno == ENOENT);
}

static void the_root_is_empty(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	in_child(look_at_root);
}

static void look_at_proc(void)
{
	int file = open("/etc/passwd", O_PATH | O_CLOEXEC), proc, again;
	struct stat a, b;
	char number[16];

	WANT(file >= 0);
	proc = enter();
	WANT(fcntl(proc, F_GETFD) & FD_CLOEXEC);
	snprintf(number, sizeof(number), "%d", file);
	/* What a worker does: open what a descriptor names, through this directory. */
	again = openat(proc, number, O_RDONLY | O_CLOEXEC);
	WANT(again >= 0 && fstat(again, &a) == 0 && fstat(file, &b) == 0 && a.st_ino == b.st_ino);
	WANT(fchdir(proc) == 0);
	WANT(access(number, F_OK) == 0);
	if (geteuid() == 0) {
		WANT(openat(proc, "../status", O_RDONLY) < 0);
		WANT(openat(proc, "../../1/status", O_RDONLY) < 0);
		WANT(open("..", O_PATH) < 0 || access("../status", F_OK) < 0);
	}
}

static void only_our_descriptors_are_in_proc(void **state)
{
	(void)state;
	in_child(look_at_proc);
}

/* After the drop of privileges, as the file-system workers and everybody use it. */
static void look_without_privileges(void)
{
	int file = open("/etc/passwd", O_PATH | O_CLOEXEC), proc = enter();
	struct err err = ERR_NONE;
	char number[16];

	WANT(jail_keep_worker_caps() == 0);
	snprintf(number, sizeof(number), "%d", file);
	WANT(openat(proc, number, O_RDONLY | O_CLOEXEC) >= 0);
	WANT(jail_drop_privileges(&err) == 0);
	WANT(openat(proc, number, O_RDONLY | O_CLOEXEC) >= 0);
}

static void descriptors_open_without_privileges(void **state)
{
	(void)state;
	in_child(look_without_privileges);
}

static void look_at_namespaces(void)
{
	static const char *const names[] = { "self/ns/mnt", "self/ns/ipc", "self/ns/uts",
		"self/ns/net" };
	struct stat before[ARRAY_LEN(names)], after;
	int proc = open("/proc", O_PATH | O_DIRECTORY);

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		WANT(fstatat(proc, names[i], &before[i], 0) == 0);
	enter();
	/* The old proc is still reachable through the descriptor taken before. */
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		WANT(fstatat(proc, names[i], &after, 0) == 0 && after.st_ino != before[i].st_ino);
}

static void namespaces_are_our_own(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	in_child(look_at_namespaces);
}

static void look_at_limits(void)
{
	struct rlimit r;

	enter();
	WANT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	WANT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0);
	WANT(getrlimit(RLIMIT_CORE, &r) == 0 && r.rlim_cur == 0 && r.rlim_max == 0);
	WANT(getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur == r.rlim_max);
	WANT(umask(022) == 0);
}

static void limits(void **state)
{
	(void)state;
	in_child(look_at_limits);
}

static uint64_t permitted(uint64_t *ret_effective)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	WANT(syscall(SYS_capget, &head, data) == 0);
	*ret_effective = data[0].effective | (uint64_t)data[1].effective << 32;
	return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static void look_at_capabilities(void)
{
	struct err err = ERR_NONE;
	uint64_t effective;

	enter();
	WANT(jail_keep_worker_caps() == 0);
	WANT(permitted(&effective) & 1ULL << CAP_DAC_READ_SEARCH);
	WANT(!(permitted(&effective) & 1ULL << CAP_SYS_ADMIN));
	WANT(!(permitted(&effective) & 1ULL << CAP_SYS_PTRACE));
	WANT(!(permitted(&effective) & 1ULL << CAP_NET_ADMIN));
	WANT(jail_drop_privileges(&err) == 0);
	WANT(permitted(&effective) == 0 && effective == 0);
	/* And there is no way back. */
	WANT(jail_keep_worker_caps() == 0 && permitted(&effective) == 0);
	WANT(unshare(CLONE_NEWNS) < 0 && errno == EPERM);
}

static void capabilities_go(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	in_child(look_at_capabilities);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_root_is_empty),
		cmocka_unit_test(only_our_descriptors_are_in_proc),
		cmocka_unit_test(descriptors_open_without_privileges),
		cmocka_unit_test(namespaces_are_our_own),
		cmocka_unit_test(limits),
		cmocka_unit_test(capabilities_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
