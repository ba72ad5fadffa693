/*
 * Boots a kernel and an initramfs with vmrun-vm alone, without pods and agents: for the end-to-end
 * case about the machine, and for whoever works on it.
 *
 *   bootprobe [-c VCPUS] [-m MIB] [-a PARAMETERS] [-l KIB] [-d] [-g] MONITOR VMLINUX
 *             [INITRAMFS]
 *
 *   -a  kernel parameters        -l  limit of the console log     -d  the monitor's debug lines
 *   -g  goes away as soon as the guest runs, without taking the pod over
 *
 * Prints the phases of the boot with milliseconds since the start, then, when the guest has ended,
 * the console log and the monitor's exit status, and exits with that (128 + signal when killed).
 */
#include "base/auto.h"
#include "base/fd.h"
#include "rpc/vmctl.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define EXIT_PROBE 125 /* the probe itself failed */

struct options {
	struct vmctl_start start;
	bool go;
	const char *monitor, *kernel, *initrd;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

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

/* Prints what the monitor says until it has ended, or until the guest runs when we are to go. */
static void follow(const struct options *o, int ctl, uint64_t began)
{
	static const char *const phases[] = { "none", "loaded", "running", "drivers", "ready" };
	struct vmctl_reply r;
	unsigned n = 1;
	int fd;

	while (fd_recv(ctl, &r, sizeof(r), &fd, &n) == (ssize_t)sizeof(r)) {
		if (n)
			close(fd);
		if (r.kind != VMCTL_REPLY && r.phase < ARRAY_LEN(phases))
			printf("phase %s at %.1f ms\n", phases[r.phase],
				(double)(r.at_ns - began) / 1e6);
		else if (r.kind == VMCTL_REPLY && r.code)
			printf("refused: %.*s\n", (int)sizeof(r.msg), r.msg);
		else if (r.kind == VMCTL_REPLY && o->go)
			return;
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
	while ((c = getopt(argc, argv, "c:m:a:l:dg")) != -1) {
		if (c == 'c')
			o->start.vcpus = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'm')
			o->start.memory_mib = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'l')
			o->start.log_max_kib = (uint32_t)strtoul(optarg, NULL, 10);
		else if (c == 'a')
			snprintf(o->start.params, sizeof(o->start.params), "%s", optarg);
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
	uint64_t began = now_ns();
	char text[4096];
	ssize_t n;
	pid_t pid;

	if (parse(argc, argv, &o) < 0) {
		fprintf(stderr, "usage: bootprobe [-c VCPUS] [-m MIB] [-a PARAMETERS] [-l KIB] "
				"[-n] [-d] [-g] MONITOR VMLINUX [INITRAMFS]\n");
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
	printf("ended at %.1f ms\n", (double)(now_ns() - began) / 1e6);
	for (off_t at = 0; (n = pread(log, text, sizeof(text), at)) > 0; at += n)
		fwrite(text, 1, (size_t)n, stdout);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	printf("exit %d\n", status);
	return status;
}
