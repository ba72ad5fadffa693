/*
 * The agent API for its callers: a pair of functions for each method of agent.proto, so that a
 * request of the wrong type, or a method that there is not, does not compile. For method X:
 *
 *     agent_call_x(client, &request, timeout_ms, &reply, err)
 *             calls and waits: see rpc_call(). The reply is the caller's
 *             (vmrun__agent__..._response__free_unpacked), NULL on failure; &reply may be NULL.
 *     agent_begin_x(client, &request, done, arg, err)
 *             the asynchronous form: see rpc_call_start().
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "rpc/client.h"

/* All methods, in the order of agent.proto: function, method, request, reply. */
#define AGENT_CALLS(CALL)                                                                          \
	CALL(configure, Configure, ConfigureRequest, ConfigureResponse)                            \
	CALL(create_container, CreateContainer, CreateContainerRequest, CreateContainerResponse)   \
	CALL(start_container, StartContainer, StartContainerRequest, Empty)                        \
	CALL(exec, Exec, ExecRequest, ExecResponse)                                                \
	CALL(wait, Wait, WaitRequest, WaitResponse)                                                \
	CALL(signal, Signal, SignalRequest, Empty)                                                 \
	CALL(resize_terminal, ResizeTerminal, ResizeTerminalRequest, Empty)                        \
	CALL(list_processes, ListProcesses, ContainerRequest, ListProcessesResponse)               \
	CALL(pause, Pause, ContainerRequest, Empty)                                                \
	CALL(resume, Resume, ContainerRequest, Empty)                                              \
	CALL(update, Update, UpdateRequest, Empty)                                                 \
	CALL(add_processors, AddProcessors, AddProcessorsRequest, AddProcessorsResponse)           \
	CALL(bind_slot, BindSlot, BindSlotRequest, BindSlotResponse)                               \
	CALL(stats, Stats, ContainerRequest, StatsResponse)                                        \
	CALL(delete_container, DeleteContainer, ContainerRequest, Empty)                           \
	CALL(next_socket, NextSocket, NextSocketRequest, NextSocketResponse)                       \
	CALL(next_notification, NextNotification, NotificationRequest, NextNotificationResponse)   \
	CALL(notification_valid, NotificationValid, NotificationRequest, NotificationResult)       \
	CALL(answer_notification, AnswerNotification, NotificationRequest, NotificationResult)     \
	CALL(connect_socket, ConnectSocket, ConnectSocketRequest, Empty)                           \
	CALL(next_sd_notify, NextSdNotify, ContainerRequest, NextSdNotifyResponse)                 \
	CALL(wait_ready, WaitReady, ContainerRequest, Empty)                                       \
	CALL(next_events, NextEvents, NextEventsRequest, NextEventsResponse)

#define AGENT_CALL_(name, method, request_type, reply_type)                                        \
	CHECKED static inline int agent_call_##name(struct rpc_client *client,                     \
		const Vmrun__Agent__##request_type *request, unsigned timeout_ms,                  \
		Vmrun__Agent__##reply_type **ret, struct err *err)                                 \
	{                                                                                          \
		ProtobufCMessage *reply = NULL;                                                    \
		int r = rpc_call(client, &vmrun__agent__agent__descriptor, #method,                \
			&request->base, timeout_ms, ret ? &reply : NULL, err);                     \
                                                                                                   \
		if (ret)                                                                           \
			*ret = (Vmrun__Agent__##reply_type *)reply;                                \
		return r;                                                                          \
	}                                                                                          \
                                                                                                   \
	CHECKED static inline int agent_begin_##name(struct rpc_client *client,                    \
		const Vmrun__Agent__##request_type *request, rpc_done_fn *done, void *arg,         \
		struct err *err)                                                                   \
	{                                                                                          \
		return rpc_call_start(client, &vmrun__agent__agent__descriptor, #method,           \
			&request->base, done, arg, err);                                           \
	}

AGENT_CALLS(AGENT_CALL_)
#undef AGENT_CALL_
