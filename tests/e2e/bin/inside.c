/*
 * What a process in a container can find out about itself, and busybox cannot tell. Static: cases
 * copy it into bundles.
 *
 *   inside scheduling    policy, nice, priority, flags, runtime, deadline, period; I/O class and
 *                        priority; CPUs
 *   inside memory        mode (with flags) and first node mask word of the memory policy
 *   inside clocks        whole seconds of CLOCK_MONOTONIC, CLOCK_BOOTTIME
 *   inside open r|w|rw PATH      "ok", or the error
 *   inside mknod c|b MAJOR MINOR PATH    the same
 *   inside connect PATH          copies stdin to the UNIX socket, then its answer to stdout
 *   inside socket FD             family, "listening" or "connected", address
 *   inside serve FD COUNT        accepts that many connections, and answers each with the address
 * and what it says inside notify TEXT           sends TEXT to $NOTIFY_SOCKET, "|" for line ends
 *   inside barrier               as sd_notify_barrier(3); "ok" when it has been passed
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/sched/types.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int scheduling(char **args)
{
	struct sched_attr a = { 0 };
	uint8_t cpus[1024];
	long n = syscall(SYS_sched_getaffinity, 0, sizeof(cpus), cpus);
	long io = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);

	(void)args;
	if (n < 0 || io < 0 || syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) < 0)
		return 1;
	printf("policy=%u nice=%d priority=%u flags=%llu runtime=%llu deadline=%llu period=%llu ",
		a.sched_policy, a.sched_nice, a.sched_priority, (unsigned long long)a.sched_flags,
		(unsigned long long)a.sched_runtime, (unsigned long long)a.sched_deadline,
		(unsigned long long)a.sched_period);
	printf("io=%ld:%ld cpus=", io >> IOPRIO_CLASS_SHIFT, io & (long)IOPRIO_PRIO_MASK);
	for (long i = 0; i < n * 8; i++)
		if (cpus[i / 8] >> i % 8 & 1)
			printf("%ld,", i);
	putchar('\n');
	return 0;
}

static int memory(char **args)
{
	unsigned long nodes[16] = { 0 };
	int mode = -1;

	(void)args;
	if (syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * 8, NULL, 0) < 0)
		return 1;
	printf("mode=%d nodes=%lx\n", mode, nodes[0]);
	return 0;
}

static int clocks(char **args)
{
	struct timespec mono, boot;

	(void)args;
	if (clock_gettime(CLOCK_MONOTONIC, &mono) < 0 || clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		return 1;
	printf("%lld %lld\n", (long long)mono.tv_sec, (long long)boot.tv_sec);
	return 0;
}

static int told(int result)
{
	puts(result < 0 ? strerrorname_np(errno) : "ok");
	return 0;
}

static int try_open(char **args)
{
	int mode = strcmp(args[0], "rw") == 0 ? O_RDWR : *args[0] == 'w' ? O_WRONLY : O_RDONLY;

	return told(open(args[1], mode | O_NONBLOCK | O_NOCTTY));
}

static int try_mknod(char **args)
{
	mode_t type = *args[0] == 'b' ? S_IFBLK : S_IFCHR;
	unsigned major = (unsigned)strtoul(args[1], NULL, 10);
	unsigned minor = (unsigned)strtoul(args[2], NULL, 10);

	return told(mknod(args[3], type | 0600, makedev(major, minor)));
}

static int copy(int from, int to)
{
	char data[65536];
	ssize_t n;

	while ((n = read(from, data, sizeof(data))) > 0)
		for (ssize_t at = 0, w; at < n; at += w) {
			w = write(to, data + at, (size_t)(n - at));
			if (w < 0)
				return told(-1);
		}
	return n < 0 ? told(-1) : 0;
}

static int connect_to(char **args)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(addr.sun_path, args[0], sizeof(addr.sun_path) - 1);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return told(-1);
	if (copy(STDIN_FILENO, fd) != 0)
		return 0;
	shutdown(fd, SHUT_WR);
	return copy(fd, STDOUT_FILENO);
}

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

static int describe(int fd, char *to, size_t room)
{
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} a = { 0 };

	socklen_t len = sizeof(a), one = sizeof(int);
	char text[INET6_ADDRSTRLEN] = "";
	int listens = 0;

	if (getsockname(fd, &a.any, &len) < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &one) < 0)
		return -1;
	if (a.any.sa_family == AF_UNIX) {
		if (len > sizeof(sa_family_t) && !a.un.sun_path[0])
			a.un.sun_path[0] = '@';
		snprintf(
			to, room, "unix %s %s", listens ? "listening" : "connected", a.un.sun_path);
	} else {
		inet_ntop(a.any.sa_family,
			a.any.sa_family == AF_INET ? (void *)&a.in.sin_addr
						   : (void *)&a.in6.sin6_addr,
			text, sizeof(text));
		snprintf(to, room, "inet %s %s:%u", listens ? "listening" : "connected", text,
			ntohs(a.in.sin_port));
	}
	return 0;
}

static int describe_socket(char **args)
{
	char text[256];

	if (describe(number(args[0]), text, sizeof(text)) < 0)
		return told(-1);
	puts(text);
	return 0;
}

static int serve(char **args)
{
	char text[256];
	int fd = number(args[0]);

	for (int i = number(args[1]); i > 0; i--) {
		int c = accept(fd, NULL, NULL);

		if (c < 0 || describe(c, text, sizeof(text)) < 0)
			return told(-1);
		dprintf(c, "%s: ", text);
		if (copy(c, c) != 0)
			return 1;
		close(c);
	}
	return told(0);
}

/* descriptor: sent along, or -1. */
static int send_note(const char *text, int descriptor)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct msghdr msg = {
		.msg_name = &addr,
		.msg_namelen = sizeof(addr),
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};
	const char *path = getenv("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (!path)
		return -1;
	strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);
	if (descriptor >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &descriptor, sizeof(int));
	}
	return sendmsg(fd, &msg, 0) < 0 ? -1 : 0;
}

static int notify(char **args)
{
	for (char *c = args[0]; *c; c++)
		*c = *c == '|' ? '\n' : *c;
	return told(send_note(args[0], -1));
}

static int barrier(char **args)
{
	int fds[2];
	char byte;

	(void)args;
	if (pipe(fds) < 0 || send_note("BARRIER=1", fds[1]) < 0)
		return told(-1);
	close(fds[1]);
	return told((int)read(fds[0], &byte, 1));
}

static const struct {
	const char *name;
	int args;
	int (*run)(char **args);
} verbs[] = {
	{ "scheduling", 0, scheduling },
	{ "memory", 0, memory },
	{ "clocks", 0, clocks },
	{ "open", 2, try_open },
	{ "mknod", 4, try_mknod },
	{ "connect", 1, connect_to },
	{ "socket", 1, describe_socket },
	{ "serve", 2, serve },
	{ "notify", 1, notify },
	{ "barrier", 0, barrier },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (argc == verbs[i].args + 2 && strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argv + 2);
	fputs("inside: see the comment at the top of inside.c\n", stderr);
	return 2;
}
