/*
 * Stream connections: each begins with a token by which it finds its process. Connection and
 * process may come in either order.
 */
#pragma once

#include "base/loop.h"

#include <stdint.h>

struct stream_hub;
struct stream_claim;

int stream_hub_new(struct loop *loop, struct stream_hub **ret) CHECKED;
void stream_hub_free(struct stream_hub *hub);

/*
 * A new connection (owned by the hub from here on). It waits for its claim for half a minute, and
 * at most 64 do so at a time; then the oldest is closed.
 */
int stream_hub_add(struct stream_hub *hub, int fd) CHECKED;

/*
 * Claims the connection with this token: fn(arg, fd) gets it (and owns it), at once or when it
 * comes; *ret is then NULL, respectively set to NULL before the call. -EEXIST: the token is
 * claimed already. ret must stay valid until then or until stream_claim_drop().
 */
int stream_claim(struct stream_hub *hub, uint64_t token, void (*fn)(void *arg, int fd), void *arg,
	struct stream_claim **ret) CHECKED;
void stream_claim_drop(struct stream_claim *claim);
