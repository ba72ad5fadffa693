/* What the relays have in common: see relay.h. */
#include "proxy/relay.h"

#include "base/auto.h"
#include "base/fd.h"
#include "proxy/confine.h"
#include "proxy/helper.h"
#include "rpc/client.h"
#include "rpc/vmclient.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

/* Where the caller has its own, see relay_start(). */
#define FIRST_FD 3

int relay_open_stream(const struct relay *relay, uint64_t token, int fd)
{
	const int fds[2] = { fd, relay->done_fd };
	struct err err = ERR_NONE;
	int r = vmclient_send_stream(
		relay->ctl_fd, token, VMCTL_TO_GUEST | VMCTL_FROM_GUEST, fds, 2, &err);

	if (r == 0)
		r = vmclient_reply(relay->ctl_fd, &err);
	if (r == -EPIPE || r == -EPROTO)
		_exit(1);
	return r;
}

/* A proc of this pid namespace, mounted nowhere, becomes the working directory. */
static int enter_proc(void)
{
	AUTO_CLOSE int fs = fsopen("proc", FSOPEN_CLOEXEC);
	AUTO_CLOSE int proc = -1;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	proc = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
	return proc < 0 || fchdir(proc) < 0 ? -errno : 0;
}

static bool is_ours(const struct relay *relay, int fd)
{
	bool ours = fd == relay->agent_fd || fd == relay->ctl_fd || fd == relay->done_fd;

	for (unsigned i = 0; i < relay->count; i++)
		ours = ours || fd == relay->sockets[i].fd;
	return ours;
}

/* The proxy's pipes and its caller's socket end with the proxy, not with us. */
static void close_others(const struct relay *relay)
{
	int last = relay->agent_fd > relay->ctl_fd ? relay->agent_fd : relay->ctl_fd;

	last = relay->done_fd > last ? relay->done_fd : last;
	for (unsigned i = 0; i < relay->count; i++)
		last = relay->sockets[i].fd > last ? relay->sockets[i].fd : last;
	for (int fd = FIRST_FD; fd < last; fd++)
		if (!is_ours(relay, fd))
			close(fd);
	syscall(SYS_close_range, (unsigned)last + 1, ~0U, 0);
}

/*
 * The relay's set-up, reported by how the pipe ends: a byte, or nothing. A network namespace of its
 * own has no abstract sockets that it could reach.
 */
static void child(const void *arg, int ready)
{
	const struct relay *relay = arg;
	struct rpc_client *agent;
	struct err err = ERR_NONE;

	prctl(PR_SET_NAME, "vmrun-relay");
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && unshare(CLONE_NEWNET) == 0 &&
		enter_proc() == 0 && fd_write_all(ready, "r", 1) == 0) {
		close_others(relay);
		if (confine_relay(&err) == 0 && rpc_client_new(relay->agent_fd, &agent) == 0)
			relay->run(relay, agent);
	}
}

int relay_start(const struct relay *relay, pid_t *ret, struct err *err)
{
	AUTO_CLOSE int ready = -1;
	int r = helper_start(child, relay, ret, &ready);

	return r < 0 ? err_set(err, -r, "cannot start the relay of sockets") : 0;
}
