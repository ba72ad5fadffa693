/* The relay of bound sockets: see relay.h. */
#include "agent/calls.h"
#include "base/auto.h"
#include "proxy/relay.h"
#include "rpc/client.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* A socket whose owner does not accept holds the others up no longer. */
#define CONNECT_TIMEOUT_S 2

/* A socket that is known by descriptor only has a name in a proc of our own: the directory we are
 * in. */
static int connect_socket(int fd)
{
	static const struct timeval timeout = { .tv_sec = CONNECT_TIMEOUT_S };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	AUTO_CLOSE int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "self/fd/%d", fd);
	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
		connect(s, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return steal_fd(&s);
}

static int serve(const struct relay *relay, const Vmrun__Agent__NextSocketResponse *next)
{
	for (unsigned i = 0; i < relay->count; i++) {
		AUTO_CLOSE int fd = -1;

		if (strcmp(relay->sockets[i].share, next->share) != 0)
			continue;
		fd = connect_socket(relay->sockets[i].fd);
		return fd < 0 ? fd : relay_open_stream(relay, next->token, fd);
	}
	return -ENOENT;
}

void relay_run_bound(const struct relay *relay, struct rpc_client *agent)
{
	Vmrun__Agent__NextSocketRequest in = VMRUN__AGENT__NEXT_SOCKET_REQUEST__INIT;
	struct err err = ERR_NONE;

	in.container = (char *)(uintptr_t)relay->container;
	while (true) {
		Vmrun__Agent__NextSocketResponse *next;

		if (agent_call_next_socket(agent, &in, 0, &next, &err) < 0)
			return;
		in.refused = serve(relay, next) < 0 ? next->token : 0;
		vmrun__agent__next_socket_response__free_unpacked(next, NULL);
	}
}
