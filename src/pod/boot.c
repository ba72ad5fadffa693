/* Starting vmrun-vm: see boot.h. */
#include "pod/boot.h"

#include "agent/calls.h"
#include "base/auto.h"
#include "base/capability.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/program.h"
#include "base/str.h"
#include "base/timeline.h"
#include "guest/guest.h"
#include "pod/runtime.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define ENTROPY_BYTES	 64
#define TAIL_BYTES	 4096
#define AGENT_TIMEOUT_MS 60000
#define END_TIMEOUT_MS	 5000

static const char *const phase_names[] = {
	[VMCTL_PHASE_NONE] = "starting the monitor",
	[VMCTL_PHASE_LOADED] = "kernel loaded",
	[VMCTL_PHASE_RUNNING] = "kernel running",
	[VMCTL_PHASE_DRIVERS] = "drivers up",
	[VMCTL_PHASE_READY] = "agent ready",
};

/* What vmrun-vm runs the guest with. */
static int open_monitor(const struct monitor_choice *choice, struct err *err)
{
	int fd;

	if (choice->monitor == MONITOR_KVM)
		return kvm_device_open(err);
	fd = open(choice->qemu, O_PATH | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "%s", choice->qemu) : fd;
}

static int open_alive(int dir, struct err *err)
{
	AUTO_CLOSE int fd = openat(dir, "alive", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	/* The lock belongs to the description that vmrun-vm inherits: it is held until that ends.
	 */
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_sys(err, errno, "alive");
	return steal_fd(&fd);
}

static int open_log(int dir, struct err *err)
{
	int fd = openat(dir, "console.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	return fd < 0 ? err_sys(err, errno, "console.log") : fd;
}

static int open_listener(int dir, struct err *err)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	mode_t old;
	int r;

	if (fd < 0)
		return err_sys(err, errno, "socket");
	snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d/ctl.sock", dir);
	/* Of the pod's machine before. */
	if (unlinkat(dir, "ctl.sock", 0) < 0 && errno != ENOENT)
		return err_sys(err, errno, "ctl.sock");
	old = umask(0177);
	r = bind(fd, (struct sockaddr *)&addr, sizeof(addr));
	umask(old);
	if (r < 0 || listen(fd, 64) < 0)
		return err_sys(err, errno, "ctl.sock");
	return steal_fd(&fd);
}

static int open_image(const struct boot_spec *spec, struct guest_image *image, struct err *err)
{
	const struct conf *conf = spec->conf;
	char agent[PATH_MAX];
	struct guest_options options = {
		.kernel = spec->kernel ? spec->kernel : conf->kernel,
		/* The setting is of the kernel that is set; another has its own beside it. */
		.modules = *conf->modules && !spec->kernel ? conf->modules : NULL,
		.initrd = spec->initrd,
		.agent = agent,
		.cache_dir = conf->cache_dir,
		.pci = spec->monitor->pci,
	};
	int r = program_path("vmrun-agent", agent, err);

	return r ? r : guest_image_open(&options, image, err);
}

/* In the child; only what may be done after a raw clone. */
static void exec_monitor(int ctl, int binary)
{
	char *argv[] = { (char[]){ "vmrun-vm" }, NULL };
	char *envp[] = { NULL };
	sigset_t none;

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(ctl, VMCTL_FIRST_FD) < 0)
		_exit(126);
	/* The binary's descriptor is above, closed by its O_CLOEXEC. */
	syscall(SYS_execveat, binary, "", argv, envp, AT_EMPTY_PATH);
	_exit(127);
}

static pid_t spawn(int ctl, int cgroup_fd, struct err *err)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	AUTO_CLOSE int binary = -1;
	AUTO_CLOSE int high = -1;
	char path[PATH_MAX];
	pid_t pid;
	int r = program_path("vmrun-vm", path, err);

	if (r < 0)
		return r;
	binary = open(path, O_PATH | O_CLOEXEC);
	if (binary >= 0)
		high = fcntl(binary, F_DUPFD_CLOEXEC, 16);
	if (high < 0)
		return err_sys(err, errno, "%s", path);
	if (capability_effective(CAP_SYS_ADMIN))
		args.flags |= CLONE_NEWPID; /* its proc then shows nobody else */
	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0)
		return err_sys(err, errno, "cannot start vmrun-vm");
	if (pid == 0)
		exec_monitor(ctl, high);
	return pid;
}

static int send_start(
	const struct boot_spec *spec, int ctl, const int fds[VMCTL_START_FDS], struct err *err)
{
	static const enum vmctl_monitor monitors[] = {
		[MONITOR_KVM] = VMCTL_MONITOR_OWN,
		[MONITOR_QEMU_KVM] = VMCTL_MONITOR_QEMU_KVM,
		[MONITOR_QEMU_TCG] = VMCTL_MONITOR_QEMU_TCG,
	};
	struct vmctl_request req = { .op = VMCTL_START };
	const char *own = spec->kernel_params ? spec->kernel_params : "";
	int n;

	req.u.start.memory_mib = spec->memory_mib;
	req.u.start.vcpus = spec->vcpus;
	req.u.start.vcpus_spare = spec->vcpus_spare;
	req.u.start.volumes = spec->volumes;
	req.u.start.root_locks = spec->root_locks;
	req.u.start.monitor = monitors[spec->monitor->monitor];
	req.u.start.pci = spec->monitor->pci;
	req.u.start.log_max_kib = (uint32_t)spec->conf->console_log_max_kib;
	req.u.start.debug = log_enabled(LOG_LEVEL_DEBUG);
	n = snprintf(req.u.start.params, sizeof(req.u.start.params), "%s%s%s",
		spec->conf->kernel_params, *own ? " " : "", own);
	if (n >= (int)sizeof(req.u.start.params))
		return err_set(err, E2BIG, "the kernel parameters are longer than %d bytes",
			VMCTL_PARAMS_MAX - 1);
	return vmclient_send(
		ctl, &req, fds, fds[VMCTL_FD_MOUNTS] < 0 ? VMCTL_FD_MOUNTS : VMCTL_START_FDS, err);
}

static int start_with(
	const struct boot_spec *spec, struct booted *b, int fds[VMCTL_START_FDS], struct err *err)
{
	int sv[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(err, errno, "socketpair");
	b->ctl = sv[0];
	b->pid = spawn(sv[1], spec->cgroup_fd, err);
	close(sv[1]);
	if (b->pid < 0) {
		r = b->pid;
		b->pid = 0;
		return r;
	}
	timeline("monitor started");
	r = spec->enter ? spec->enter(spec->enter_arg, b->pid, err) : 0;
	if (r == 0)
		r = send_start(spec, b->ctl, fds, err);
	if (r == 0)
		r = vmclient_reply(b->ctl, err);
	timeline("guest runs");
	return r;
}

/* Files of the state directory. */
static int open_state(int dir, int fds[VMCTL_START_FDS], struct err *err)
{
	int r = fds[VMCTL_FD_ALIVE] = open_alive(dir, err);

	if (r >= 0)
		r = fds[VMCTL_FD_LOG] = open_log(dir, err);
	if (r >= 0)
		r = fds[VMCTL_FD_LISTEN] = open_listener(dir, err);
	return r < 0 ? state_dir_blame(dir, err) : 0;
}

int boot_start(const struct boot_spec *spec, struct booted *ret, struct err *err)
{
	struct guest_image image = GUEST_IMAGE_INIT;
	int fds[VMCTL_START_FDS], r;

	for (int i = 0; i < VMCTL_START_FDS; i++)
		fds[i] = -1;
	r = open_image(spec, &image, err);
	timeline("guest image");
	if (r == 0)
		r = fds[VMCTL_FD_MONITOR] = open_monitor(spec->monitor, err);
	if (r >= 0)
		r = open_state(spec->dir, fds, err);
	if (r >= 0 && spec->mounts_fd >= 0) {
		fds[VMCTL_FD_MOUNTS] = fcntl(spec->mounts_fd, F_DUPFD_CLOEXEC, 3);
		r = fds[VMCTL_FD_MOUNTS] < 0 ? err_sys(err, errno, "mount namespace") : 0;
	}
	if (r >= 0) {
		fds[VMCTL_FD_KERNEL] = steal_fd(&image.kernel_fd);
		fds[VMCTL_FD_INITRD] = steal_fd(&image.initrd_fd);
		snprintf(ret->release, sizeof(ret->release), "%s", image.release);
		r = start_with(spec, ret, fds, err);
	}
	for (int i = 0; i < VMCTL_START_FDS; i++)
		close_fd(&fds[i]);
	guest_image_done(&image);
	return r;
}

/* The last lines of the console that say something, for an error message. */
static void quote_tail(int dir, struct buf *out)
{
	AUTO_CLOSE int fd = openat(dir, "console.log", O_RDONLY | O_CLOEXEC);
	AUTO(buf_done) struct buf text = { 0 };
	struct stat st;
	char *p, *line;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	if (st.st_size > TAIL_BYTES && lseek(fd, st.st_size - TAIL_BYTES, SEEK_SET) < 0)
		return;
	if (fd_read_to_end(fd, TAIL_BYTES * 2, &text) < 0 || !buf_str(&text))
		return;
	/* One line of error: the last 500 bytes, with bars between the lines. */
	p = (char *)text.data;
	if (text.len > 500)
		p += text.len - 500;
	while ((line = strsep(&p, "\r\n")))
		if (*line && buf_printf(out, "%s%s", out->len ? " | " : "", line) < 0)
			return;
}

static int not_ready(const struct boot_spec *spec, uint32_t phase, bool timeout, struct err *err)
{
	AUTO(buf_done) struct buf tail = { 0 };
	const char *name = phase < ARRAY_LEN(phase_names) ? phase_names[phase] : "?";

	quote_tail(spec->dir, &tail);
	err_clear(err);
	if (timeout)
		return err_set(err, ETIMEDOUT,
			"the guest was not ready within %llu s (phase: %s); its console: %s",
			(unsigned long long)spec->conf->boot_timeout_s, name,
			tail.len ? buf_str(&tail) : "(empty)");
	return err_set(err, EIO, "the guest ended while it booted (phase: %s); its console: %s",
		name, tail.len ? buf_str(&tail) : "(empty)");
}

static int wait_ready(const struct boot_spec *spec, struct booted *b, int *ret_fd, struct err *err)
{
	int64_t deadline = clock_now_ms() + (int64_t)spec->conf->boot_timeout_s * 1000;
	struct vmctl_reply event = { .phase = VMCTL_PHASE_RUNNING };

	for (;;) {
		uint32_t phase = event.phase;
		int64_t left = deadline - clock_now_ms();
		int fd, r;

		if (left <= 0)
			return not_ready(spec, phase, true, err);
		r = vmclient_receive(b->ctl, (unsigned)left, &event, &fd, err);
		if (r < 0)
			return not_ready(spec, phase, r == -ETIMEDOUT, err);
		timeline(event.phase < ARRAY_LEN(phase_names) ? phase_names[event.phase] : "?");
		if (event.kind == VMCTL_EVENT_READY && fd >= 0) {
			*ret_fd = fd;
			return 0;
		}
		close_fd(&fd);
	}
}

/* What the guest has done while nobody could see it, in the host's time. */
static void tell_steps(const Vmrun__Agent__ConfigureResponse *guest)
{
	int64_t ahead_ns = clock_now_ns() - guest->now_ns;

	for (size_t i = 0; i < guest->n_boot_steps; i++) {
		const Vmrun__Agent__BootStep *step = guest->boot_steps[i];
		char what[64];

		snprintf(what, sizeof(what), "guest: %s", step->name);
		str_blank_controls(what);
		timeline_at(step->done_ns + ahead_ns, what);
	}
}

static void on_configured(void *arg, const ProtobufCMessage *reply, const struct err *err)
{
	struct booted *b = arg;

	b->configured = true;
	if (reply)
		tell_steps((const Vmrun__Agent__ConfigureResponse *)reply);
	else
		b->refused = *err;
	timeline("agent configured");
}

static int configure(struct booted *b, struct err *err)
{
	Vmrun__Agent__ConfigureRequest in = VMRUN__AGENT__CONFIGURE_REQUEST__INIT;
	uint8_t entropy[ENTROPY_BYTES];
	struct timespec now;

	if (getrandom(entropy, sizeof(entropy), 0) != (ssize_t)sizeof(entropy))
		return err_sys(err, errno, "getrandom");
	clock_gettime(CLOCK_REALTIME, &now);
	in.api_major = AGENT_API_MAJOR;
	in.realtime_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	in.entropy.data = entropy;
	in.entropy.len = sizeof(entropy);
	in.hostname = (char[]){ "vmrun" };
	return agent_begin_configure(b->agent, &in, on_configured, b, err);
}

int boot_wait(const struct boot_spec *spec, struct booted *b, struct err *err)
{
	int fd, r = wait_ready(spec, b, &fd, err);

	if (r < 0)
		return r;
	r = rpc_client_new(fd, &b->agent);
	return r < 0 ? err_sys(err, -r, "agent") : configure(b, err);
}

static int wait_configured(struct booted *b, struct err *err)
{
	int64_t deadline = clock_now_ms() + AGENT_TIMEOUT_MS, left;

	while (!b->configured && (left = deadline - clock_now_ms()) > 0) {
		struct pollfd p = {
			.fd = rpc_client_fd(b->agent),
			.events = rpc_client_events(b->agent),
		};

		if (poll(&p, 1, (int)left) > 0 && rpc_client_process(b->agent) < 0)
			break; /* which has completed the call */
	}
	return b->configured ? 0
			     : err_set(err, ETIMEDOUT, "the agent did not answer within %d s",
				       AGENT_TIMEOUT_MS / 1000);
}

int boot_configured(struct booted *b, int r, struct err *err)
{
	if (r == 0)
		r = wait_configured(b, err);
	if (!b->refused.code)
		return r;
	*err = b->refused;
	return -err->code;
}

int boot_explain(const struct boot_spec *spec, const struct booted *b, int r, struct err *err)
{
	struct pollfd p = { .fd = b->ctl };
	/* One that ends closes its sockets in no order that could be relied on. */
	int wait_ms = r == -EPIPE || r == -ESRCH ? END_TIMEOUT_MS : 0;

	/* Its end of the socket closes when it ends, and not before. */
	if (poll(&p, 1, wait_ms) == 1 && (p.revents & POLLHUP))
		return not_ready(spec, VMCTL_PHASE_RUNNING, false, err);
	return r;
}

void boot_done(struct booted *b)
{
	rpc_client_free(b->agent);
	b->agent = NULL;
	close_fd(&b->ctl);
}

void boot_abort(struct booted *b)
{
	boot_done(b);
	if (b->pid > 0) {
		kill(b->pid, SIGKILL);
		waitpid(b->pid, NULL, 0);
		b->pid = 0;
	}
}
