/* The event loop: descriptors, removal inside handlers, timers, calls across threads. */
#include "base/loop.h"
#include "tests/unit/unit.h"

#include <pthread.h>

struct ctx {
	struct loop *loop;
	struct loop_fd *first, *second;
	struct loop_timer *timer;
	int calls, pipefd[2];
	pthread_t thread;
};

static void remove_both(void *arg, int fd, uint32_t events)
{
	struct ctx *c = arg;

	(void)fd;
	(void)events;
	c->calls++;
	loop_fd_remove(c->first);
	loop_fd_remove(c->second);
	loop_quit(c->loop);
}

static void a_removed_watch_is_not_called_in_the_same_turn(void **state)
{
	struct ctx c = { 0 };
	int other[2];

	(void)state;
	assert_int_equal(loop_new(&c.loop), 0);
	assert_int_equal(pipe(c.pipefd), 0);
	assert_int_equal(pipe(other), 0);
	assert_int_equal(
		loop_fd_add(c.loop, "a", c.pipefd[0], EPOLLIN, remove_both, &c, &c.first), 0);
	assert_int_equal(
		loop_fd_add(c.loop, "b", other[0], EPOLLIN, remove_both, &c, &c.second), 0);
	assert_int_equal(write(c.pipefd[1], "x", 1), 1);
	assert_int_equal(write(other[1], "x", 1), 1);
	assert_int_equal(loop_run(c.loop), 0);
	assert_int_equal(c.calls, 1);
	loop_free(c.loop);
	for (int i = 0; i < 2; i++) {
		close(c.pipefd[i]);
		close(other[i]);
	}
}

static void count_and_quit(void *arg)
{
	struct ctx *c = arg;

	c->calls++;
	if (c->timer && c->calls < 3)
		assert_int_equal(loop_timer_set(c->timer, 1), 0);
	else
		loop_quit(c->loop);
}

static void timers_can_be_set_again(void **state)
{
	struct ctx c = { 0 };

	(void)state;
	assert_int_equal(loop_new(&c.loop), 0);
	assert_int_equal(loop_timer_new(c.loop, count_and_quit, &c, &c.timer), 0);
	assert_int_equal(loop_timer_set(c.timer, 1), 0);
	assert_int_equal(loop_run(c.loop), 0);
	assert_int_equal(c.calls, 3);
	loop_timer_free(c.timer);
	loop_free(c.loop);
}

static void *run(void *arg)
{
	struct ctx *c = arg;

	return (void *)(intptr_t)loop_run(c->loop);
}

static void note_thread(void *arg)
{
	struct ctx *c = arg;

	c->calls++;
	c->thread = pthread_self();
}

static void calls_run_in_the_loops_thread(void **state)
{
	struct ctx c = { 0 };
	pthread_t t;
	void *ret;

	(void)state;
	assert_int_equal(loop_new(&c.loop), 0);
	/* Not running yet: called right here. */
	loop_call(c.loop, note_thread, &c);
	assert_true(pthread_equal(c.thread, pthread_self()));
	assert_int_equal(pthread_create(&t, NULL, run, &c), 0);
	/* Whether the loop has begun or not, the call is made exactly once before it returns. */
	for (int i = 0; i < 100; i++)
		loop_call(c.loop, note_thread, &c);
	assert_int_equal(c.calls, 101);
	loop_quit(c.loop);
	assert_int_equal(pthread_join(t, &ret), 0);
	assert_null(ret);
	loop_free(c.loop);
}

struct rung {
	struct loop_bell *bell;
	int times;
};

static void on_ring(void *arg)
{
	struct rung *r = arg;

	/* One that rings while it is answered is heard again. */
	if (r->times++ == 0)
		loop_bell_ring(r->bell);
}

static void *ring_often(void *arg)
{
	for (int i = 0; i < 100; i++)
		loop_bell_ring(arg);
	return NULL;
}

static void a_bell_is_heard_in_the_loop(void **state)
{
	struct rung r = { 0 };
	struct loop *loop;
	pthread_t other;

	(void)state;
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(loop_bell_new(loop, "bell", on_ring, &r, &r.bell), 0);
	assert_int_equal(loop_turn(loop, 0), 0);
	assert_int_equal(pthread_create(&other, NULL, ring_often, r.bell), 0);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(r.times, 0);
	while (loop_turn(loop, 0) > 0)
		;
	assert_int_equal(r.times, 2);
	loop_bell_ring(r.bell);
	loop_bell_free(r.bell);
	assert_int_equal(loop_turn(loop, 0), 0);
	loop_bell_free(NULL);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_removed_watch_is_not_called_in_the_same_turn),
		cmocka_unit_test(timers_can_be_set_again),
		cmocka_unit_test(calls_run_in_the_loops_thread),
		cmocka_unit_test(a_bell_is_heard_in_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
