/*
 * vmrun-agent, PID 1 of the guest: boots it far enough to serve the agent API, then serves it until
 * the guest ends. One thread. What stops it is said on the guest's console, and the guest resets,
 * which the monitor on the host takes as its end.
 */
#include "agent/boot.h"
#include "agent/kmsg.h"
#include "agent/serve.h"
#include "agent/timeline.h"
#include "agent/vsock.h"
#include "rpc/ports.h"

#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>

static const struct {
	const char *phase;
	int (*run)(struct err *err);
} boot_steps[] = {
	{ "root", boot_root },
	{ "file systems", boot_filesystems },
	{ "modules", boot_modules },
	{ "limits", boot_limits },
	{ "cgroups", boot_cgroups },
	{ "network", boot_network },
	{ "shares", boot_shares },
};

static int boot(const char **phase, struct err *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(boot_steps); i++) {
		*phase = boot_steps[i].phase;
		r = boot_steps[i].run(err);
		timeline_done(*phase);
	}
	return r;
}

/* Listens before it calls: the host may dial as soon as it hears from us. */
static int serve(const char **phase, struct err *err)
{
	static const struct agent_config config = {
		.shares = SHARE_MOUNT,
		.volumes = VOLUMES_MOUNT,
		.volumes_tag = VOLUMES_TAG,
		.cgroup_root = BOOT_CGROUP_ROOT,
		.scratch = BOOT_SCRATCH,
	};
	AUTO(agent_free) struct agent *a = NULL;
	struct vsock *vsock;
	int r;

	*phase = "start";
	r = agent_new(&config, &a, err);
	if (r < 0)
		return r;
	timeline_done(*phase);
	*phase = "vsock";
	r = vsock_listen(a, &vsock, err);
	if (r == 0)
		r = vsock_ready(a, err);
	if (r < 0)
		return r;
	*phase = "event loop";
	r = loop_run(a->loop);
	return err_sys(err, r < 0 ? -r : ECANCELED, "ended");
}

int main(void)
{
	struct err err = ERR_NONE;
	const char *phase = "";

	if (getpid() != 1) {
		fputs("vmrun-agent: it is the init of a guest, not a command\n", stderr);
		return 1;
	}
	timeline_done("kernel");
	if (boot(&phase, &err) == 0)
		(void)!serve(&phase, &err);
	kmsg_line(KMSG_EMERGENCY, "%s: %s", phase, err.msg);
	reboot(RB_AUTOBOOT);
	/* The end of PID 1 is a panic, which ends the guest as well. */
	return 1;
}
