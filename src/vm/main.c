/* vmrun-vm: see vm.h. */
#include "base/auto.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "vm/ctl.h"
#include "vm/forget.h"
#include "vm/share_events.h"
#include "vm/signalled.h"
#include "vm/vm.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

/*
 * The guest's last words. The log has them already, unless the guest had filled its share of it
 * before: then they are all there is to say why it died.
 */
static void log_last_words(const struct console *console)
{
	char tail[CONSOLE_TAIL_BYTES + 1];

	if (!console_is_full(console) || console_tail(console, tail, sizeof(tail)) == 0)
		return;
	log_info("the end of its console:");
	(void)!fd_write_all(STDERR_FILENO, tail, strlen(tail));
	(void)!fd_write_all(STDERR_FILENO, "\n", 1);
}

/* The guest is over. Everything we hold goes with the process; nothing is worth an orderly end. */
static void on_end(void *arg)
{
	static const struct {
		enum vmctl_end why;
		const char *words;
	} ends[] = {
		[MACHINE_POWER_OFF] = { VMCTL_END_POWER_OFF, "guest powered off" },
		[MACHINE_RESET] = { VMCTL_END_RESET, "guest reset" },
		[MACHINE_FAILED] = { VMCTL_END_FAILED, "monitor failed" },
		[MACHINE_EMULATOR_DIED] = { VMCTL_END_EMULATOR, "QEMU is gone" },
	};
	struct vm *vm = arg;

	log_info("%s", ends[vm->end].words);
	if (vm->end != MACHINE_POWER_OFF && vm->devices.console)
		log_last_words(vm->devices.console);
	/* After the last line of the log, which is read then. */
	ctl_tell_end(vm->ctl, ends[vm->end].why, ends[vm->end].words);
	_exit(vm->end == MACHINE_POWER_OFF ? VMCTL_EXIT_ENDED : VMCTL_EXIT_GUEST);
}

static int setup(struct vm *vm)
{
	int r = loop_new(&vm->loop);

	if (r < 0)
		return r;
	vm->alive_fd = vm->mounts_fd = -1;
	r = loop_bell_new(vm->loop, "end", on_end, vm, &vm->ended);
	if (r == 0)
		r = forget_init(vm);
	if (r == 0)
		r = signalled_init(vm);
	if (r == 0)
		r = share_events_init(vm);
	return r ? r : ctl_new(vm, VMCTL_FIRST_FD, &vm->ctl);
}

/* Our stdio must not keep the caller's pipes open. */
static int null_stdio(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (int i = 0; i < 3; i++)
		if (fd != i && dup2(fd, i) < 0)
			return -errno;
	if (fd > 2)
		close(fd);
	return 0;
}

static bool is_control_socket(int fd)
{
	int type;
	socklen_t len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET;
}

int main(void)
{
	static struct vm vm;
	int r;

	vm.quit = _exit;
	vm.born_ns = clock_now_ns();
	log_init("vmrun-vm", LOG_LEVEL_INFO);
	if (!is_control_socket(VMCTL_FIRST_FD)) {
		log_error("this program is started by vmrun, which gives it a control socket");
		return VMCTL_EXIT_USAGE;
	}
	fds_close_from(VMCTL_FIRST_FD + 1);
	signal(SIGPIPE, SIG_IGN);
	r = setup(&vm);
	if (r == 0)
		r = null_stdio();
	if (r < 0) {
		log_error("cannot set up: %s", strerror(-r));
		return VMCTL_EXIT_SETUP;
	}
	return loop_run(vm.loop) < 0 ? VMCTL_EXIT_SETUP : VMCTL_EXIT_ENDED;
}
