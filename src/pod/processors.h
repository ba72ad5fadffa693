/* More processors for a pod whose limits have grown. */
#pragma once

#include "oci/spec.h"
#include "rpc/client.h"

/*
 * Brings processors of the guest online until it has count of them, and warns when the machine does
 * not have as many.
 */
int processors_online(struct rpc_client *agent, uint64_t count, struct err *err) CHECKED;

/*
 * Brings processors of the guest online until it has as many as the new limits come to, and warns
 * when the machine does not have them. Nothing is done when the limits name none.
 */
int processors_grow(
	struct rpc_client *agent, const struct spec_cpu *limits, struct err *err) CHECKED;
