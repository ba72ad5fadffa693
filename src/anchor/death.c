/* Causes of a pod's death: see death.h. Part of the proxy as well. */
#include "anchor/death.h"

#include "base/str.h"

static const struct {
	const char *name, *message, *advice;
} causes[DEATH_CAUSES] = {
	[DEATH_GUEST_PANIC] = { "guest-panic", "the guest's kernel panicked",
		"the log's last lines say where; try another guest kernel (\"kernel\" in "
		"vmrun.conf), or report it" },
	[DEATH_GUEST_OUT_OF_MEMORY] = { "guest-out-of-memory",
		"the guest had no memory left, and nothing that it could kill for some",
		"give the container more memory, or set a memory limit so that the kernel kills in "
		"time" },
	[DEATH_GUEST_RESET] = { "guest-reset", "the guest reset itself without a word",
		"a triple fault or a reboot: something with privileges in the guest asked for it" },
	[DEATH_GUEST_POWER_OFF] = { "guest-power-off", "the guest powered itself off",
		"something with privileges in the guest asked for it" },
	[DEATH_AGENT_LOST] = { "agent-lost", "the agent in the guest answers no more",
		"the log's last lines may say why; please report it" },
	[DEATH_MONITOR_FAILED] = { "monitor-failed",
		"the monitor (vmrun-vm) could not go on with the guest",
		"the log's last lines say why; \"vmrun check\" tells what this host can do" },
	[DEATH_MONITOR_KILLED] = { "monitor-killed", "the monitor (vmrun-vm) was killed or crashed",
		"look in the host's kernel log (journalctl -k) for a crash or an OOM kill of "
		"vmrun-vm" },
	[DEATH_MONITOR_OOM_KILLED] = { "monitor-oom-killed",
		"the host's kernel killed the virtual machine for lack of memory",
		"the host, or the cgroup that the container is in, needs more memory" },
	[DEATH_EMULATOR_DIED] = { "emulator-died", "QEMU ended without the guest's asking for it",
		"the log's last lines have QEMU's own words and status; look in the host's kernel "
		"log, too" },
	[DEATH_ANCHOR_KILLED] = { "anchor-killed",
		"the container's process on the host (vmrun-proxy) was killed, and the guest went "
		"with it",
		"somebody sent it SIGKILL, or the host's kernel did for lack of memory" },
};

const char *death_name(enum death_cause cause)
{
	return causes[cause].name;
}

const char *death_message(enum death_cause cause)
{
	return causes[cause].message;
}

const char *death_advice(enum death_cause cause)
{
	return causes[cause].advice;
}

int death_from_name(const char *name)
{
	for (int i = 0; i < DEATH_CAUSES; i++)
		if (streq(causes[i].name, name))
			return i;
	return -1;
}
