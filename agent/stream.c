/* Stream connections and their tokens: see stream.h. The loop's thread only. */
#include "agent/stream.h"

#include "base/list.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define EARLY_MAX	 64
#define EARLY_TIMEOUT_MS 30000

/* A connection that has no process yet: its token is being read, or nobody has claimed it. */
struct early {
	struct list link;
	struct stream_hub *hub;
	int fd;
	struct loop_fd *watch;	  /* until the token is whole */
	struct loop_timer *timer; /* closes it in the end */
	uint8_t token[8];
	size_t got;
};

struct stream_claim {
	struct list link;
	uint64_t token;
	void (*fn)(void *arg, int fd);
	void *arg;
	struct stream_claim **owner;
};

struct stream_hub {
	struct loop *loop;
	struct list early;
	unsigned early_count;
	struct list claims;
};

int stream_hub_new(struct loop *loop, struct stream_hub **ret)
{
	struct stream_hub *hub = calloc(1, sizeof(*hub));

	if (!hub)
		return -ENOMEM;
	hub->loop = loop;
	list_init(&hub->early);
	list_init(&hub->claims);
	*ret = hub;
	return 0;
}

/* Takes the entry off the list and gives its connection to the caller. */
static int early_take(struct early *e)
{
	int fd = e->fd;

	loop_fd_remove(e->watch);
	loop_timer_free(e->timer);
	list_del(&e->link);
	e->hub->early_count--;
	free(e);
	return fd;
}

void stream_hub_free(struct stream_hub *hub)
{
	if (!hub)
		return;
	list_for_each_safe (e, &hub->early, struct early, link)
		close(early_take(e));
	list_for_each_safe (c, &hub->claims, struct stream_claim, link)
		stream_claim_drop(c);
	free(hub);
}

static uint64_t early_token(const struct early *e)
{
	uint64_t token;

	memcpy(&token, e->token, sizeof(token));
	return le64toh(token);
}

static bool early_is(const struct early *e, uint64_t token)
{
	return e->got == sizeof(e->token) && early_token(e) == token;
}

/* Hands the connection of e to the claim; both are gone afterwards. */
static void match(struct early *e, struct stream_claim *claim)
{
	void (*fn)(void *arg, int fd) = claim->fn;
	void *arg = claim->arg;
	int fd = early_take(e);

	stream_claim_drop(claim);
	fn(arg, fd);
}

static void on_readable(void *arg, int fd, uint32_t events)
{
	struct early *e = arg;
	ssize_t n = recv(fd, e->token + e->got, sizeof(e->token) - e->got, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(early_take(e));
		return;
	}
	e->got += (size_t)n;
	if (e->got < sizeof(e->token))
		return;
	loop_fd_remove(e->watch);
	e->watch = NULL;
	list_for_each (c, &e->hub->claims, struct stream_claim, link) {
		if (c->token == early_token(e)) {
			match(e, c);
			return;
		}
	}
}

static void on_timeout(void *arg)
{
	close(early_take(arg));
}

int stream_hub_add(struct stream_hub *hub, int fd)
{
	struct early *e = calloc(1, sizeof(*e));
	int r;

	if (!e) {
		close(fd);
		return -ENOMEM;
	}
	if (hub->early_count == EARLY_MAX)
		close(early_take(container_of(hub->early.next, struct early, link)));
	e->hub = hub;
	e->fd = fd;
	list_add_tail(&hub->early, &e->link);
	hub->early_count++;
	r = loop_timer_new(hub->loop, on_timeout, e, &e->timer);
	if (r == 0)
		r = loop_timer_set(e->timer, EARLY_TIMEOUT_MS);
	if (r == 0)
		r = loop_fd_add(hub->loop, "stream", fd, EPOLLIN, on_readable, e, &e->watch);
	if (r < 0)
		close(early_take(e));
	return r;
}

int stream_claim(struct stream_hub *hub, uint64_t token, void (*fn)(void *arg, int fd), void *arg,
	struct stream_claim **ret)
{
	struct stream_claim *claim;

	list_for_each (c, &hub->claims, struct stream_claim, link)
		if (c->token == token)
			return -EEXIST;
	claim = calloc(1, sizeof(*claim));
	if (!claim)
		return -ENOMEM;
	*claim = (struct stream_claim){ .token = token, .fn = fn, .arg = arg, .owner = ret };
	list_add_tail(&hub->claims, &claim->link);
	*ret = claim;
	list_for_each (e, &hub->early, struct early, link) {
		if (early_is(e, token)) {
			match(e, claim);
			break;
		}
	}
	return 0;
}

void stream_claim_drop(struct stream_claim *claim)
{
	if (!claim)
		return;
	*claim->owner = NULL;
	list_del(&claim->link);
	free(claim);
}
