/* Processors: see processors.h. */
#include "pod/processors.h"

#include "agent/calls.h"
#include "base/log.h"
#include "oci/annotations.h"

/* Each takes a moment to start. */
#define CALL_TIMEOUT_MS 30000

int processors_online(struct rpc_client *agent, uint64_t count, struct err *err)
{
	Vmrun__Agent__AddProcessorsRequest in = VMRUN__AGENT__ADD_PROCESSORS_REQUEST__INIT;
	Vmrun__Agent__AddProcessorsResponse *out;
	int r;

	in.count = count < MACHINE_VCPUS_MAX ? (uint32_t)count : MACHINE_VCPUS_MAX;
	if (in.count < 2)
		return 0; /* that one is there */
	r = agent_call_add_processors(agent, &in, CALL_TIMEOUT_MS, &out, err);
	if (r < 0)
		return r;
	if (out->online < in.count)
		log_warn("the limits are those of %u processors, the virtual machine has %u (the "
			 "settings vcpus_spare and vcpus_max say how many it may have)",
			in.count, out->online);
	vmrun__agent__add_processors_response__free_unpacked(out, NULL);
	return 0;
}

int processors_grow(struct rpc_client *agent, const struct spec_cpu *limits, struct err *err)
{
	return processors_online(agent, machine_vcpus_of(limits), err);
}
