/*
 * virtio-console (virtio 1.2, section 5.3), one port, output only: the guest's
 * kernel log and the agent's lines, bounded and harmless. Runs on the given
 * loop.
 */
#pragma once

#include "base/loop.h"
#include "dev/vdev.h"

struct console;

/*
 * log_fd (the caller's) gets at most max_bytes; what comes after is dropped,
 * after one line that says so. Control characters other than newline and tab
 * are replaced.
 */
int console_new(struct loop *loop, const struct gmem *gm, int log_fd, uint64_t max_bytes,
	struct console **ret) CHECKED;
void console_free(struct console *c);
struct vdev *console_vdev(struct console *c);
