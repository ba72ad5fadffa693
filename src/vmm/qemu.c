/* Driving QEMU: see qemu.h. */
#include "vmm/qemu.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/str.h"
#include "vmm/qmp.h"

#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The sockets that QEMU inherits: these, then the devices'. */
enum { CHANNEL_QMP, CHANNEL_SERIAL, CHANNEL_CONSOLE, CHANNEL_DEVICES };

#define CHANNELS_MAX (CHANNEL_DEVICES + QEMU_DEVICES_MAX)

struct qemu {
	struct qemu_config config;
	pid_t pid;
	int pid_fd;
	struct loop_fd *pid_watch;
	int ours[CHANNELS_MAX];
	struct loop_fd *output_watch[CHANNEL_DEVICES];
	struct qmp *qmp;
	bool ended;
	enum machine_end end;
};

/* A command line in the making; the first failure is kept. */
struct line {
	struct strv args;
	int failed;
};

PRINTF_LIKE(3, 4)

static void add(struct line *l, const char *option, const char *format, ...)
{
	char *value = NULL;
	va_list list;
	int n;

	va_start(list, format);
	n = vasprintf(&value, format, list);
	va_end(list);
	if (l->failed == 0)
		l->failed = n < 0 ? -ENOMEM : strv_add(&l->args, option);
	if (l->failed == 0)
		l->failed = strv_add_owned(&l->args, value);
	else if (n >= 0)
		free(value);
}

static void add_flag(struct line *l, const char *flag)
{
	if (l->failed == 0)
		l->failed = strv_add(&l->args, flag);
}

/* Nothing of the user's, nothing by default, and QEMU's own filter of system calls. */
static void add_restrictions(struct line *l)
{
	add(l, "-name", "%s", "vmrun,process=vmrun-qemu");
	add_flag(l, "-no-user-config");
	add_flag(l, "-nodefaults");
	add_flag(l, "-no-reboot");
	add(l, "-display", "none");
	add(l, "-sandbox", "%s",
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
}

static void add_machine(struct line *l, const struct qemu_config *c, const struct arch_qemu *kind)
{
	unsigned long long memory = c->memory_mib;

	add(l, "-machine", "%s,memory-backend=ram", kind->machine);
	add(l, "-cpu", "%s", kind->cpu);
	add(l, "-smp", "%u", c->vcpus + c->spare);
	add(l, "-m", "%lluM", memory);
	/* Shared with our devices, and sealed, so that it cannot shrink under them. */
	add(l, "-object", "memory-backend-memfd,id=ram,share=on,seal=on,size=%lluM", memory);
	add(l, "-kernel", "%s", c->kernel);
	add(l, "-initrd", "%s", c->initrd);
	add(l, "-append", "%s", c->cmdline);
}

static void add_devices(struct line *l, const struct qemu_config *c, const struct arch_qemu *kind)
{
	add(l, "-global", "%s", "virtio-mmio.force-legacy=false");
	add(l, "-mon", "%s", "chardev=qmp,mode=control");
	add(l, "-serial", "%s", "chardev:serial");
	add(l, "-device", "virtio-serial-%s,max_ports=1", kind->suffix);
	add(l, "-device", "%s", "virtconsole,chardev=console");
	add(l, "-device", "virtio-rng-%s", kind->suffix);
	add(l, "-device", "virtio-balloon-%s", kind->suffix);
	for (unsigned i = 0; i < c->devices; i++)
		add(l, "-device", "%s-%s,chardev=%s%s", c->device[i].type, kind->suffix,
			c->device[i].id, c->device[i].options);
}

static const char *channel_name(const struct qemu_config *c, unsigned channel)
{
	static const char *const own[CHANNEL_DEVICES] = {
		[CHANNEL_QMP] = "qmp",
		[CHANNEL_SERIAL] = "serial",
		[CHANNEL_CONSOLE] = "console",
	};

	return channel < CHANNEL_DEVICES ? own[channel] : c->device[channel - CHANNEL_DEVICES].id;
}

static int make_line(const struct qemu_config *c, const int *theirs, struct line *l)
{
	const struct arch_qemu kind = arch_qemu(&c->platform);

	add_flag(l, c->binary);
	add_restrictions(l);
	add_machine(l, c, &kind);
	for (unsigned i = 0; i < CHANNEL_DEVICES + c->devices; i++)
		add(l, "-chardev", "socket,id=%s,fd=%d", channel_name(c, i), theirs[i]);
	add_devices(l, c, &kind);
	return l->failed;
}

/* In the child. What goes wrong is said in the log, which is its stderr. */
static void become_qemu(const struct qemu_config *c, const int *theirs, char *const *argv)
{
	char *const envp[] = { NULL };
	int ok = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && signal(SIGPIPE, SIG_DFL) != SIG_ERR;

	for (unsigned i = 0; i < CHANNEL_DEVICES + c->devices; i++)
		ok = ok && fcntl(theirs[i], F_SETFD, 0) == 0;
	if (ok && c->child(c->child_arg) == 0)
		execve(c->binary, argv, envp);
	dprintf(STDERR_FILENO, "vmrun-vm: cannot start %s: %s\n", c->binary, strerror(errno));
	_exit(127);
}

static void end(struct qemu *q)
{
	int status = 0;

	if (q->ended)
		return;
	q->ended = true;
	loop_fd_remove(q->pid_watch);
	q->pid_watch = NULL;
	if (waitpid(q->pid, &status, WNOHANG) == q->pid && WIFSIGNALED(status))
		log_info("QEMU was ended by signal %d", WTERMSIG(status));
	else if (WIFEXITED(status) && WEXITSTATUS(status))
		log_info("QEMU ended with status %d", WEXITSTATUS(status));
	q->config.ended(q->config.arg, q->end);
}

/* What it has said before it died is read first: the cause and the guest's last words. */
static void drain(struct qemu *q);

static void on_death(void *arg, int fd, uint32_t events)
{
	struct qemu *q = arg;

	(void)fd;
	(void)events;
	drain(q);
	end(q);
}

static void on_output(void *arg, int fd, uint32_t events)
{
	struct qemu *q = arg;
	uint8_t data[4096];
	ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);

	(void)events;
	for (ssize_t i = 0; i < n; i++)
		q->config.output(q->config.arg, data[i]);
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	for (int i = CHANNEL_SERIAL; i < CHANNEL_DEVICES; i++) {
		if (q->ours[i] == fd) {
			loop_fd_remove(q->output_watch[i]);
			q->output_watch[i] = NULL;
		}
	}
}

static void drain(struct qemu *q)
{
	for (int i = CHANNEL_SERIAL; i < CHANNEL_DEVICES; i++)
		while (q->output_watch[i]) {
			char byte;

			if (recv(q->ours[i], &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0)
				break;
			on_output(q, q->ours[i], 0);
		}
	qmp_drain(q->qmp);
}

static void on_running(void *arg)
{
	struct qemu *q = arg;

	q->config.running(q->config.arg);
}

static void on_shutdown(void *arg, const char *reason)
{
	static const struct {
		const char *reason;
		enum machine_end end;
	} ends[] = {
		{ "guest-shutdown", MACHINE_POWER_OFF },
		{ "guest-reset", MACHINE_RESET },
		{ "guest-panic", MACHINE_RESET },
	};
	struct qemu *q = arg;

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (streq(ends[i].reason, reason))
			q->end = ends[i].end;
}

static void on_failed(void *arg, const char *text)
{
	(void)arg;
	log_info("QEMU: %.200s", text);
}

/* Its death is seen by its process, which may have more to say. */
static void on_closed(void *arg)
{
	(void)arg;
}

static int watch(struct qemu *q)
{
	const struct qmp_handler handler = {
		.ready = on_running,
		.shutdown = on_shutdown,
		.failed = on_failed,
		.closed = on_closed,
		.arg = q,
	};
	int r = loop_fd_add(q->config.loop, "qemu", q->pid_fd, EPOLLIN, on_death, q, &q->pid_watch);

	for (int i = CHANNEL_SERIAL; r == 0 && i < CHANNEL_DEVICES; i++)
		r = loop_fd_add(q->config.loop, "console of QEMU", q->ours[i], EPOLLIN, on_output,
			q, &q->output_watch[i]);
	return r ? r : qmp_new(q->config.loop, steal_fd(&q->ours[CHANNEL_QMP]), &handler, &q->qmp);
}

static int spawn(struct qemu *q, const int *theirs, struct err *err)
{
	struct line line = { 0 };
	int r = make_line(&q->config, theirs, &line);

	if (r == 0) {
		q->pid = fork();
		if (q->pid == 0)
			become_qemu(&q->config, theirs, line.args.v);
		r = q->pid < 0 ? -errno : 0;
	}
	strv_done(&line.args);
	if (r < 0)
		return err_sys(err, -r, "cannot start QEMU");
	q->pid_fd = (int)syscall(SYS_pidfd_open, q->pid, 0);
	if (q->pid_fd < 0)
		return err_sys(err, errno, "pidfd_open");
	r = watch(q);
	return r < 0 ? err_sys(err, -r, "cannot watch QEMU") : 0;
}

int qemu_start(const struct qemu_config *config, struct qemu **ret, struct err *err)
{
	struct qemu *q = calloc(1, sizeof(*q));
	unsigned channels = CHANNEL_DEVICES + config->devices;
	int theirs[CHANNELS_MAX], r = 0;

	if (!q)
		return err_sys(err, ENOMEM, "QEMU");
	assert(config->devices <= QEMU_DEVICES_MAX);
	*q = (struct qemu){ .config = *config, .pid_fd = -1, .end = MACHINE_EMULATOR_DIED };
	for (unsigned i = 0; i < channels; i++) {
		int sv[2] = { -1, -1 };

		if (r == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
			r = err_sys(err, errno, "socketpair");
		q->ours[i] = sv[0];
		theirs[i] = sv[1];
	}
	if (r == 0)
		r = spawn(q, theirs, err);
	for (unsigned i = 0; i < channels; i++)
		close_fd(&theirs[i]);
	/* On failure the process is of no use, and ends with what it holds. */
	if (r < 0)
		return r;
	/* The caller's, and not needed any more. */
	q->config.device = NULL;
	*ret = q;
	return 0;
}

int qemu_take_socket(struct qemu *q, unsigned device)
{
	return steal_fd(&q->ours[CHANNEL_DEVICES + device]);
}

int qemu_order(struct qemu *q, enum qemu_order order)
{
	static const char *const commands[] = {
		[QEMU_PAUSE] = "stop",
		[QEMU_RESUME] = "cont",
		[QEMU_POWER_OFF] = "system_powerdown",
		[QEMU_QUIT] = "quit",
	};

	return qmp_execute(q->qmp, commands[order], NULL);
}

int qemu_balloon(struct qemu *q, uint64_t memory_mib)
{
	char arguments[64];

	snprintf(arguments, sizeof(arguments), "{\"value\": %llu}",
		(unsigned long long)memory_mib << 20);
	return qmp_execute(q->qmp, "balloon", arguments);
}
