/* The relay of listening sockets: see relay.h. */
#include "agent/calls.h"
#include "base/auto.h"
#include "base/fd.h"
#include "proxy/relay.h"
#include "rpc/client.h"

#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

/*
 * Whether the agent has connected the socket in the guest. It answers when there is room for
 * another connection: until then those that come wait where they are, in the host's kernel.
 */
static int connect_in_guest(const struct relay *relay, struct rpc_client *agent, unsigned number,
	uint64_t token, uint64_t refused)
{
	Vmrun__Agent__ConnectSocketRequest in = VMRUN__AGENT__CONNECT_SOCKET_REQUEST__INIT;
	struct err err = ERR_NONE;

	in.container = (char *)(uintptr_t)relay->container;
	in.process = (char *)(uintptr_t)relay->process;
	in.number = number;
	in.token = token;
	in.refused = refused;
	return agent_call_connect_socket(agent, &in, 0, NULL, &err);
}

/* One that the guest does not take is closed. Returns whether the agent is still there. */
static bool pass_on(
	const struct relay *relay, struct rpc_client *agent, unsigned i, uint64_t *refused)
{
	/* The socket is also others': if one of them is quicker, this waits for the next. */
	AUTO_CLOSE int conn = accept4(relay->sockets[i].fd, NULL, NULL, SOCK_CLOEXEC);
	uint64_t token = 0;
	int r;

	if (conn < 0 || getrandom(&token, sizeof(token), 0) != (ssize_t)sizeof(token) || !token)
		return true;
	r = connect_in_guest(relay, agent, relay->sockets[i].number, token, *refused);
	*refused = r == 0 && relay_open_stream(relay, token, conn) < 0 ? token : 0;
	return r != -EPIPE && r != -EPROTO;
}

void relay_run_listening(const struct relay *relay, struct rpc_client *agent)
{
	struct pollfd *fds = calloc(relay->count, sizeof(*fds));
	uint64_t refused = 0;
	bool there = fds;

	for (unsigned i = 0; fds && i < relay->count; i++)
		fds[i] = (struct pollfd){ .fd = relay->sockets[i].fd, .events = POLLIN };
	while (there && poll(fds, relay->count, -1) >= 0)
		for (unsigned i = 0; there && i < relay->count; i++)
			if (fds[i].revents)
				there = pass_on(relay, agent, i, &refused);
	free(fds);
}
