/*
 * An epoll event loop for one thread: descriptors, timers, and calls posted from other threads.
 * Level-triggered. A handler either finishes its work or keeps state; it never blocks.
 */
#pragma once

#include "base/auto.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_fd;
struct loop_timer;
struct loop_bell;

typedef void loop_fd_fn(void *arg, int fd, uint32_t events);
typedef void loop_call_fn(void *arg);

int loop_new(struct loop **ret) CHECKED;
void loop_free(struct loop *loop);

/*
 * Watches fd (owned by the caller, open until loop_fd_remove()). events: EPOLLIN, EPOLLOUT or 0;
 * with EPOLLET, whoever watches takes care to work a descriptor off.
 * name is a literal, shown in debug output. May be called only from the loop's thread or before it
 * runs. Returns 0 or -errno (-EPERM for files that epoll cannot watch).
 */
int loop_fd_add(struct loop *loop, const char *name, int fd, uint32_t events, loop_fd_fn *fn,
	void *arg, struct loop_fd **ret) CHECKED;
int loop_fd_events(struct loop_fd *lf, uint32_t events) CHECKED;
/* Safe inside any handler of the same loop; accepts NULL. No call for it follows. */
void loop_fd_remove(struct loop_fd *lf);

/* One-shot timer, ms from now on the monotonic clock; re-arm with loop_timer_set (0 ms disarms). */
int loop_timer_new(struct loop *loop, loop_call_fn *fn, void *arg, struct loop_timer **ret) CHECKED;
int loop_timer_set(struct loop_timer *t, uint64_t ms) CHECKED;
void loop_timer_free(struct loop_timer *t);

/*
 * A bell for other threads: fn(arg) is called in the loop's thread after one or more rings. Made
 * there, or before the loop runs; rung by any thread, without waiting.
 */
int loop_bell_new(struct loop *loop, const char *name, loop_call_fn *fn, void *arg,
	struct loop_bell **ret) CHECKED;
void loop_bell_ring(const struct loop_bell *b);
void loop_bell_free(struct loop_bell *b);

/*
 * Runs fn(arg) in the loop's thread and waits until it returned. From the loop's own thread, or
 * while the loop is not running, it is called directly. Any thread.
 */
void loop_call(struct loop *loop, loop_call_fn *fn, void *arg);

/* Handles events until loop_quit(). Returns 0 or -errno. loop_quit: any thread, sticky. */
int loop_run(struct loop *loop) CHECKED;
/*
 * For callers with a loop of their own, such as tests: handles what is ready after waiting for at
 * most timeout_ms (-1: for ever). Not inside loop_run(). Returns the number of events or -errno.
 */
int loop_turn(struct loop *loop, int timeout_ms) CHECKED;
void loop_quit(struct loop *loop);

DEFINE_AUTO_PTR(loop_free, struct loop)
