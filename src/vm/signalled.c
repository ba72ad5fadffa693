/* Asking the agent who has got a signal: see signalled.h. */
#include "vm/signalled.h"

#include "base/auto.h"
#include "base/log.h"
#include "rpc/ports.h"
#include "rpc/signalled.h"
#include "vm/guest_dial.h"
#include "vm/vm.h"

#include <string.h>
#include <sys/socket.h>

/* The first is for those that wait for a moment only; the last bounds what a long wait costs. */
#define FIRST_MS  20
#define LATER_MS  200
#define ANSWER_MS 2000

struct signalled_watch {
	struct vm *vm;
	struct loop_bell *wake; /* somebody waits */
	struct loop_timer *timer;
	int fd; /* -1, or our end of a question that is out */
	struct loop_fd *answering;
	struct signalled answer;
	size_t got; /* bytes of it */
};

static void arm(struct signalled_watch *s, uint64_t ms)
{
	if (loop_timer_set(s->timer, ms) < 0)
		log_debug("signals of those who wait for locks go unnoticed");
}

static void close_question(struct signalled_watch *s)
{
	loop_fd_remove(s->answering);
	s->answering = NULL;
	close_fd(&s->fd);
}

/* A thread waits for one thing at a time. */
static void interrupt(const struct devices *d, uint32_t tid)
{
	fs_lock_interrupt(d->roots, tid);
	if (d->volumes)
		fs_lock_interrupt(d->volumes, tid);
}

static void who_waits(const struct devices *d, struct signalled *ret)
{
	ret->count = fs_lock_waiting(d->roots, ret->tid, SIGNALLED_MAX);
	if (d->volumes)
		ret->count += fs_lock_waiting(
			d->volumes, ret->tid + ret->count, SIGNALLED_MAX - ret->count);
}

static void on_answer(void *arg, int fd, uint32_t events)
{
	struct signalled_watch *s = arg;
	struct signalled *a = &s->answer;
	ssize_t n = recv(fd, (char *)a + s->got, sizeof(*a) - s->got, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	s->got += n > 0 ? (size_t)n : 0;
	if (n > 0 && s->got < sizeof(*a))
		return;
	if (s->got == sizeof(*a) && a->count <= SIGNALLED_MAX)
		for (uint32_t i = 0; i < a->count; i++)
			interrupt(&s->vm->devices, a->tid[i]);
	close_question(s);
	arm(s, LATER_MS);
}

static void connected(void *arg, int code)
{
	(void)arg;
	if (code)
		log_debug("the guest cannot be asked for signals: %s", strerror(code));
}

static int ask(struct signalled_watch *s, const struct signalled *question)
{
	int r = guest_dial(
		s->vm->devices.vsock, VSOCK_PORT_SIGNALLED, true, connected, NULL, &s->fd);

	s->got = 0;
	if (r == 0)
		r = loop_fd_add(
			s->vm->loop, "signalled", s->fd, EPOLLIN, on_answer, s, &s->answering);
	if (r == 0 && send(s->fd, question, sizeof(*question), MSG_DONTWAIT) < 0)
		r = -errno;
	return r;
}

static void on_timer(void *arg)
{
	struct signalled_watch *s = arg;
	struct signalled question = { 0 };

	/* An agent that has not answered the last question yet is asked anew. */
	close_question(s);
	who_waits(&s->vm->devices, &question);
	if (question.count == 0)
		return;
	if (ask(s, &question) < 0)
		close_question(s);
	arm(s, ANSWER_MS);
}

static void on_wake(void *arg)
{
	arm(arg, FIRST_MS);
}

int signalled_init(struct vm *vm)
{
	struct signalled_watch *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	vm->signalled = s;
	s->vm = vm;
	s->fd = -1;
	r = loop_timer_new(vm->loop, on_timer, s, &s->timer);
	return r ? r : loop_bell_new(vm->loop, "lock waits", on_wake, s, &s->wake);
}

void signalled_watch(void *arg)
{
	const struct vm *vm = arg;

	loop_bell_ring(vm->signalled->wake);
}
