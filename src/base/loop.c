/* The event loop: see loop.h. */
#include "base/loop.h"

#include "base/list.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#define EVENTS_PER_TURN 64

struct loop_fd {
	struct loop *loop;
	const char *name;
	int fd;
	bool removed;
	loop_fd_fn *fn;
	void *arg;
	struct list link; /* on loop->removed while it waits for the end of the turn */
};

struct loop_timer {
	struct loop_fd *lf;
	int fd;
	loop_call_fn *fn;
	void *arg;
};

/* A call that another thread waits for; it lives on that thread's stack. */
struct call {
	loop_call_fn *fn;
	void *arg;
	bool done;
	struct list link;
};

struct loop {
	int epfd, wakefd;
	struct loop_fd *wake;
	atomic_bool quit;
	bool dispatching;
	struct list removed;
	pthread_mutex_t lock; /* guards the fields below */
	pthread_cond_t called;
	struct list calls;
	bool running;
	pthread_t thread;
};

static void run_calls(struct loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	while (!list_empty(&loop->calls)) {
		struct call *c = container_of(loop->calls.next, struct call, link);

		list_del(&c->link);
		pthread_mutex_unlock(&loop->lock);
		c->fn(c->arg);
		pthread_mutex_lock(&loop->lock);
		c->done = true;
		pthread_cond_broadcast(&loop->called);
	}
	pthread_mutex_unlock(&loop->lock);
}

static void on_wake(void *arg, int fd, uint32_t events)
{
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
		run_calls(arg);
}

static void wake(struct loop *loop)
{
	uint64_t one = 1;

	(void)!write(loop->wakefd, &one, sizeof(one));
}

int loop_new(struct loop **ret)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	int r;

	if (!loop)
		return -ENOMEM;
	pthread_mutex_init(&loop->lock, NULL);
	pthread_cond_init(&loop->called, NULL);
	list_init(&loop->removed);
	list_init(&loop->calls);
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	loop->wakefd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = loop->epfd < 0 || loop->wakefd < 0 ? -errno : 0;
	if (r == 0)
		r = loop_fd_add(loop, "wake", loop->wakefd, EPOLLIN, on_wake, loop, &loop->wake);
	if (r < 0) {
		loop_free(loop);
		return r;
	}
	*ret = loop;
	return 0;
}

static void free_removed(struct loop *loop)
{
	list_for_each_safe (lf, &loop->removed, struct loop_fd, link)
		free(lf);
	list_init(&loop->removed);
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	loop_fd_remove(loop->wake);
	free_removed(loop);
	close_fd(&loop->wakefd);
	close_fd(&loop->epfd);
	pthread_cond_destroy(&loop->called);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

int loop_fd_add(struct loop *loop, const char *name, int fd, uint32_t events, loop_fd_fn *fn,
	void *arg, struct loop_fd **ret)
{
	struct loop_fd *lf = calloc(1, sizeof(*lf));
	struct epoll_event ev = { .events = events, .data.ptr = lf };

	if (!lf)
		return -ENOMEM;
	*lf = (struct loop_fd){ .loop = loop, .name = name, .fd = fd, .fn = fn, .arg = arg };
	list_init(&lf->link);
	if (epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev) < 0) {
		int r = -errno;

		free(lf);
		return r;
	}
	*ret = lf;
	return 0;
}

int loop_fd_events(struct loop_fd *lf, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = lf };

	return epoll_ctl(lf->loop->epfd, EPOLL_CTL_MOD, lf->fd, &ev) < 0 ? -errno : 0;
}

void loop_fd_remove(struct loop_fd *lf)
{
	if (!lf || lf->removed)
		return;
	epoll_ctl(lf->loop->epfd, EPOLL_CTL_DEL, lf->fd, NULL);
	lf->removed = true;
	/* Events of this turn may still name it: it is freed when the turn is over. */
	list_add_tail(&lf->loop->removed, &lf->link);
	if (!lf->loop->dispatching)
		free_removed(lf->loop);
}

static void on_timer(void *arg, int fd, uint32_t events)
{
	struct loop_timer *t = arg;
	uint64_t count;

	(void)events;
	if (read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
		t->fn(t->arg);
}

int loop_timer_new(struct loop *loop, loop_call_fn *fn, void *arg, struct loop_timer **ret)
{
	struct loop_timer *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	*t = (struct loop_timer){ .fn = fn, .arg = arg };
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	r = t->fd < 0 ? -errno : loop_fd_add(loop, "timer", t->fd, EPOLLIN, on_timer, t, &t->lf);
	if (r < 0) {
		close_fd(&t->fd);
		free(t);
		return r;
	}
	*ret = t;
	return 0;
}

int loop_timer_set(struct loop_timer *t, uint64_t ms)
{
	struct itimerspec when = {
		.it_value = { .tv_sec = (time_t)(ms / 1000),
			.tv_nsec = (long)(ms % 1000) * 1000000 },
	};

	return timerfd_settime(t->fd, 0, &when, NULL) < 0 ? -errno : 0;
}

void loop_timer_free(struct loop_timer *t)
{
	if (!t)
		return;
	loop_fd_remove(t->lf);
	close_fd(&t->fd);
	free(t);
}

struct loop_bell {
	int fd; /* eventfd */
	struct loop_fd *watch;
	loop_call_fn *fn;
	void *arg;
};

static void on_bell(void *arg, int fd, uint32_t events)
{
	struct loop_bell *b = arg;
	uint64_t count;

	(void)events;
	/* Before it is answered: what rings meanwhile is heard again. */
	(void)!read(fd, &count, sizeof(count));
	b->fn(b->arg);
}

int loop_bell_new(
	struct loop *loop, const char *name, loop_call_fn *fn, void *arg, struct loop_bell **ret)
{
	struct loop_bell *b = calloc(1, sizeof(*b));
	int r;

	if (!b)
		return -ENOMEM;
	*b = (struct loop_bell){ .fn = fn, .arg = arg };
	b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = b->fd < 0 ? -errno : loop_fd_add(loop, name, b->fd, EPOLLIN, on_bell, b, &b->watch);
	if (r < 0) {
		loop_bell_free(b);
		return r;
	}
	*ret = b;
	return 0;
}

void loop_bell_ring(const struct loop_bell *b)
{
	uint64_t one = 1;

	/* Fails only when it rings already. */
	(void)!write(b->fd, &one, sizeof(one));
}

void loop_bell_free(struct loop_bell *b)
{
	if (!b)
		return;
	loop_fd_remove(b->watch);
	close_fd(&b->fd);
	free(b);
}

void loop_call(struct loop *loop, loop_call_fn *fn, void *arg)
{
	struct call c = { .fn = fn, .arg = arg };

	pthread_mutex_lock(&loop->lock);
	if (!loop->running || pthread_equal(loop->thread, pthread_self())) {
		pthread_mutex_unlock(&loop->lock);
		fn(arg);
		return;
	}
	list_add_tail(&loop->calls, &c.link);
	wake(loop);
	while (!c.done)
		pthread_cond_wait(&loop->called, &loop->lock);
	pthread_mutex_unlock(&loop->lock);
}

int loop_turn(struct loop *loop, int timeout_ms)
{
	struct epoll_event ev[EVENTS_PER_TURN];
	int n = epoll_wait(loop->epfd, ev, EVENTS_PER_TURN, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	loop->dispatching = true;
	for (int i = 0; i < n; i++) {
		struct loop_fd *lf = ev[i].data.ptr;

		if (!lf->removed)
			lf->fn(lf->arg, lf->fd, ev[i].events);
	}
	loop->dispatching = false;
	free_removed(loop);
	return n;
}

static void set_running(struct loop *loop, bool running)
{
	pthread_mutex_lock(&loop->lock);
	loop->running = running;
	loop->thread = pthread_self();
	pthread_mutex_unlock(&loop->lock);
}

int loop_run(struct loop *loop)
{
	int r = 0;

	set_running(loop, true);
	while (r >= 0 && !atomic_load(&loop->quit))
		r = loop_turn(loop, -1);
	set_running(loop, false);
	run_calls(loop);
	return r < 0 ? r : 0;
}

void loop_quit(struct loop *loop)
{
	atomic_store(&loop->quit, true);
	wake(loop);
}
