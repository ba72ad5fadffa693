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
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/sched/types.h>
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
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (argc == verbs[i].args + 2 && strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argv + 2);
	fputs("inside: see the comment at the top of inside.c\n", stderr);
	return 2;
}
