/*
 * The agent API: see api.h. Each function checks what its call names, does it or begins it, and
 * answers or leaves the answer to whom it handed the request.
 */
#include "agent/api.h"

#include "agent/agent.pb-c.h"
#include "agent/clock.h"
#include "agent/create.h"
#include "agent/events.h"
#include "agent/exec.h"
#include "agent/launch.h"
#include "agent/life.h"
#include "agent/processors.h"
#include "agent/sd_notify.h"
#include "agent/slots.h"
#include "agent/sockets.h"
#include "agent/timeline.h"
#include "base/clock.h"
#include "base/str.h"
#include "rpc/ports.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/utsname.h>

struct api {
	Vmrun__Agent__Agent_Service service; /* first: handlers get its address */
	struct agent *agent;
};

static struct agent *agent_of(Vmrun__Agent__Agent_Service *service)
{
	return container_of(service, struct api, service)->agent;
}

static void reply_empty(struct rpc_request *r)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;

	rpc_reply(r, &empty.base);
}

/* The statuses that agent.proto promises. */
static void reply_failure(struct rpc_request *r, const struct err *err)
{
	static const struct {
		int code;
		enum rpc_code status;
	} map[] = {
		{ ENOENT, RPC_NOT_FOUND },
		{ EEXIST, RPC_ALREADY_EXISTS },
		{ EBUSY, RPC_FAILED_PRECONDITION },
		{ ESRCH, RPC_FAILED_PRECONDITION },
		{ EINVAL, RPC_INVALID_ARGUMENT },
		{ EACCES, RPC_PERMISSION_DENIED },
	};

	for (size_t i = 0; i < ARRAY_LEN(map); i++) {
		if (map[i].code == err->code) {
			rpc_reply_error(r, map[i].status, err->msg);
			return;
		}
	}
	rpc_reply_error(r, RPC_INTERNAL, err->msg);
}

static void reply_result(struct rpc_request *r, int result, const struct err *err)
{
	if (result < 0)
		reply_failure(r, err);
	else
		reply_empty(r);
}

/* NULL when it does not exist; r is answered then. */
static struct container *need_container(struct agent *a, const char *id, struct rpc_request *r)
{
	struct container *c = container_find(a, id);
	struct err err = ERR_NONE;

	if (!c || c->removing) {
		err_set(&err, ENOENT, "container %s does not exist", id);
		reply_failure(r, &err);
		return NULL;
	}
	return c;
}

static struct process *need_process(
	struct agent *a, const char *container, const char *id, struct rpc_request *r)
{
	struct container *c = need_container(a, container, r);
	struct process *p = c ? container_process(c, id) : NULL;
	struct err err = ERR_NONE;

	if (c && !p) {
		err_set(&err, ENOENT, "process %s of container %s does not exist", id, container);
		reply_failure(r, &err);
	}
	return p;
}

static int configure(const Vmrun__Agent__ConfigureRequest *in, struct err *err)
{
	int r = 0;

	if (in->api_major != AGENT_API_MAJOR)
		return err_set(err, EINVAL, "the agent speaks version %d of its API, not %u",
			AGENT_API_MAJOR, in->api_major);
	if (in->realtime_ns)
		r = clock_set_realtime(in->realtime_ns, err);
	if (r == 0 && in->entropy.len)
		r = entropy_add(in->entropy.data, in->entropy.len, err);
	if (r == 0 && in->hostname[0] && sethostname(in->hostname, strlen(in->hostname)) < 0)
		r = err_sys(err, errno, "hostname \"%s\"", in->hostname);
	return r;
}

/* With the steps of the boot; without them where there is no memory for that. */
static void reply_configured(void *request, Vmrun__Agent__ConfigureResponse *reply)
{
	size_t n;
	const struct boot_step *steps = timeline_steps(&n);
	AUTO_FREE Vmrun__Agent__BootStep *step = calloc(n + 1, sizeof(*step));
	AUTO_FREE Vmrun__Agent__BootStep **all = calloc(n + 1, sizeof(*all));

	for (size_t i = 0; step && all && i < n; i++) {
		vmrun__agent__boot_step__init(&step[i]);
		step[i].name = (char *)(uintptr_t)steps[i].name;
		step[i].done_ns = steps[i].done_ns;
		all[i] = &step[i];
		reply->n_boot_steps++;
	}
	reply->boot_steps = all;
	reply->now_ns = clock_now_ns();
	rpc_reply(request, &reply->base);
}

static void api_configure(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__ConfigureRequest *in, Vmrun__Agent__ConfigureResponse_Closure closure,
	void *request)
{
	Vmrun__Agent__ConfigureResponse reply = VMRUN__AGENT__CONFIGURE_RESPONSE__INIT;
	struct err err = ERR_NONE;
	struct utsname uts;

	(void)service;
	(void)closure;
	if (configure(in, &err) < 0) {
		reply_failure(request, &err);
		return;
	}
	uname(&uts);
	reply.kernel_release = uts.release;
	reply.api_minor = AGENT_API_MINOR;
	reply_configured(request, &reply);
}

static void api_create_container(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__CreateContainerRequest *in,
	Vmrun__Agent__CreateContainerResponse_Closure closure, void *request)
{
	struct err err = ERR_NONE;

	(void)closure;
	if (container_create(agent_of(service), in, request, &err) < 0)
		reply_failure(request, &err);
}

static void api_start_container(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__StartContainerRequest *in, Vmrun__Agent__Empty_Closure closure,
	void *request)
{
	struct process *p = need_process(agent_of(service), in->container, in->process, request);
	struct err err = ERR_NONE;
	int r;

	(void)closure;
	if (!p)
		return;
	if (p->state != PROCESS_CREATED || p->opened)
		r = err_set(&err, EBUSY, "container %s %s", in->container,
			p->state == PROCESS_EXITED ? "has stopped" : "is running already");
	else if (p->container->paused)
		r = err_set(&err, EBUSY, "container %s is paused", in->container);
	else
		r = launch_start(p, request, &err);
	if (r < 0)
		reply_failure(request, &err);
}

static void api_exec(Vmrun__Agent__Agent_Service *service, const Vmrun__Agent__ExecRequest *in,
	Vmrun__Agent__ExecResponse_Closure closure, void *request)
{
	struct container *c = need_container(agent_of(service), in->container, request);
	struct err err = ERR_NONE;

	(void)closure;
	if (c && container_exec(c, in, request, &err) < 0)
		reply_failure(request, &err);
}

static void api_wait(Vmrun__Agent__Agent_Service *service, const Vmrun__Agent__WaitRequest *in,
	Vmrun__Agent__WaitResponse_Closure closure, void *request)
{
	struct process *p = need_process(agent_of(service), in->container, in->process, request);

	(void)closure;
	if (!p)
		return;
	if (in->anchor)
		p->owner = rpc_request_conn(request);
	process_wait(p, request);
}

static void api_signal(Vmrun__Agent__Agent_Service *service, const Vmrun__Agent__SignalRequest *in,
	Vmrun__Agent__Empty_Closure closure, void *request)
{
	struct process *p = need_process(agent_of(service), in->container, in->process, request);
	struct err err = ERR_NONE;
	int r;

	(void)closure;
	if (!p)
		return;
	if (in->signal < 1 || in->signal > (uint32_t)SIGRTMAX)
		r = err_set(&err, EINVAL, "unknown signal %u", in->signal);
	else if (in->all)
		r = container_kill(p->container, (int)in->signal);
	else
		r = process_kill(p, (int)in->signal);
	if (r == -ESRCH)
		err_set(&err, ESRCH, "%s %s is not running",
			in->process[0] ? "process" : "container",
			in->process[0] ? in->process : in->container);
	else if (r < 0 && !err.code)
		err_sys(&err, -r, "signal %u", in->signal);
	reply_result(request, r, &err);
}

static void api_resize_terminal(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__ResizeTerminalRequest *in, Vmrun__Agent__Empty_Closure closure,
	void *request)
{
	struct process *p = need_process(agent_of(service), in->container, in->process, request);
	struct err err = ERR_NONE;
	int r;

	(void)closure;
	if (!p)
		return;
	r = stdio_resize(&p->io, in->rows, in->columns);
	if (r == -ENOTTY)
		err_set(&err, EBUSY, "the process has no terminal");
	else if (r < 0)
		err_sys(&err, -r, "window size");
	reply_result(request, r, &err);
}

static void api_add_processors(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__AddProcessorsRequest *in,
	Vmrun__Agent__AddProcessorsResponse_Closure closure, void *request)
{
	Vmrun__Agent__AddProcessorsResponse out = VMRUN__AGENT__ADD_PROCESSORS_RESPONSE__INIT;
	struct err err = ERR_NONE;
	int r = processors_online(in->count, &out.online, &err);

	(void)service;
	(void)closure;
	if (r < 0)
		reply_result(request, r, &err);
	else
		rpc_reply(request, &out.base);
}

static void api_bind_slot(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__BindSlotRequest *in, Vmrun__Agent__BindSlotResponse_Closure closure,
	void *request)
{
	Vmrun__Agent__BindSlotResponse out = VMRUN__AGENT__BIND_SLOT_RESPONSE__INIT;
	AUTO_CLOSE int sysfs = open("/sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct slot_device device;
	struct err err = ERR_NONE;
	int r = slot_bind(sysfs, in->slot, &device, &err);

	(void)service;
	(void)closure;
	if (r < 0) {
		reply_result(request, r, &err);
		return;
	}
	out.device = device.name;
	out.driver = device.driver;
	rpc_reply(request, &out.base);
}

/* One that is being removed already: the answer comes with the end of that. */
static void api_delete_container(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__ContainerRequest *in, Vmrun__Agent__Empty_Closure closure,
	void *request)
{
	struct agent *a = agent_of(service);
	struct container *c = container_find(a, in->container);

	(void)closure;
	if (c || (c = need_container(a, in->container, request)))
		container_remove(c, request);
}

static void api_connect_socket(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__ConnectSocketRequest *in, Vmrun__Agent__Empty_Closure closure,
	void *request)
{
	struct process *p = need_process(agent_of(service), in->container, in->process, request);
	struct err err = ERR_NONE;

	(void)closure;
	if (p && container_connect_socket(p, in, request, &err) < 0)
		reply_failure(request, &err);
}

/*
 * Most calls are about a container or a process, and answered by whom it is handed to. pass_on
 * finds it as c or p, the request as in, and what is to be answered as request.
 */
#define ON_CONTAINER(call, request_type, reply_type, pass_on)                                      \
	HAND_ON(container, c, call, request_type, reply_type, pass_on, in->container)
#define ON_PROCESS(call, request_type, reply_type, pass_on)                                        \
	HAND_ON(process, p, call, request_type, reply_type, pass_on, in->container, in->process)
#define HAND_ON(kind, it, call, request_type, reply_type, pass_on, ...)                            \
	static void api_##call(Vmrun__Agent__Agent_Service *service,                               \
		const Vmrun__Agent__##request_type *in,                                            \
		Vmrun__Agent__##reply_type##_Closure closure, void *request)                       \
	{                                                                                          \
		struct kind *it = need_##kind(agent_of(service), __VA_ARGS__, request);            \
                                                                                                   \
		(void)closure;                                                                     \
		if (it)                                                                            \
			pass_on;                                                                   \
	}

ON_CONTAINER(list_processes, ContainerRequest, ListProcessesResponse,
	container_list_processes(c, request))
ON_CONTAINER(pause, ContainerRequest, Empty, container_pause(c, request))
ON_CONTAINER(resume, ContainerRequest, Empty, container_resume(c, request))
ON_CONTAINER(update, UpdateRequest, Empty, container_update(c, in, request))
ON_CONTAINER(stats, ContainerRequest, StatsResponse, container_stats(c, request))
ON_CONTAINER(next_socket, NextSocketRequest, NextSocketResponse,
	sockets_next(c->sockets, in->refused, request))
ON_PROCESS(next_notification, NotificationRequest, NextNotificationResponse,
	listener_next(p->listener, request))
ON_PROCESS(notification_valid, NotificationRequest, NotificationResult,
	listener_valid(p->listener, in, request))
ON_PROCESS(answer_notification, NotificationRequest, NotificationResult,
	listener_answer(p->listener, in, request))
ON_CONTAINER(next_sd_notify, ContainerRequest, NextSdNotifyResponse,
	sd_notify_next(c->sd_notify, request))
ON_CONTAINER(wait_ready, ContainerRequest, Empty, sd_notify_wait_ready(c->sd_notify, request))

static void api_next_events(Vmrun__Agent__Agent_Service *service,
	const Vmrun__Agent__NextEventsRequest *in, Vmrun__Agent__NextEventsResponse_Closure closure,
	void *request)
{
	(void)closure;
	event_next(agent_of(service)->events, in->after, request);
}

int api_new(struct agent *a, struct api **ret)
{
	static const Vmrun__Agent__Agent_Service service = VMRUN__AGENT__AGENT__INIT(api_);
	struct api *api = malloc(sizeof(*api));

	if (!api)
		return -ENOMEM;
	*api = (struct api){ .service = service, .agent = a };
	*ret = api;
	return 0;
}

void api_free(struct api *api)
{
	free(api);
}

ProtobufCService *api_service(struct api *api)
{
	return &api->service.base;
}
