/* More processors for a pod whose limits have grown. */
#pragma once

#include "oci/spec.h"
#include "rpc/client.h"

/*
 * Brings processors of the guest online until it has as many as the new limits come to, and warns
 * when the machine does not have them. Nothing is done when the limits name none.
 */
int processors_grow(
	struct rpc_client *agent, const struct spec_cpu *limits, struct err *err) CHECKED;
