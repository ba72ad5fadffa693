/* A notification from the guest, checked: nothing in it is believed before. */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/err.h"
#include "proxy/standin.h"

#include <linux/seccomp.h>

/* Those that the host's seccomp agent has not answered, or not even received. */
#define NOTIFICATIONS_MAX 16

struct notification {
	struct seccomp_notif notif; /* its pid is the guest's */
	struct standin_area areas[STANDIN_AREAS];
	unsigned area_count;
	const char *cwd; /* "": unknown */
};

/*
 * Takes one from a message, which must outlive *ret. Memory where this host can have none is left
 * out. -EPROTO: not one of our agent's.
 */
int notification_take(
	const Vmrun__Agent__NextNotificationResponse *in, struct notification *ret) CHECKED;
