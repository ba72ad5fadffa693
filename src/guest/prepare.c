/* Running vmrun-prepare: see prepare.h. Called by guest.c, in vmrun, when the cache lacks
 * something. */
#include "guest/prepare.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/program.h"
#include "base/str.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER_MAX 4096

static const char *given(const char *option)
{
	return option ? option : "";
}

static int spawn(const char *path, const struct guest_options *options, int out, pid_t *ret)
{
	const char *args[] = {
		"vmrun-prepare",
		"image",
		[2 + PREPARE_KERNEL] = given(options->kernel),
		[2 + PREPARE_MODULES] = given(options->modules),
		[2 + PREPARE_INITRD] = given(options->initrd),
		[2 + PREPARE_AGENT] = options->agent,
		[2 + PREPARE_CACHE] = options->cache_dir,
		[2 + PREPARE_PCI] = options->pci ? "pci" : "",
		[2 + PREPARE_ARGS] = NULL,
	};
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (r == 0)
		r = posix_spawn(ret, path, &actions, NULL, (char **)(uintptr_t)args, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* What it has said before it ended; nothing when all is well. */
static int understand(struct buf *answer, int status, struct err *err)
{
	char *message = (char *)(uintptr_t)buf_str(answer), *word = strsep(&message, " ");
	uint64_t code;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (!message || str_to_u64(word, &code) < 0 || code == 0 || code > INT_MAX)
		return err_set(err, EIO, "vmrun-prepare ended with status %#x", status);
	return err_set(err, (int)code, "%s", message);
}

int prepare_image(const struct guest_options *options, struct err *err)
{
	AUTO(buf_done) struct buf answer = { 0 };
	AUTO_CLOSE int in = -1;
	char path[PATH_MAX];
	int fds[2], status, r = program_path("vmrun-prepare", path, err);
	pid_t pid;

	if (r < 0)
		return r;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	in = fds[0];
	r = spawn(path, options, fds[1], &pid);
	close(fds[1]);
	if (r < 0)
		return err_sys(err, -r, "%s", path);
	r = fd_read_to_end(in, ANSWER_MAX, &answer);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, errno, "vmrun-prepare");
	return r < 0 ? err_sys(err, -r, "vmrun-prepare") : understand(&answer, status, err);
}
