/* New limits of a container: see container_update() in container.h. The loop's thread only. */
#include "agent/container.h"

/* What is not attached yet will be, in the place of what it would have been. */
static int replace_filter(struct container *c, struct bpf_program *prog, struct err *err)
{
	struct bpf_program old = c->device_filter;
	int r = 0;

	if (c->device_filter_fd >= 0)
		r = device_filter_attach(prog, c->cgroup.fd, &c->device_filter_fd, err);
	if (r < 0)
		return r;
	c->device_filter = *prog;
	*prog = old;
	return 0;
}

/* With runc's words: which limit is rejected. */
static int above_use(
	const char *field, const char *which, uint64_t limit, uint64_t use, struct err *err)
{
	if (limit == 0 || limit > use)
		return 0;
	return err_set(err, EBUSY,
		"%s: rejecting %s limit %llu: it is not above the %llu bytes in use, as "
		"memory.checkBeforeUpdate wants it",
		field, which, (unsigned long long)limit, (unsigned long long)use);
}

/* As with runc, swap is not counted. Where nothing can be read there is nothing to check. */
static int check_use(
	const struct cgroup *cg, const Vmrun__Agent__UpdateRequest *in, struct err *err)
{
	uint64_t use = cgroup_read_number(cg, "memory.current");
	int r = above_use("memory.swap", "memory+swap", in->memory_and_swap_above_use, use, err);

	return r ? r : above_use("memory.limit", "memory", in->memory_above_use, use, err);
}

/* All or nothing: the rules come last, since nothing can fail once they are in force. */
static int update(struct container *c, const Vmrun__Agent__UpdateRequest *in, struct err *err)
{
	AUTO(cgroup_undo_done) struct cgroup_undo undo = { 0 };
	AUTO(bpf_program_done) struct bpf_program prog = { 0 };
	int r = 0;

	if (in->n_device_rules > 0)
		r = device_filter_compile((const Vmrun__Agent__DeviceRule *const *)in->device_rules,
			in->n_device_rules, &prog, err);
	if (r == 0)
		r = check_use(&c->cgroup, in, err);
	if (r == 0)
		r = cgroup_apply(&c->cgroup, (const Vmrun__Agent__CgroupSetting *const *)in->cgroup,
			in->n_cgroup, &undo, err);
	if (r == 0 && in->n_device_rules > 0)
		r = replace_filter(c, &prog, err);
	/* What cannot be put back either is as good as anything: the error says what was wrong. */
	if (r < 0)
		(void)!cgroup_undo_all(&undo);
	return r;
}

void container_update(
	struct container *c, const Vmrun__Agent__UpdateRequest *in, struct rpc_request *r)
{
	Vmrun__Agent__Empty empty = VMRUN__AGENT__EMPTY__INIT;
	struct err err = ERR_NONE;

	if (!container_alive(c))
		rpc_reply_error(r, RPC_FAILED_PRECONDITION, "the container is not running");
	else if (c->cgroup.fd < 0)
		rpc_reply_error(r, RPC_FAILED_PRECONDITION, "the guest has no cgroups");
	else if (update(c, in, &err) < 0)
		rpc_reply_err(r, &err);
	else
		rpc_reply(r, &empty.base);
}
