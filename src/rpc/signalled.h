/*
 * What the monitor asks the agent while processes of the guest wait for locks of the host's: which
 * of these threads have got a signal? virtio-fs has no way to say so. A connection to
 * VSOCK_PORT_SIGNALLED is one question and one answer, each of this form in full.
 */
#pragma once

#include <stdint.h>

#define SIGNALLED_MAX 256

struct signalled {
	uint32_t count;
	uint32_t tid[SIGNALLED_MAX]; /* as the guest's first pid namespace counts */
};
