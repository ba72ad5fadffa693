/* Which of a caller's descriptors are kept. Each case is a process of its own: the others close. */
#include "cmd/passed_fds.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define MINE (-1)

static const struct {
	const char *option[2]; /* on the command line */
	const char *listen_fds;
	int listen_pid; /* MINE: the process's own; 0: none is given */
	uint64_t preserve;
	bool with_listen;
	unsigned open;	    /* 3 to 2 + open are */
	const char *wanted; /* the error, or "LISTEN+PRESERVED" */
} cases[] = {
	{ { NULL, NULL }, NULL, 0, 0, true, 4, "0+0" },
	{ { "--preserve-fds", "2" }, NULL, 0, 2, true, 4, "0+2" },
	{ { "--preserve-fds=2", NULL }, NULL, 0, 2, true, 4, "0+2" },
	{ { "--preserve-fds", "2" }, "1", MINE, 2, true, 4, "1+2" },
	{ { "--preserve-fds", "2" }, "1", MINE, 2, false, 4, "0+2" },
	{ { NULL, NULL }, "1", 1, 0, true, 4, "0+0" },
	{ { NULL, NULL }, "1", 0, 0, true, 4, "0+0" },
	{ { NULL, NULL }, "x", MINE, 0, true, 4, "0+0" },
	{ { "--preserve-fds", "3" }, NULL, 0, 3, true, 2,
		"--preserve-fds: descriptor 5 is not open" },
	{ { NULL, NULL }, "3", MINE, 0, true, 2, "LISTEN_FDS: descriptor 5 is not open" },
	{ { "--preserve-fds", "48" }, "1", MINE, 48, true, 2, "--preserve-fds: no more than 48" },
	{ { "--preserve-fds", "99999999999" }, NULL, 0, 99999999999, true, 2,
		"--preserve-fds: no more than 48" },
	/* Of a shell's <(...), that is. */
	{ { "--process", "/dev/fd/40" }, NULL, 0, 0, true, 2, "40 is open" },
	{ { "--process=/proc/self/fd/40", NULL }, NULL, 0, 0, true, 2, "40 is open" },
	{ { "--process", "/dev/fd/41" }, NULL, 0, 0, true, 2, "0+0" },
	{ { "--process", "/dev/fd/40x" }, NULL, 0, 0, true, 2, "0+0" },
};

/* In the child: what has become of them. */
static void look(size_t i, char *to, size_t room)
{
	struct passed_fds fds;
	struct err err = ERR_NONE;

	if (passed_fds(cases[i].preserve, cases[i].with_listen, &fds, &err) < 0) {
		snprintf(to, room, "%s", err.msg);
		return;
	}
	snprintf(to, room, "%u+%u", fds.listen, fds.count - fds.listen);
	for (unsigned k = 0; k < fds.count; k++)
		if (!(fcntl(DESCRIPTOR_FIRST + (int)k, F_GETFD) & FD_CLOEXEC))
			snprintf(to, room, "%u is inherited", DESCRIPTOR_FIRST + k);
	/* All that is kept may also be for LISTEN_FDS. */
	for (int fd = DESCRIPTOR_FIRST + (int)fds.count + 1; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			snprintf(to, room, "%d is %s", fd,
				fcntl(fd, F_GETFD) & FD_CLOEXEC ? "open" : "inherited");
}

static void child(size_t i, int out)
{
	char *argv[] = { (char[]){ "vmrun" }, (char *)(uintptr_t)cases[i].option[0],
		(char *)(uintptr_t)cases[i].option[1], NULL };
	int argc = 1 + !!cases[i].option[0] + !!cases[i].option[1];
	char got[256] = "", pid[16];

	snprintf(pid, sizeof(pid), "%d",
		cases[i].listen_pid == MINE ? (int)getpid() : cases[i].listen_pid);
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_PID");
	if (cases[i].listen_fds)
		setenv("LISTEN_FDS", cases[i].listen_fds, 1);
	if (cases[i].listen_pid)
		setenv("LISTEN_PID", pid, 1);
	/* The pipe's place is among the standard streams, which stay. */
	dup2(out, 1);
	for (int fd = 3; fd < 64; fd++)
		close(fd);
	for (unsigned k = 0; k < cases[i].open; k++)
		if (open("/dev/null", O_RDONLY) != DESCRIPTOR_FIRST + (int)k)
			_exit(1);
	(void)!fcntl(0, F_DUPFD, 40);
	passed_fds_keep(argc, argv);
	look(i, got, sizeof(got));
	_exit(write(1, got, strlen(got) + 1) > 0 ? 0 : 1);
}

static void keeps_what_is_passed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char got[256] = "";
		int fds[2], status;
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		if (pid == 0)
			child(i, fds[1]);
		close(fds[1]);
		assert_true(read(fds[0], got, sizeof(got) - 1) > 0);
		close(fds[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		if (strncmp(got, cases[i].wanted, strlen(cases[i].wanted)) != 0)
			fail_msg("case %zu: %s, not %s", i, got, cases[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_is_passed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
