/* Parked requests: see parked.h. */
#include "agent/parked.h"

#include <stdlib.h>

void parked_add(struct list *list, struct rpc_request *r)
{
	struct parked *p = calloc(1, sizeof(*p));

	if (!p) {
		rpc_reply_error(r, RPC_RESOURCE_EXHAUSTED, "the agent is out of memory");
		return;
	}
	p->request = r;
	list_add_tail(list, &p->link);
}

static struct rpc_request *unpark(struct parked *p)
{
	struct rpc_request *r = p->request;

	list_del(&p->link);
	free(p);
	return r;
}

struct rpc_request *parked_take(struct list *list)
{
	return list_empty(list) ? NULL : unpark(container_of(list->next, struct parked, link));
}

void parked_reply_all(struct list *list, const ProtobufCMessage *reply)
{
	list_for_each_safe (p, list, struct parked, link)
		rpc_reply(unpark(p), reply);
}

void parked_fail_all(struct list *list, enum rpc_code code, const char *message)
{
	list_for_each_safe (p, list, struct parked, link)
		rpc_reply_error(unpark(p), code, message);
}

void parked_drop_conn(struct list *list, const struct rpc_conn *conn)
{
	list_for_each_safe (p, list, struct parked, link) {
		const struct rpc_conn *its = rpc_request_conn(p->request);

		/* NULL: the server has cut it off already. */
		if (!its || its == conn)
			rpc_reply_error(unpark(p), RPC_UNAVAILABLE, "the connection has ended");
	}
}
