/*
 * virtio-console (virtio 1.2, section 5.3), one port, output only: the guest's kernel log and the
 * agent's lines, bounded and harmless. Runs on the given loop.
 */
#pragma once

#include "base/loop.h"
#include "dev/vdev.h"

#define CONSOLE_TAIL_BYTES 4096

struct console;

/*
 * log_fd (the caller's) gets at most max_bytes of output; what comes after is dropped, after one
 * line that says so. A log that cannot take more at the moment loses output, never time. Control
 * characters other than newline and tab, and whatever is not UTF-8, are replaced by '?'; carriage
 * returns go.
 */
int console_new(struct loop *loop, const struct gmem *gm, int log_fd, uint64_t max_bytes,
	struct console **ret) CHECKED;
void console_free(struct console *c);
struct vdev *console_vdev(struct console *c);

/*
 * The newest output, whether the log took it or not, as it would stand in the log. Fills to (room
 * size, at least 1) with a C string; returns its length. Loop thread.
 */
size_t console_tail(const struct console *c, char *to, size_t size);
/* Whether output was dropped because the log has had max_bytes. Loop thread. */
bool console_is_full(const struct console *c);
