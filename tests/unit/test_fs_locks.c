/* File locks: the guest's owners beside a second opener on the host, which is the test. */
#include "base/auto.h"
#include "tests/unit/fakefuse.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>

#define WAIT_MS	   20000
#define A	   0xaaaa
#define B	   0xbbbb
#define WAIT_QUEUE 2 /* what waits is sent here, and all else to queue 1 */

struct file {
	uint64_t node, fh;
	int host; /* the host's own open file */
};

static struct file make_in(struct fakefuse *f, uint64_t parent, const char *dir, const char *name)
{
	struct file x;
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ff_put_file(f, path, "text");
	x.node = ff_lookup(f, parent, name);
	x.fh = ff_open(f, x.node, O_RDWR);
	x.host = open(ff_path(f, path), O_RDWR | O_CLOEXEC);
	assert_true(x.host >= 0);
	return x;
}

static struct file make(struct fakefuse *f, const char *name)
{
	return make_in(f, f->rw, "rw", name);
}

/* A file of an export whose locks are the guest's own. */
static struct file make_local(struct fakefuse *f, const char *name)
{
	static uint64_t local;

	if (ff_lookup_error(f, FUSE_ROOT_ID, "local") < 0) {
		int fd = open(ff_path(f, "other"), O_PATH | O_CLOEXEC);

		assert_int_equal(fs_export_add(f->fs, "local", fd, FS_EXPORT_LOCAL_LOCKS), 0);
	}
	local = ff_lookup(f, FUSE_ROOT_ID, "local");
	return make_in(f, local, "other", name);
}

static struct fuse_lk_in lk(
	const struct file *x, uint64_t owner, uint32_t type, uint64_t start, uint64_t end)
{
	return (struct fuse_lk_in){
		.fh = x->fh,
		.owner = owner,
		.lk = { .start = start, .end = end, .type = type, .pid = (uint32_t)owner },
	};
}

static int set(struct fakefuse *f, const struct file *x, uint64_t owner, uint32_t type,
	uint64_t start, uint64_t end)
{
	struct fuse_lk_in in = lk(x, owner, type, start, end);

	return FF(f, FUSE_SETLK, x->node, in, NULL);
}

static int set_flock(struct fakefuse *f, const struct file *x, uint32_t type)
{
	struct fuse_lk_in in = lk(x, A, type, 0, INT64_MAX);

	in.lk_flags = FUSE_LK_FLOCK;
	return FF(f, FUSE_SETLK, x->node, in, NULL);
}

static struct fuse_file_lock get(struct fakefuse *f, const struct file *x, uint64_t owner,
	uint32_t type, uint64_t start, uint64_t end)
{
	struct fuse_lk_in in = lk(x, owner, type, start, end);
	struct fuse_lk_out out;

	assert_int_equal(FF(f, FUSE_GETLK, x->node, in, NULL), 0);
	assert_int_equal(f->len, sizeof(out));
	memcpy(&out, f->reply, sizeof(out));
	return out.lk;
}

static void flush(struct fakefuse *f, const struct file *x, uint64_t owner)
{
	struct fuse_flush_in in = { .fh = x->fh, .lock_owner = owner };

	assert_int_equal(FF(f, FUSE_FLUSH, x->node, in, NULL), 0);
}

static void close_in_guest(struct fakefuse *f, const struct file *x)
{
	struct fuse_release_in in = { .fh = x->fh };

	assert_int_equal(FF(f, FUSE_RELEASE, x->node, in, NULL), 0);
}

static void done(struct fakefuse *f, struct file *x)
{
	close_in_guest(f, x);
	close_fd(&x->host);
}

static int host_set(int fd, short type, off_t start, off_t len)
{
	struct flock fl = { .l_type = type, .l_start = start, .l_len = len };

	return fcntl(fd, F_OFD_SETLK, &fl) < 0 ? -errno : 0;
}

/* How the host sees bytes of the file: F_UNLCK, F_RDLCK or F_WRLCK. */
static short host_sees(int fd, off_t start, off_t len)
{
	struct flock fl = { .l_type = F_WRLCK, .l_start = start, .l_len = len };

	assert_int_equal(fcntl(fd, F_OFD_GETLK, &fl), 0);
	return fl.l_type;
}

/* A request whose answer is not waited for. */
static uint16_t post(struct fakefuse *f, uint64_t node, struct fuse_lk_in lk_in, uint32_t tid)
{
	struct fuse_in_header in = {
		.len = sizeof(in) + sizeof(lk_in),
		.opcode = FUSE_SETLKW,
		.unique = 1000 + tid,
		.nodeid = node,
		.pid = tid,
	};
	uint64_t from = fg_alloc(&f->g, in.len), to = fg_alloc(&f->g, 64);
	struct fg_buf bufs[] = { { from, in.len, false }, { to, 64, true } };
	uint16_t head;

	memcpy(fg_at(&f->g, from), &in, sizeof(in));
	memcpy((char *)fg_at(&f->g, from) + sizeof(in), &lk_in, sizeof(lk_in));
	head = fg_post(&f->g, WAIT_QUEUE, bufs, 2);
	fg_kick(&f->g, WAIT_QUEUE);
	return head;
}

static unsigned wait_for_waiters(struct fakefuse *f, unsigned n)
{
	uint32_t tid[200];

	for (unsigned i = 0; i < WAIT_MS && fs_lock_waiting(f->fs, tid, 200) != n; i++)
		poll(NULL, 0, 1);
	return fs_lock_waiting(f->fs, tid, 200);
}

/* Which comes just after the fact. */
static void assert_told_of_waiting(struct fakefuse *f, unsigned times)
{
	for (unsigned i = 0; i < WAIT_MS && atomic_load(&f->lock_waiting) != times; i++)
		poll(NULL, 0, 1);
	assert_int_equal(atomic_load(&f->lock_waiting), times);
}

static void post_wait(struct fakefuse *f, const struct file *x, uint64_t owner, uint32_t type,
	uint64_t start, uint64_t end, uint32_t tid)
{
	uint32_t waiting[200];
	unsigned before = fs_lock_waiting(f->fs, waiting, 200);

	post(f, x->node, lk(x, owner, type, start, end), tid);
	assert_int_equal(wait_for_waiters(f, before + 1), before + 1);
}

/* The next answer to what was posted: *tid says whose. */
static int answer(struct fakefuse *f, uint32_t *tid)
{
	struct fuse_out_header out;
	uint16_t head;
	uint32_t len;

	assert_true(fg_wait(&f->g, WAIT_QUEUE, WAIT_MS));
	assert_true(fg_used(&f->g, WAIT_QUEUE, &head, &len));
	assert_int_equal(len, sizeof(out));
	/* Buffers are allocated in pairs; the descriptor of the reply follows the request's. */
	{
		uint64_t gpa;
		const struct fg_queue *q = &f->g.queue[WAIT_QUEUE];
		const uint8_t *d = (const uint8_t *)fg_at(&f->g, q->desc) + (size_t)head * 16;
		uint16_t next;

		memcpy(&next, d + 14, 2);
		memcpy(&gpa, (const uint8_t *)fg_at(&f->g, q->desc) + (size_t)next * 16, 8);
		memcpy(&out, fg_at(&f->g, gpa), sizeof(out));
	}
	assert_int_equal(out.len, sizeof(out));
	*tid = (uint32_t)(out.unique - 1000);
	return out.error;
}

static void assert_answer(struct fakefuse *f, uint32_t tid, int error)
{
	uint32_t who;

	assert_int_equal(answer(f, &who), error);
	assert_int_equal(who, tid);
}

static bool answered(struct fakefuse *f)
{
	return fg_wait(&f->g, WAIT_QUEUE, 60);
}

static void ranges_are_seen_on_both_sides(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x");
	struct fuse_file_lock l;

	assert_int_equal(set(f, &x, A, F_WRLCK, 10, 19), 0);
	assert_int_equal(host_sees(x.host, 0, 10), F_UNLCK);
	assert_int_equal(host_sees(x.host, 19, 1), F_WRLCK);
	assert_int_equal(host_set(x.host, F_RDLCK, 15, 1), -EAGAIN);
	assert_int_equal(host_set(x.host, F_WRLCK, 20, 0), 0);
	assert_int_equal(set(f, &x, A, F_RDLCK, 100, INT64_MAX), -EAGAIN);
	l = get(f, &x, A, F_RDLCK, 5, 500);
	assert_int_equal(l.type, F_WRLCK);
	assert_true(l.start == 20 && l.end == INT64_MAX && l.pid == 0);
	assert_int_equal(get(f, &x, A, F_WRLCK, 0, 19).type, F_UNLCK);
	/* Another of the guest's processes. */
	l = get(f, &x, B, F_RDLCK, 0, 19);
	assert_true(l.type == F_WRLCK && l.start == 10 && l.end == 19 && l.pid == A);
	assert_int_equal(set(f, &x, B, F_RDLCK, 19, 19), -EAGAIN);
	assert_int_equal(set(f, &x, A, F_UNLCK, 12, 17), 0);
	assert_int_equal(set(f, &x, B, F_WRLCK, 12, 17), 0);
	assert_int_equal(host_set(x.host, F_UNLCK, 0, 0), 0);
	assert_int_equal(host_sees(x.host, 18, 0), F_WRLCK);
	assert_int_equal(host_sees(x.host, 20, 0), F_UNLCK);
	done(f, &x);
}

/* As close(2) of any of a process's descriptors does, and exit(2). */
static void a_flush_frees_what_its_owner_has(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x");

	assert_int_equal(set(f, &x, A, F_WRLCK, 0, 9), 0);
	assert_int_equal(set(f, &x, A, F_RDLCK, 20, 29), 0);
	assert_int_equal(set(f, &x, B, F_WRLCK, 40, 49), 0);
	flush(f, &x, A);
	assert_int_equal(host_sees(x.host, 0, 40), F_UNLCK);
	assert_int_equal(host_sees(x.host, 40, 0), F_WRLCK);
	flush(f, &x, B);
	assert_int_equal(host_sees(x.host, 0, 0), F_UNLCK);
	flush(f, &x, B);
	done(f, &x);
}

/* OFD locks belong to the open file, and flock(2)'s do. */
static void a_release_frees_what_was_locked_through_it(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x"), again = x;

	again.fh = ff_open(f, x.node, O_RDWR);
	assert_int_equal(set(f, &x, A, F_WRLCK, 0, 9), 0);
	assert_int_equal(set(f, &again, B, F_WRLCK, 20, 29), 0);
	assert_int_equal(set_flock(f, &x, F_RDLCK), 0);
	assert_int_equal(set_flock(f, &again, F_RDLCK), 0);
	assert_int_equal(set_flock(f, &again, F_WRLCK), -EAGAIN);
	close_in_guest(f, &x);
	assert_int_equal(host_sees(x.host, 0, 10), F_UNLCK);
	assert_int_equal(host_sees(x.host, 20, 1), F_WRLCK);
	assert_int_equal(set_flock(f, &again, F_WRLCK), 0);
	assert_int_equal(flock(x.host, LOCK_SH | LOCK_NB), -1);
	close_in_guest(f, &again);
	assert_int_equal(flock(x.host, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(host_sees(x.host, 0, 0), F_UNLCK);
	close(x.host);
}

static void flock_is_seen_on_both_sides(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x");

	assert_int_equal(flock(x.host, LOCK_SH | LOCK_NB), 0);
	assert_int_equal(set_flock(f, &x, F_WRLCK), -EAGAIN);
	assert_int_equal(set_flock(f, &x, F_RDLCK), 0);
	assert_int_equal(flock(x.host, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(set_flock(f, &x, F_UNLCK), 0);
	assert_int_equal(flock(x.host, LOCK_EX | LOCK_NB), 0);
	/* The two kinds do not know of each other. */
	assert_int_equal(set(f, &x, A, F_WRLCK, 0, INT64_MAX), 0);
	done(f, &x);
}

/* A classic POSIX lock, whose holder is killed. */
static void a_process_of_the_host_is_seen_until_it_dies(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x");
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct flock fl = { .l_type = F_WRLCK, .l_start = 5, .l_len = 5 };

		if (fcntl(x.host, F_SETLK, &fl) == 0)
			(void)!write(ready[1], "x", 1);
		pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(set(f, &x, A, F_RDLCK, 9, 9), -EAGAIN);
	assert_int_equal(get(f, &x, A, F_RDLCK, 0, 100).start, 5);
	post_wait(f, &x, A, F_WRLCK, 0, 100, 7);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_answer(f, 7, 0);
	assert_int_equal(host_sees(x.host, 0, 0), F_WRLCK);
	close(ready[0]);
	close(ready[1]);
	done(f, &x);
}

/* The ranges that an owner has through a file that is open for reading, and then one for both. */
static void an_owner_may_go_on_to_write(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x"), reader = x;

	reader.fh = ff_open(f, x.node, O_RDONLY);
	assert_int_equal(set(f, &reader, A, F_RDLCK, 0, 9), 0);
	assert_int_equal(set(f, &reader, A, F_RDLCK, 20, 29), 0);
	assert_int_equal(set(f, &reader, A, F_WRLCK, 5, 9), -EBADF);
	assert_int_equal(host_set(x.host, F_RDLCK, 0, 3), 0);
	assert_int_equal(set(f, &x, A, F_WRLCK, 0, 9), -EAGAIN);
	assert_int_equal(set(f, &x, A, F_WRLCK, 5, 9), 0);
	assert_int_equal(host_set(x.host, F_UNLCK, 0, 0), 0);
	assert_int_equal(host_sees(x.host, 0, 5), F_RDLCK);
	assert_int_equal(host_sees(x.host, 5, 5), F_WRLCK);
	assert_int_equal(host_sees(x.host, 10, 10), F_UNLCK);
	assert_int_equal(host_sees(x.host, 20, 10), F_RDLCK);
	flush(f, &x, A);
	assert_int_equal(host_sees(x.host, 0, 0), F_UNLCK);
	close_in_guest(f, &reader);
	done(f, &x);
}

static void who_waits_holds_up_nobody(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x");

	assert_int_equal(flock(x.host, LOCK_EX), 0);
	assert_int_equal(host_set(x.host, F_WRLCK, 0, 10), 0);
	post_wait(f, &x, A, F_WRLCK, 5, 5, 1);
	assert_told_of_waiting(f, 1);
	f->queue = WAIT_QUEUE; /* the same queue goes on */
	ff_check_text(f, x.fh, "text");
	f->queue = 1;
	assert_int_equal(set(f, &x, B, F_WRLCK, 20, 20), 0);
	assert_false(answered(f));
	assert_int_equal(host_set(x.host, F_UNLCK, 0, 0), 0);
	assert_answer(f, 1, 0);
	assert_int_equal(host_sees(x.host, 0, 10), F_WRLCK);
	/* And the guest's own among themselves. */
	post_wait(f, &x, B, F_WRLCK, 0, 9, 2);
	flush(f, &x, A);
	assert_answer(f, 2, 0);
	assert_told_of_waiting(f, 2);
	done(f, &x);
}

static void flock_waits(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x");
	struct fuse_lk_in in = lk(&x, A, F_WRLCK, 0, INT64_MAX);

	in.lk_flags = FUSE_LK_FLOCK;
	assert_int_equal(flock(x.host, LOCK_SH), 0);
	post(f, x.node, in, 3);
	assert_int_equal(wait_for_waiters(f, 1), 1);
	assert_false(answered(f));
	assert_int_equal(flock(x.host, LOCK_UN), 0);
	assert_answer(f, 3, 0);
	assert_int_equal(flock(x.host, LOCK_SH | LOCK_NB), -1);
	done(f, &x);
}

/* Some in threads, the others with another try now and then. */
static void more_wait_than_threads_block(void **state)
{
	struct fakefuse *f = *state;
	struct file x[8];
	unsigned seen = 0;

	for (unsigned i = 0; i < 8; i++) {
		char name[2] = { (char)('a' + i), 0 };

		x[i] = make(f, name);
		assert_int_equal(host_set(x[i].host, F_WRLCK, 0, 0), 0);
		post_wait(f, &x[i], A, F_WRLCK, 0, 0, i);
	}
	for (unsigned i = 8; i-- > 0;) {
		assert_int_equal(host_set(x[i].host, F_UNLCK, 0, 0), 0);
		assert_answer(f, i, 0);
		assert_int_equal(host_sees(x[i].host, 0, 1), F_WRLCK);
		seen++;
	}
	assert_int_equal(seen, 8);
	for (unsigned i = 0; i < 8; i++)
		done(f, &x[i]);
}

static void a_signal_ends_a_wait(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x");
	struct fuse_interrupt_in in = { .unique = 1000 + 12 };

	assert_int_equal(host_set(x.host, F_WRLCK, 0, 0), 0);
	for (uint32_t i = 10; i < 14; i++)
		post_wait(f, &x, i, F_WRLCK, 0, 0, i);
	fs_lock_interrupt(f->fs, 99);
	assert_false(answered(f));
	fs_lock_interrupt(f->fs, 10);
	assert_answer(f, 10, -EINTR);
	fs_lock_interrupt(f->fs, 13);
	assert_answer(f, 13, -EINTR);
	f->queue = 0;
	assert_int_equal(FF(f, FUSE_INTERRUPT, 0, in, NULL), FF_NO_REPLY);
	f->queue = 1;
	assert_answer(f, 12, -EINTR);
	assert_int_equal(host_set(x.host, F_UNLCK, 0, 0), 0);
	assert_answer(f, 11, 0);
	done(f, &x);
}

static void a_share_that_goes_takes_its_locks_along(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x"), other = make_in(f, f->other, "other", "y");

	assert_int_equal(host_set(x.host, F_WRLCK, 0, 1), 0);
	assert_int_equal(set(f, &x, A, F_WRLCK, 10, 10), 0);
	assert_int_equal(set(f, &other, A, F_WRLCK, 10, 10), 0);
	post_wait(f, &x, B, F_WRLCK, 0, 0, 1);
	assert_int_equal(fs_export_remove(f->fs, "rw"), 0);
	assert_answer(f, 1, -ESTALE);
	assert_int_equal(host_set(x.host, F_WRLCK, 0, 0), 0);
	assert_int_equal(set(f, &x, A, F_WRLCK, 20, 20), -ESTALE);
	assert_int_equal(host_sees(other.host, 10, 1), F_WRLCK);
	close(x.host);
	done(f, &other);
}

/* The end of the test is that of the guest, and looks for what is left. */
static void a_guest_may_end_while_it_waits(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x"), y = make_local(f, "y");

	assert_int_equal(host_set(x.host, F_WRLCK, 0, 0), 0);
	assert_int_equal(set(f, &y, A, F_WRLCK, 0, 0), 0);
	for (uint32_t i = 10; i < 14; i++)
		post_wait(f, &x, i, F_WRLCK, 0, 0, i);
	post_wait(f, &y, B, F_WRLCK, 0, 0, 1);
	close(x.host);
	close(y.host);
}

static void a_guest_may_start_over_while_it_waits(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x");
	uint32_t tid;

	assert_int_equal(host_set(x.host, F_WRLCK, 0, 1), 0);
	assert_int_equal(set(f, &x, A, F_WRLCK, 10, 10), 0);
	for (uint32_t i = 10; i < 14; i++)
		post_wait(f, &x, i, F_WRLCK, 0, 0, i);
	fg_start(&f->g, 0);
	assert_int_equal(wait_for_waiters(f, 0), 0);
	assert_int_equal(fs_lock_waiting(f->fs, &tid, 1), 0);
	assert_int_equal(host_sees(x.host, 5, 0), F_UNLCK);
	assert_int_equal(ff_init(f, 0), 0);
	assert_false(answered(f));
	close(x.host);
}

static void locks_are_budgeted(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x"), y = make_local(f, "y"), *both[] = { &x, &y };

	for (unsigned k = 0; k < 2; k++) {
		uint64_t n = 0;
		int r;

		assert_int_equal(set(f, both[k], A, F_WRLCK, 1000, 9000), 0);
		while ((r = set(f, both[k], A, F_WRLCK, n * 2, n * 2)) == 0)
			assert_true(++n < FF_LOCKS);
		assert_int_equal(r, -ENOLCK);
		assert_true(n > FF_LOCKS - 8);
		/* A hole makes two of one. */
		assert_int_equal(set(f, both[k], A, F_UNLCK, 5000, 5000), -ENOLCK);
		assert_int_equal(set(f, both[k], B, F_WRLCK, 9500, 9500), -ENOLCK);
		assert_int_equal(set_flock(f, both[k], F_WRLCK), -ENOLCK);
		assert_int_equal(set(f, both[k], A, F_UNLCK, 0, INT64_MAX), 0);
		assert_int_equal(set(f, both[k], B, F_WRLCK, 9500, 9500), 0);
		flush(f, both[k], B);
	}
	done(f, &x);
	done(f, &y);
}

static void waits_are_budgeted(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make_local(f, "x");
	uint32_t tid;

	assert_int_equal(set(f, &x, A, F_WRLCK, 0, 0), 0);
	for (uint32_t i = 0; i < 128; i++)
		post_wait(f, &x, B, F_WRLCK, 0, 0, i);
	post(f, x.node, lk(&x, B, F_WRLCK, 0, 0), 500);
	assert_answer(f, 500, -ENOLCK);
	flush(f, &x, A);
	for (uint32_t i = 0; i < 128; i++)
		assert_int_equal(answer(f, &tid), 0);
	done(f, &x);
}

static void local_locks_are_the_guests_own(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make_local(f, "x"), again = x;
	struct fuse_file_lock l;

	again.fh = ff_open(f, x.node, O_RDWR);
	assert_int_equal(flock(x.host, LOCK_EX), 0);
	assert_int_equal(host_set(x.host, F_WRLCK, 0, 0), 0);
	assert_int_equal(set(f, &x, A, F_RDLCK, 0, 9), 0);
	assert_int_equal(set(f, &x, B, F_RDLCK, 5, 19), 0);
	assert_int_equal(set(f, &x, A, F_WRLCK, 0, 9), -EAGAIN);
	assert_int_equal(set(f, &x, A, F_WRLCK, 0, 4), 0);
	l = get(f, &x, B, F_WRLCK, 0, 100);
	assert_true(l.type == F_WRLCK && l.start == 0 && l.end == 4 && l.pid == A);
	assert_int_equal(set_flock(f, &x, F_RDLCK), 0);
	assert_int_equal(set_flock(f, &again, F_RDLCK), 0);
	/* Who converts and fails has lost what he had, as on any Linux. */
	assert_int_equal(set_flock(f, &x, F_WRLCK), -EAGAIN);
	assert_int_equal(set_flock(f, &again, F_WRLCK), 0);
	assert_int_equal(set_flock(f, &x, F_RDLCK), -EAGAIN);
	close_in_guest(f, &again);
	assert_int_equal(set_flock(f, &x, F_WRLCK), 0);
	done(f, &x);
}

static void local_waits_are_answered_in_turn(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make_local(f, "x");

	assert_int_equal(set(f, &x, A, F_WRLCK, 0, 9), 0);
	post_wait(f, &x, 21, F_RDLCK, 0, 0, 21);
	post_wait(f, &x, 22, F_WRLCK, 0, 0, 22);
	post_wait(f, &x, 23, F_RDLCK, 9, 9, 23);
	assert_int_equal(set(f, &x, A, F_RDLCK, 0, 4), 0);
	assert_answer(f, 21, 0);
	assert_false(answered(f));
	flush(f, &x, A);
	assert_answer(f, 23, 0);
	fs_lock_interrupt(f->fs, 22);
	assert_answer(f, 22, -EINTR);
	done(f, &x);
}

/* Whose processes wait for each other would do so for ever. */
static void circles_of_waiting_are_refused(void **state)
{
	struct fakefuse *f = *state;

	for (unsigned local = 0; local < 2; local++) {
		struct file x = local ? make_local(f, "x") : make(f, "x");
		struct file y = local ? make_local(f, "y") : make(f, "y");

		assert_int_equal(set(f, &x, 31, F_WRLCK, 0, 0), 0);
		assert_int_equal(set(f, &x, 32, F_WRLCK, 5, 5), 0);
		assert_int_equal(set(f, &y, 33, F_WRLCK, 0, 0), 0);
		post_wait(f, &x, 31, F_WRLCK, 5, 5, 31);
		post_wait(f, &y, 32, F_WRLCK, 0, 0, 32);
		post(f, x.node, lk(&x, 33, F_RDLCK, 0, 9), 33);
		assert_answer(f, 33, -EDEADLK);
		/* Who only stands in line closes none. */
		post_wait(f, &x, 34, F_WRLCK, 0, 0, 34);
		flush(f, &y, 33);
		assert_answer(f, 32, 0);
		flush(f, &x, 32);
		assert_answer(f, 31, 0);
		flush(f, &x, 31);
		assert_answer(f, 34, 0);
		flush(f, &y, 32);
		done(f, &x);
		done(f, &y);
	}
}

static uint32_t open_flags(struct fakefuse *f, uint64_t node, uint32_t flags)
{
	struct fuse_open_out out;

	assert_int_equal(ff_open_error(f, node, flags), 0);
	memcpy(&out, f->reply, sizeof(out));
	ff_release(f, out.fh);
	return out.open_flags;
}

/* A FLUSH for each close is for files that somebody may have locked. */
static void closes_cost_a_request_only_where_they_must(void **state)
{
	struct fakefuse *f = *state;
	struct file x;
	uint64_t node, fh;

	ff_put_file(f, "rw/a", "text");
	ff_put_file(f, "rw/b", "text");
	node = ff_lookup(f, f->rw, "a");
	assert_true(open_flags(f, node, O_RDONLY) & FOPEN_NOFLUSH);
	assert_false(open_flags(f, node, O_WRONLY) & FOPEN_NOFLUSH);
	assert_false(open_flags(f, node, O_RDONLY) & FOPEN_NOFLUSH);
	x.node = node = ff_lookup(f, f->rw, "b");
	x.fh = ff_open(f, node, O_RDONLY);
	assert_int_equal(set_flock(f, &x, F_WRLCK), 0);
	assert_true(open_flags(f, node, O_RDONLY) & FOPEN_NOFLUSH);
	assert_int_equal(set(f, &x, A, F_RDLCK, 0, 0), 0);
	assert_false(open_flags(f, node, O_RDONLY) & FOPEN_NOFLUSH);
	close_in_guest(f, &x);
	fh = ff_create(f, f->rw, "c", &node);
	assert_false(open_flags(f, node, O_RDONLY) & FOPEN_NOFLUSH);
	ff_release(f, fh);
}

static int begin_without_locks(void **state)
{
	int r;

	ff_locks_max = 0;
	r = ff_begin(state);
	ff_locks_max = FF_LOCKS;
	return r;
}

static uint32_t negotiated(struct fakefuse *f)
{
	struct fuse_init_out out;

	assert_int_equal(ff_init(f, FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS | FUSE_ASYNC_READ), 0);
	memcpy(&out, f->reply, sizeof(out));
	assert_true(out.flags & FUSE_ASYNC_READ);
	return out.flags & (FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS);
}

static void a_device_has_locks(void **state)
{
	assert_int_equal(negotiated(*state), FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS);
}

/* The guest's kernel keeps them to itself, and says nothing of closes. */
static void or_none_and_is_not_asked(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x");
	struct fuse_flush_in in = { .fh = x.fh };

	assert_int_equal(negotiated(f), 0);
	assert_int_equal(FF(f, FUSE_FLUSH, x.node, in, NULL), -ENOSYS);
	assert_int_equal(set(f, &x, A, F_WRLCK, 0, 0), -ENOLCK);
	assert_int_equal(set_flock(f, &x, F_WRLCK), -ENOLCK);
	done(f, &x);
}

static void bad_requests_are_refused(void **state)
{
	struct fakefuse *f = *state;
	struct file x = make(f, "x"), other = make_in(f, f->other, "other", "y"), bad = x;
	struct fuse_lk_in in = lk(&x, A, F_WRLCK, 0, 0);

	assert_int_equal(set(f, &x, A, 77, 0, 0), -EINVAL);
	assert_int_equal(set(f, &x, A, F_WRLCK, 5, 4), -EINVAL);
	assert_int_equal(set(f, &x, A, F_WRLCK, 0, UINT64_MAX), -EINVAL);
	in.lk.type = F_UNLCK;
	assert_int_equal(FF(f, FUSE_GETLK, x.node, in, NULL), -EINVAL);
	bad.fh = 0;
	assert_int_equal(set(f, &bad, A, F_WRLCK, 0, 0), -EBADF);
	bad.fh = ff_opendir(f, f->rw);
	assert_int_equal(set(f, &bad, A, F_WRLCK, 0, 0), -EBADF);
	bad.fh = other.fh;
	assert_int_equal(set(f, &bad, A, F_WRLCK, 0, 0), -EBADF);
	bad = x;
	bad.node = 99999;
	assert_int_equal(set(f, &bad, A, F_WRLCK, 0, 0), -ESTALE);
	flush(f, &bad, A);
	assert_int_equal(host_sees(x.host, 0, 0), F_UNLCK);
	done(f, &x);
	done(f, &other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ff_begin, ff_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ranges_are_seen_on_both_sides),
		TEST(a_flush_frees_what_its_owner_has),
		TEST(a_release_frees_what_was_locked_through_it),
		TEST(flock_is_seen_on_both_sides),
		TEST(a_process_of_the_host_is_seen_until_it_dies),
		TEST(an_owner_may_go_on_to_write),
		TEST(who_waits_holds_up_nobody),
		TEST(flock_waits),
		TEST(more_wait_than_threads_block),
		TEST(a_signal_ends_a_wait),
		TEST(a_share_that_goes_takes_its_locks_along),
		TEST(a_guest_may_end_while_it_waits),
		TEST(a_guest_may_start_over_while_it_waits),
		TEST(locks_are_budgeted),
		TEST(waits_are_budgeted),
		TEST(local_locks_are_the_guests_own),
		TEST(local_waits_are_answered_in_turn),
		TEST(circles_of_waiting_are_refused),
		TEST(closes_cost_a_request_only_where_they_must),
		TEST(a_device_has_locks),
		cmocka_unit_test_setup_teardown(
			or_none_and_is_not_asked, begin_without_locks, ff_end),
		TEST(bad_requests_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
