/* Requests that wait for something to happen: a process's end, an event. Used by api-facing code.
 */
#pragma once

#include "base/list.h"
#include "rpc/server.h"

struct parked {
	struct list link;
	struct rpc_request *request;
};

/* Puts r on the list, or answers it with an error when memory is out. */
void parked_add(struct list *list, struct rpc_request *r);

/* Takes the first one off the list; the caller answers it. NULL: there is none. */
struct rpc_request *parked_take(struct list *list);

/* Answers every request with the same message and empties the list. */
void parked_reply_all(struct list *list, const ProtobufCMessage *reply);
void parked_fail_all(struct list *list, enum rpc_code code, const char *message);

/* Gives up requests of a connection that has ended. */
void parked_drop_conn(struct list *list, const struct rpc_conn *conn);
