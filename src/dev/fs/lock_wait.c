/*
 * Those who wait for locks: see lock.h. For the guest's own locks they are looked at whenever
 * something is free again. For the host's a thread blocks, so that the host's kernel keeps the
 * order and nobody has to ask; what the threads that block cannot take, and a signal that came just
 * before a thread blocked, is the minder's, who has a look every few milliseconds while there is
 * any.
 */
#include "base/auto.h"
#include "base/thread.h"
#include "dev/fs/lock_own.h"

#include <signal.h>
#include <sys/file.h>
#include <time.h>

#define MIND_MS 20
/* To a thread that blocks; it does nothing but end the system call. */
#define WAKE SIGUSR2

static void woken(int signal)
{
	(void)signal;
}

static int init_condition(pthread_cond_t *condition)
{
	pthread_condattr_t attr;
	int r = pthread_condattr_init(&attr);

	if (r == 0)
		r = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (r == 0)
		r = pthread_cond_init(condition, &attr);
	pthread_condattr_destroy(&attr);
	return -r;
}

int lock_waits_init(struct locks *t)
{
	int r = init_condition(&t->mind);

	list_init(&t->waits);
	for (unsigned i = 0; i < LOCK_QUEUES; i++)
		list_init(&t->answers[i]);
	pthread_cond_init(&t->work, NULL);
	pthread_cond_init(&t->started, NULL);
	return r;
}

static bool is_local(const struct lock_wait *w)
{
	return w->owner->file->local;
}

/* The request is over. */
static void finish(struct locks *t, struct lock_wait *w, int error)
{
	struct lock_owner *o = w->owner;
	unsigned queue = w->reply.queue;

	list_del(&w->link);
	t->waiting--;
	handle_put(t->config.handles, w->handle);
	o->waits--;
	lock_owner_settle(t, o);
	if (w->dropped) {
		free(w);
		return;
	}
	w->reply.error = error;
	list_add_tail(&t->answers[queue], &w->link);
	if (t->config.answered)
		t->config.answered(t->config.answered_arg, queue);
}

static const struct lock_wait *wait_of(struct locks *t, uint64_t id)
{
	list_for_each (w, &t->waits, struct lock_wait, link)
		if (!w->request.flock && w->owner->id == id)
			return w;
	return NULL;
}

/* An owner has a number, by which it is known in all files. flock(2) has no such rule. */
bool lock_wait_closes_a_circle(
	struct locks *t, const struct lock_owner *o, const struct lock_request *request)
{
	const struct lock_owner *at = o;

	for (unsigned hops = 0; !request->flock && hops < LOCK_WAITS_MAX; hops++) {
		const struct lock_owner *holder = lock_holder(at->file, at, request);
		const struct lock_wait *w = holder ? wait_of(t, holder->id) : NULL;

		if (holder && holder->id == o->id)
			return true;
		if (!w)
			return false;
		at = w->owner;
		request = &w->request;
	}
	return false;
}

int lock_wait_add(struct locks *t, struct lock_owner *o, struct handle *h,
	const struct lock_request *request, const struct lock_reply *reply)
{
	struct lock_wait *w;

	if (t->waiting >= LOCK_WAITS_MAX || t->quit)
		return -ENOLCK;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	*w = (struct lock_wait){
		.owner = o,
		.handle = h,
		.request = *request,
		.reply = *reply,
	};
	list_add_tail(&t->waits, &w->link);
	t->waiting++;
	o->waits++;
	if (!o->file->local) {
		pthread_cond_signal(&t->work);
		pthread_cond_signal(&t->mind);
	}
	return -EINPROGRESS;
}

/* One pass; false: nobody got anything. */
static bool grant(struct locks *t, struct lock_file *file)
{
	bool any = false;

	list_for_each_safe (w, &t->waits, struct lock_wait, link) {
		int r;

		if (w->owner->file != file)
			continue;
		r = lock_try(t, w->owner, w->handle, &w->request);
		if (r == -EAGAIN)
			continue;
		finish(t, w, r);
		any = true;
	}
	return any;
}

void lock_wait_grant(struct locks *t, struct lock_file *file)
{
	/* The host's kernel wakes those that block; the minder has the others. */
	if (!file->local && t->waiting)
		pthread_cond_signal(&t->mind);
	/* Who converts what he has makes room for others. */
	while (file->local && grant(t, file))
		;
}

static void cancel(struct locks *t, struct lock_wait *w, int error, bool drop)
{
	w->dropped |= drop;
	if (!w->thread) {
		finish(t, w, error);
		return;
	}
	w->cancelled = error;
	pthread_kill(w->thread->id, WAKE);
	pthread_cond_signal(&t->mind);
}

void lock_wait_rouse(struct locks *t, const struct lock_owner *o)
{
	list_for_each (w, &t->waits, struct lock_wait, link) {
		if (!w->thread || w->owner != o)
			continue;
		w->again = true;
		pthread_kill(w->thread->id, WAKE);
		pthread_cond_signal(&t->mind);
	}
}

void lock_wait_cancel(struct locks *t, const struct lock_owner *of, int error, bool drop)
{
	list_for_each_safe (w, &t->waits, struct lock_wait, link)
		if (!of || w->owner == of)
			cancel(t, w, error, drop);
}

void locks_interrupt(struct locks *t, uint32_t tid, uint64_t unique)
{
	pthread_mutex_lock(&t->lock);
	list_for_each_safe (w, &t->waits, struct lock_wait, link)
		if (unique ? w->reply.unique == unique : w->reply.tid == tid)
			cancel(t, w, -EINTR, false);
	pthread_mutex_unlock(&t->lock);
}

unsigned locks_waiting(struct locks *t, uint32_t *tid, unsigned max)
{
	unsigned n = 0;

	pthread_mutex_lock(&t->lock);
	list_for_each (w, &t->waits, struct lock_wait, link)
		if (n < max)
			tid[n++] = w->reply.tid;
	pthread_mutex_unlock(&t->lock);
	return n;
}

bool locks_busy(struct locks *t)
{
	bool busy;

	pthread_mutex_lock(&t->lock);
	busy = !list_empty(&t->waits);
	for (unsigned i = 0; i < LOCK_QUEUES; i++)
		busy = busy || !list_empty(&t->answers[i]);
	pthread_mutex_unlock(&t->lock);
	return busy;
}

bool locks_take(struct locks *t, unsigned queue, struct lock_reply *ret)
{
	struct list *answers = &t->answers[queue];
	bool any;

	pthread_mutex_lock(&t->lock);
	any = !list_empty(answers);
	if (any) {
		struct lock_wait *w = container_of(answers->next, struct lock_wait, link);

		list_del(&w->link);
		*ret = w->reply;
		free(w);
	}
	pthread_mutex_unlock(&t->lock);
	return any;
}

static struct lock_wait *next_for_thread(struct locks *t)
{
	list_for_each (w, &t->waits, struct lock_wait, link)
		if (!w->thread && !is_local(w))
			return w;
	return NULL;
}

/* Without the table's lock: the wait, its owner and its handle stay as long as w->thread is set. */
static int block(const struct lock_wait *w)
{
	if (!w->request.flock)
		return lock_ofd(w->owner->fd, F_OFD_SETLKW, &w->request, NULL);
	return flock(w->handle->fd, lock_flock_operation(&w->request)) < 0 ? -errno : 0;
}

/* Its turn has come, or not: what it is told. -EAGAIN: it goes on waiting. */
static int blocked(struct locks *t, const struct lock_wait *w, int r)
{
	if (w->owner->gone)
		return w->cancelled;
	/* Once more with the lock held: the owner may have given it back since. */
	if (r == 0)
		r = lock_try(t, w->owner, w->handle, &w->request);
	if (r == -EINTR || r == -EAGAIN)
		return w->cancelled ? w->cancelled : -EAGAIN;
	return r;
}

static void serve(struct locks *t, const struct lock_thread *self)
{
	while (!t->quit) {
		struct lock_wait *w = next_for_thread(t);
		int r;

		if (!w) {
			t->idle++;
			pthread_cond_wait(&t->work, &t->lock);
			t->idle--;
			continue;
		}
		w->thread = self;
		/* Until now the minder may have counted on this thread for others, too. */
		if (next_for_thread(t))
			pthread_cond_signal(&t->mind);
		pthread_mutex_unlock(&t->lock);
		r = block(w);
		pthread_mutex_lock(&t->lock);
		w->thread = NULL;
		w->again = false;
		r = blocked(t, w, r);
		if (r != -EAGAIN)
			finish(t, w, r);
	}
}

/* False: there is nothing to look after. */
static bool mind(struct locks *t)
{
	bool any = false;

	list_for_each_safe (w, &t->waits, struct lock_wait, link) {
		bool wake = w->thread && (w->cancelled || w->again || t->quit);
		int r;

		if (wake)
			pthread_kill(w->thread->id, WAKE);
		any |= wake;
		if (w->thread || is_local(w) || t->idle)
			continue;
		any = true;
		r = lock_try(t, w->owner, w->handle, &w->request);
		if (r != -EAGAIN)
			finish(t, w, r);
	}
	return any;
}

static void wait_a_little(struct locks *t)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += MIND_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_cond_timedwait(&t->mind, &t->lock, &until);
}

/* Until the last of the others has ended, whom it may have to wake for that. */
static void look_after(struct locks *t)
{
	while (!t->quit || t->running > 1) {
		if (mind(t) || t->quit)
			wait_a_little(t);
		else
			pthread_cond_wait(&t->mind, &t->lock);
	}
}

static void *run(void *arg)
{
	const struct lock_thread *self = arg;
	struct locks *t = self->locks;
	int r = t->thread_start ? t->thread_start(t->thread_arg) : 0;

	pthread_mutex_lock(&t->lock);
	t->begun++;
	t->running++;
	if (r < 0)
		t->start_error = r;
	pthread_cond_broadcast(&t->started);
	if (r < 0)
		t->quit = true;
	else if (self == &t->thread[LOCK_THREADS])
		look_after(t);
	else
		serve(t, self);
	t->running--;
	pthread_cond_signal(&t->mind);
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

int locks_start(struct locks *t, int (*start)(void *arg), void *arg)
{
	struct sigaction wake = { .sa_handler = woken };
	unsigned created = 0;
	int r = sigaction(WAKE, &wake, NULL) < 0 ? -errno : 0;

	t->thread_start = start;
	t->thread_arg = arg;
	for (unsigned i = 0; r == 0 && i <= LOCK_THREADS; i++) {
		struct lock_thread *thread = &t->thread[i];

		thread->locks = t;
		r = thread_create(&thread->id, run, thread);
		thread->created = r == 0;
		created += thread->created;
	}
	pthread_mutex_lock(&t->lock);
	while (t->begun < created)
		pthread_cond_wait(&t->started, &t->lock);
	if (r == 0)
		r = t->start_error;
	pthread_mutex_unlock(&t->lock);
	return r;
}

void locks_done(struct locks *t)
{
	pthread_mutex_lock(&t->lock);
	t->quit = true;
	pthread_cond_broadcast(&t->work);
	pthread_cond_broadcast(&t->mind);
	pthread_mutex_unlock(&t->lock);
	for (unsigned i = 0; i <= LOCK_THREADS; i++)
		if (t->thread[i].created)
			pthread_join(t->thread[i].id, NULL);
	locks_reset(t);
	pthread_cond_destroy(&t->work);
	pthread_cond_destroy(&t->mind);
	pthread_cond_destroy(&t->started);
	pthread_mutex_destroy(&t->lock);
}
