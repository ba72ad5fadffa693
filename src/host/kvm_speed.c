/* Trying the host's KVM: see kvm_speed.h. Called by monitor.c and facts_kvm.c. */
#include "host/kvm_speed.h"

#include "base/auto.h"
#include "host/kvm_loop.h"
#include "vmm/kvm.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Emulated machines are slow; one that needs longer for this is of no use to anybody. */
#define PROBE_LIMIT_MS 10000
#define REAP_LIMIT_MS  1000

int kvm_device_open(struct err *err)
{
	int fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == EACCES || errno == EPERM)
		return err_sys(err, errno,
			"/dev/kvm: this user may not use it (run as root, or join the group kvm)");
	return err_sys(err, errno,
		"/dev/kvm: hardware virtualisation is not available (is it enabled, and kvm_intel "
		"or kvm_amd loaded?)");
}

static int fail(struct kvm_speed *s, int code, const char *what)
{
	s->code = code;
	s->rate = 0;
	snprintf(s->why, sizeof(s->why), "/dev/kvm: %s: %s", what, strerror(code));
	return -code;
}

static int check_api(int kvm, struct kvm_speed *s)
{
	struct err err = ERR_NONE;
	int r = kvm_check_api(kvm, &err);

	if (r < 0)
		s->code = err.code;
	else
		s->lacks = kvm_check_capabilities(kvm, &err) < 0;
	if (r < 0 || s->lacks)
		snprintf(s->why, sizeof(s->why), "%s", err.msg);
	return r;
}

/* In the child, which ends without tidying up: KVM takes its time with that. */
static void child(int kvm, int out, pid_t parent)
{
	struct kvm_loop_result result = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent) {
		kvm_loop_measure(kvm, KVM_CRAWL_RATE, &result);
		(void)!write(out, &result, sizeof(result));
	}
	_exit(0);
}

static int wait_for(int fd, int limit_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int r;

	do
		r = poll(&p, 1, limit_ms);
	while (r < 0 && errno == EINTR);
	return r;
}

/* Killed at once or after its answer; one that even SIGKILL does not end is left to init. */
static void reap(pid_t pid)
{
	AUTO_CLOSE int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	kill(pid, SIGKILL);
	if (pidfd < 0 || wait_for(pidfd, REAP_LIMIT_MS) > 0)
		waitpid(pid, NULL, pidfd < 0 ? 0 : WNOHANG);
}

/* Consumes out, so that a child that dies without an answer is noticed at once. */
static void measure(int kvm, int in, int out, struct kvm_speed *s)
{
	struct kvm_loop_result result;
	pid_t parent = getpid(), pid = fork();
	ssize_t n = -1;

	if (pid == 0)
		child(kvm, out, parent);
	if (pid < 0)
		fail(s, errno, "fork");
	close(out);
	if (pid < 0)
		return;
	if (wait_for(in, PROBE_LIMIT_MS) > 0)
		n = read(in, &result, sizeof(result));
	reap(pid);
	if (n != (ssize_t)sizeof(result)) {
		fail(s, ETIME, "a virtual machine that counts to ten thousand did not end");
		return;
	}
	if (result.code)
		fail(s, result.code, kvm_loop_step_name(result.step));
	s->rate = result.rate;
}

void kvm_speed_probe(int kvm, struct kvm_speed *ret)
{
	int fds[2];

	*ret = (struct kvm_speed){ 0 };
	if (check_api(kvm, ret) < 0)
		return;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		fail(ret, errno, "pipe");
		return;
	}
	measure(kvm, fds[0], fds[1], ret);
	close(fds[0]);
}
