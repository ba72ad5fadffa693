/* The agent put together: see serve.h. */
#include "agent/serve.h"

#include "agent/api.h"
#include "agent/cgroup.h"
#include "agent/events.h"
#include "agent/life.h"
#include "agent/reap.h"
#include "agent/stream.h"
#include "base/fd.h"
#include "rpc/server.h"

#include <fcntl.h>
#include <signal.h>

static void on_conn_closed(void *arg, struct rpc_conn *conn)
{
	struct agent *a = arg;

	event_conn_closed(a->events, conn);
	containers_conn_closed(a, conn);
}

static int make_parts(struct agent *a)
{
	int r = loop_new(&a->loop);

	if (r == 0)
		r = reaper_new(a, &a->reaper);
	if (r == 0)
		r = stream_hub_new(a->loop, &a->streams);
	if (r == 0)
		r = event_log_new(&a->events);
	if (r == 0)
		r = api_new(a, &a->api);
	if (r == 0)
		r = rpc_server_new(a->loop, api_service(a->api), on_conn_closed, a, &a->server);
	return r;
}

int agent_new(const struct agent_config *config, struct agent **ret, struct err *err)
{
	AUTO(agent_free) struct agent *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_sys(err, ENOMEM, "agent");
	a->config = *config;
	list_init(&a->containers);
	a->null_fd = a->pidns_fd = -1;
	signal(SIGPIPE, SIG_IGN);
	a->null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (a->null_fd < 0)
		return err_sys(err, errno, "/dev/null");
	a->pidns_fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (a->pidns_fd < 0)
		return err_sys(err, errno, "/proc/self/ns/pid");
	r = make_parts(a);
	if (r < 0)
		return err_sys(err, -r, "event loop");
	if (config->cgroup_root) {
		r = cgroups_new(a->loop, config->cgroup_root, &a->cgroups, err);
		if (r < 0)
			return r;
	}
	*ret = steal_ptr(&a);
	return 0;
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	containers_free(a);
	rpc_server_free(a->server);
	event_log_free(a->events);
	stream_hub_free(a->streams);
	cgroups_free(a->cgroups);
	reaper_free(a->reaper);
	api_free(a->api);
	loop_free(a->loop);
	close_fd(&a->null_fd);
	close_fd(&a->pidns_fd);
	free(a);
}

int agent_serve_rpc(struct agent *a, int fd)
{
	return rpc_server_add(a->server, fd);
}

int agent_serve_stream(struct agent *a, int fd)
{
	return stream_hub_add(a->streams, fd);
}
