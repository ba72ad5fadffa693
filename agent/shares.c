/* Shares: see shares.h. */
#include "agent/shares.h"

#include "base/path.h"
#include "rpc/ports.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/xattr.h>
#include <time.h>

/* The host says how long to wait: but no longer than it takes for anything to be forgotten. */
#define WAIT_MAX_NS 2000000000ULL

static int mount_volumes(struct agent *a, struct err *err)
{
	const struct agent_config *c = &a->config;
	int r;

	if (a->has_volumes || !c->volumes_tag)
		return 0;
	r = mkdir_all(c->volumes, 0755);
	if (r < 0)
		return err_sys(err, -r, "%s", c->volumes);
	if (mount(c->volumes_tag, c->volumes, "virtiofs", 0, NULL) < 0)
		return err_sys(err, errno, "virtiofs (tag %s)", c->volumes_tag);
	a->has_volumes = true;
	return 0;
}

int shares_open(struct agent *a, bool volumes, struct err *err)
{
	const char *path = volumes ? a->config.volumes : a->config.shares;
	int r = volumes ? mount_volumes(a, err) : 0;

	if (r < 0)
		return r;
	r = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r < 0 ? err_sys(err, errno, "%s", path) : r;
}

/* The coarse clock moves once a tick. */
static uint64_t tick_ns(void)
{
	struct timespec tick;

	return clock_getres(CLOCK_MONOTONIC_COARSE, &tick) < 0 ? 0 : (uint64_t)tick.tv_nsec;
}

static void settle(const char *shares)
{
	uint64_t beliefs[2], good_for = 2 * tick_ns(), wait;
	struct timespec ts;

	/* Where nothing tells them, as in the agent's tests, there are none. */
	if (getxattr(shares, SHARE_BELIEFS_XATTR, beliefs, sizeof(beliefs)) !=
		(ssize_t)sizeof(beliefs))
		return;
	wait = beliefs[0] < good_for ? good_for - beliefs[0] : 0;
	wait = wait > beliefs[1] ? wait : beliefs[1];
	wait = wait < WAIT_MAX_NS ? wait : WAIT_MAX_NS;
	ts = (struct timespec){ (time_t)(wait / 1000000000), (long)(wait % 1000000000) };
	if (wait)
		(void)ppoll(NULL, 0, &ts, NULL);
}

void shares_settle(const struct agent *a)
{
	settle(a->config.shares);
	if (a->has_volumes)
		settle(a->config.volumes);
}
