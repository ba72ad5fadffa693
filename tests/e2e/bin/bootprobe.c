/*
 * Boots a kernel and an initramfs with vmrun-vm alone, without pods and agents: for the end-to-end
 * cases about the machine, and for whoever works on it.
 *
 *   bootprobe [-c VCPUS] [-m MIB] [-a PARAMETERS] [-l KIB] [-s SLOTS] [-d] [-g | -p]
 *             MONITOR VMLINUX [INITRAMFS]
 *
 *   -a  kernel parameters        -l  limit of the console log     -d  the monitor's debug lines
 *   -s  empty slots
 *   -g  goes away as soon as the guest runs, without taking the pod over
 *   -p  the initramfs is vmrun's: once its agent is there, one device after the other is added
 * until there is no slot for it, and the agent told of each; then the guest is stopped
 *
 * Prints the phases of the boot with milliseconds since the start, then, when the guest has ended,
 * the console log and the monitor's exit status, and exits with that (128 + signal when killed).
 */
#include "agent/agent.pb-c.h"
#include "base/auto.h"
#include "base/clock.h"
#include "base/fd.h"
#include "rpc/client.h"
#include "rpc/vmctl.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#define EXIT_PROBE  125 /* the probe itself failed */
#define FIXED_SLOTS 4	/* console, rng, vsock, fs */

struct options {
	struct vmctl_start start;
	bool go, plug;
	const char *monitor, *kernel, *initrd;
};

static void fail(const char *what)
{
	fprintf(stderr, "bootprobe: %s: %s\n", what, strerror(errno));
	exit(EXIT_PROBE);
}

static int opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		fail(path);
	return fd;
}

static int listener(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un any = { .sun_family = AF_UNIX };

	/* Nobody is going to dial it: the kernel chooses a name. */
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(sa_family_t)) < 0 ||
		listen(fd, 1) < 0)
		fail("socket");
	return fd;
}

static pid_t spawn(const char *monitor, int ctl)
{
	pid_t pid = fork();

	if (pid < 0)
		fail("fork");
	if (pid > 0)
		return pid;
	if (ctl == VMCTL_FIRST_FD ? fcntl(ctl, F_SETFD, 0) < 0 : dup2(ctl, VMCTL_FIRST_FD) < 0)
		fail("control socket");
	execl(monitor, "vmrun-vm", NULL);
	fail(monitor);
	return -1;
}

static void send_start(const struct options *o, int ctl, int log)
{
	struct vmctl_request req = {
		.size = (uint32_t)vmctl_request_size(VMCTL_START),
		.op = VMCTL_START,
		.u.start = o->start,
	};
	int fds[VMCTL_START_FDS] = {
		[VMCTL_FD_MONITOR] = opened("/dev/kvm", O_RDWR),
		[VMCTL_FD_KERNEL] = opened(o->kernel, O_RDONLY),
		[VMCTL_FD_INITRD] = o->initrd ? opened(o->initrd, O_RDONLY)
					      : memfd_create("initramfs", MFD_CLOEXEC),
		[VMCTL_FD_ALIVE] = memfd_create("alive", MFD_CLOEXEC),
		[VMCTL_FD_LOG] = log,
		[VMCTL_FD_LISTEN] = listener(),
	};
	int r = fd_send(ctl, &req, req.size, fds, VMCTL_FD_MOUNTS);

	if (r < 0) {
		errno = -r;
		fail(o->monitor);
	}
	for (int i = 0; i < VMCTL_FD_MOUNTS; i++)
		if (i != VMCTL_FD_LOG)
			close(fds[i]);
}

/* Asks for what has no body or that of a device; what comes beside the reply is passed over. */
static void ask(int ctl, enum vmctl_op op, uint32_t kind, struct vmctl_reply *reply)
{
	struct vmctl_request req = {
		.size = (uint32_t)vmctl_request_size(op),
		.op = op,
		.u.device.kind = kind,
	};
	int fd, r = fd_send(ctl, &req, req.size, NULL, 0);
	ssize_t got;

	if (r < 0)
		fail("control socket");
	do {
		unsigned n = 1;

		got = fd_recv(ctl, reply, sizeof(*reply), &fd, &n);
		if (got > 0 && n)
			close(fd);
	} while (got == (ssize_t)sizeof(*reply) && reply->kind != VMCTL_REPLY);
	if (got != (ssize_t)sizeof(*reply))
		fail("control socket");
}

static void bind_slot(struct rpc_client *agent, uint32_t slot)
{
	Vmrun__Agent__BindSlotRequest in = VMRUN__AGENT__BIND_SLOT_REQUEST__INIT;
	const Vmrun__Agent__BindSlotResponse *out;
	ProtobufCMessage *reply = NULL;
	struct err err = ERR_NONE;

	in.slot = slot;
	if (rpc_call(agent, &vmrun__agent__agent__descriptor, "BindSlot", &in.base, 0, &reply,
		    &err) < 0) {
		printf("slot %u: %s\n", slot, err.msg);
		return;
	}
	out = (const Vmrun__Agent__BindSlotResponse *)reply;
	printf("slot %u: %s has %s\n", slot, out->driver, out->device);
	protobuf_c_message_free_unpacked(reply, NULL);
}

static void plug(const struct options *o, int ctl, int agent_fd)
{
	struct rpc_client *agent;
	struct vmctl_reply reply;

	if (rpc_client_new(agent_fd, &agent) < 0)
		fail("agent");
	/* While nothing is in it. */
	bind_slot(agent, FIXED_SLOTS);
	for (;;) {
		ask(ctl, VMCTL_DEVICE_ADD, VMCTL_DEVICE_RNG, &reply);
		if (reply.code)
			break;
		bind_slot(agent, reply.value);
		bind_slot(agent, reply.value); /* once more changes nothing */
	}
	printf("no more: %.*s\n", (int)sizeof(reply.msg), reply.msg);
	bind_slot(agent, FIXED_SLOTS + o->start.spare_slots);
	rpc_client_free(agent);
	ask(ctl, VMCTL_STOP, 0, &reply);
}

/* Prints what the monitor says until it has ended, or until the guest runs when we are to go. */
static void follow(const struct options *o, int ctl, uint64_t began)
{
	static const char *const phases[] = { "none", "loaded", "running", "drivers", "ready" };
	struct vmctl_reply r;
	unsigned n = 1;
	int fd;

	while (fd_recv(ctl, &r, sizeof(r), &fd, &n) == (ssize_t)sizeof(r)) {
		if (r.kind != VMCTL_REPLY && r.phase < ARRAY_LEN(phases))
			printf("phase %s at %.1f ms\n", phases[r.phase],
				(double)(r.at_ns - began) / 1e6);
		else if (r.kind == VMCTL_REPLY && r.code)
			printf("refused: %.*s\n", (int)sizeof(r.msg), r.msg);
		else if (r.kind == VMCTL_REPLY && o->go)
			return;
		if (n && r.kind == VMCTL_EVENT_READY && o->plug)
			plug(o, ctl, fd);
		else if (n)
			close(fd);
		fflush(stdout);
		n = 1;
	}
}

static int parse(int argc, char **argv, struct options *o)
{
	int c;

	*o = (struct options){
		.start = { .memory_mib = 512, .vcpus = 1, .log_max_kib = 1024 },
	};
	while ((c = getopt(argc, argv, "c:m:a:l:s:dgp")) != -1) {
		if (c == 'c')
			o->start.vcpus = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'm')
			o->start.memory_mib = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'l')
			o->start.log_max_kib = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'a')
			snprintf(o->start.params, sizeof(o->start.params), "%s", optarg);
		else if (c == 's')
			o->start.spare_slots = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'p')
			o->plug = true;
		else if (c == 'd')
			o->start.debug = 1;
		else if (c == 'g')
			o->go = true;
		else
			return -1;
	}
	if (argc - optind < 2 || argc - optind > 3)
		return -1;
	o->monitor = argv[optind];
	o->kernel = argv[optind + 1];
	o->initrd = argv[optind + 2];
	return 0;
}

int main(int argc, char **argv)
{
	struct options o;
	int log = memfd_create("log", MFD_CLOEXEC), sv[2], status;
	uint64_t began = (uint64_t)clock_now_ns();
	char text[4096];
	ssize_t n;
	pid_t pid;

	if (parse(argc, argv, &o) < 0) {
		fprintf(stderr, "usage: bootprobe [-c VCPUS] [-m MIB] [-a PARAMETERS] [-l KIB] "
				"[-s SLOTS] [-d] [-g | -p] MONITOR VMLINUX [INITRAMFS]\n");
		return EXIT_PROBE;
	}
	if (log < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		fail("socketpair");
	pid = spawn(o.monitor, sv[1]);
	close(sv[1]);
	send_start(&o, sv[0], log);
	follow(&o, sv[0], began);
	close(sv[0]);
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid");
	printf("ended at %.1f ms\n", (double)((uint64_t)clock_now_ns() - began) / 1e6);
	for (off_t at = 0; (n = pread(log, text, sizeof(text), at)) > 0; at += n)
		fwrite(text, 1, (size_t)n, stdout);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	printf("exit %d\n", status);
	return status;
}
