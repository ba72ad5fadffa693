/* Helpers: see helper.h. */
#include "proxy/helper.h"

#include "base/auto.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int helper_start(
	void (*run)(const void *arg, int ready), const void *arg, pid_t *ret_pid, int *ret_ready)
{
	AUTO_CLOSE int ours = -1;
	AUTO_CLOSE int theirs = -1;
	int fds[2];
	char byte;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	ours = fds[0];
	theirs = fds[1];
	pid = fork();
	if (pid == 0) {
		run(arg, theirs);
		_exit(1);
	}
	close_fd(&theirs);
	if (pid < 0 || read(ours, &byte, 1) != 1)
		return -EIO;
	*ret_pid = pid;
	*ret_ready = steal_fd(&ours);
	return 0;
}
