/* Namespaces: see namespaces.h. */
#include "agent/namespaces.h"

#include "base/auto.h"
#include "base/fd.h"

#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static const int clone_flag[] = {
	[VMRUN__AGENT__NAMESPACE__KIND__PID] = CLONE_NEWPID,
	[VMRUN__AGENT__NAMESPACE__KIND__MOUNT] = CLONE_NEWNS,
	[VMRUN__AGENT__NAMESPACE__KIND__UTS] = CLONE_NEWUTS,
	[VMRUN__AGENT__NAMESPACE__KIND__IPC] = CLONE_NEWIPC,
	[VMRUN__AGENT__NAMESPACE__KIND__CGROUP] = CLONE_NEWCGROUP,
	[VMRUN__AGENT__NAMESPACE__KIND__USER] = CLONE_NEWUSER,
	[VMRUN__AGENT__NAMESPACE__KIND__NETWORK] = CLONE_NEWNET,
	[VMRUN__AGENT__NAMESPACE__KIND__TIME] = CLONE_NEWTIME,
};

/* What the agent can be told to share between containers. */
#define JOINABLE                                                                                   \
	(CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWTIME | CLONE_NEWUSER)

static int plan_join(const char *id, int kind, namespaces_owner_fn *find, void *arg,
	struct namespaces *ns, struct err *err)
{
	struct namespaces_owner owner;
	int r;

	if (!(kind & JOINABLE))
		return err_set(err, EINVAL,
			"the mount or cgroup namespace of container %s cannot be joined", id);
	r = find(arg, id, &owner, err);
	if (r < 0)
		return r;
	if (kind == CLONE_NEWPID) {
		ns->pid_joined = owner.pidfd;
		return 0;
	}
	if (kind == CLONE_NEWUSER) {
		ns->user_of = owner;
		ns->user_asked = true;
		/* One without has the agent's, which nobody need join. */
		if (owner.entered & CLONE_NEWUSER)
			ns->user_joined = owner.pidfd;
		return 0;
	}
	if (ns->join_count == NAMESPACE_JOINS_MAX)
		return err_set(err, EINVAL, "too many namespaces");
	ns->joins[ns->join_count].pidfd = owner.pidfd;
	ns->joins[ns->join_count++].kind = kind;
	return 0;
}

int namespaces_plan(const Vmrun__Agent__CreateContainerRequest *request, namespaces_owner_fn *find,
	void *arg, struct namespaces *ret, struct err *err)
{
	struct namespaces ns = {
		.created = CLONE_NEWNS | CLONE_NEWPID,
		.pid_joined = -1,
		.user_joined = -1,
	};
	int asked = 0;

	for (size_t i = 0; i < request->n_namespaces; i++) {
		const Vmrun__Agent__Namespace *n = request->namespaces[i];
		int kind, r = 0;

		if ((unsigned)n->kind >= ARRAY_LEN(clone_flag))
			return err_set(err, EINVAL, "namespace %zu: unknown kind %d", i, n->kind);
		kind = clone_flag[n->kind];
		asked |= kind;
		if (n->join_container[0])
			r = plan_join(n->join_container, kind, find, arg, &ns, err);
		else
			ns.created |= kind;
		if (r < 0)
			return r;
	}
	if (ns.pid_joined >= 0)
		ns.created &= ~CLONE_NEWPID;
	ns.becomes_root = (ns.created & CLONE_NEWUSER) || ns.user_joined >= 0;
	if (!ns.becomes_root)
		asked &= ~CLONE_NEWUSER;
	if ((request->hostname[0] || request->domainname[0]) && !(asked & CLONE_NEWUTS))
		return err_set(err, EINVAL, "a host name needs a UTS namespace");
	ns.own_time = ns.created & CLONE_NEWTIME;
	ns.created &= ~(CLONE_NEWCGROUP | CLONE_NEWTIME);
	ns.own_cgroup_root = true;
	ns.entered = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
		     (asked & (CLONE_NEWUSER | CLONE_NEWTIME));
	*ret = ns;
	return 0;
}

void namespaces_plan_exec(int pidfd, int entered, struct namespaces *ret)
{
	*ret = (struct namespaces){
		.pid_joined = pidfd,
		.user_joined = -1,
		.entered = entered,
		.becomes_root = entered & CLONE_NEWUSER,
		.join_count = 1,
	};
	ret->joins[0].pidfd = pidfd;
	ret->joins[0].kind = entered;
}

bool namespaces_joined_at_birth(const struct namespaces *ns)
{
	return ns->user_joined >= 0 ||
	       ((ns->created & CLONE_NEWUSER) && (ns->join_count || ns->pid_joined >= 0));
}

bool namespaces_own_network(const struct namespaces *ns)
{
	if (ns->created & CLONE_NEWNET)
		return true;
	for (unsigned i = 0; ns->user_asked && i < ns->join_count; i++)
		if (ns->joins[i].kind == CLONE_NEWNET && ns->joins[i].pidfd == ns->user_of.pidfd)
			return ns->user_of.owns_network;
	return false;
}

int loopback_up(void)
{
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_name = "lo" };

	if (fd < 0)
		return -errno;
	if (ioctl(fd, SIOCGIFFLAGS, &ifr) < 0)
		return -errno;
	ifr.ifr_flags = (short)(ifr.ifr_flags | IFF_UP);
	return ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
}

int namespaces_enter(const struct namespaces *ns, struct err *err)
{
	int r;

	for (unsigned i = 0; !namespaces_joined_at_birth(ns) && i < ns->join_count; i++)
		if (setns(ns->joins[i].pidfd, ns->joins[i].kind) < 0)
			return err_sys(err, errno, "join of a namespace");
	/*
	 * Only now, and not in the clone: its root is to be the cgroup that the process was born
	 * in, not the one of the agent.
	 */
	if (ns->own_cgroup_root && unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(err, errno, "new cgroup namespace");
	if (ns->becomes_root) {
		/* The ids of the agent have no name in there; its root's are mapped. */
		if (setgroups(0, NULL) < 0 || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
			return err_sys(err, errno, "root of the user namespace");
	}
	if (ns->created & CLONE_NEWNET) {
		r = loopback_up();
		if (r < 0)
			return err_sys(err, -r, "loopback interface");
	}
	return 0;
}
