/*
 * The virtio-fs device (virtio 1.2, section 5.11): queue 0 carries FORGETs, the others requests;
 * each has a worker thread that sleeps on the queue's kick. The threads are made with the device,
 * by the main thread, so that none inherits a vCPU's confinement; they work only while the device
 * runs.
 */
#include "base/auto.h"
#include "base/thread.h"
#include "dev/fs/notice.h"
#include "dev/fs/server.h"
#include "dev/fs/watch.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define TAG_LEN		   36
#define REQUEST_QUEUES_MAX 4

struct config_space {
	char tag[TAG_LEN];
	uint32_t request_queues;
} __attribute__((packed));

struct worker {
	struct fs *fs;
	unsigned queue;
	pthread_t thread;
	bool created;
	int control_fd;	 /* eventfd: look at fs->state */
	int answered_fd; /* eventfd: requests that were deferred have answers */
	struct fs_request request;
	struct vq_chain chain;
};

enum state { STATE_STOPPED, STATE_RUNNING, STATE_QUIT };

struct fs {
	struct vdev dev;
	struct config_space space;
	struct fs_config config;
	struct fs_server server;
	pthread_mutex_t lock; /* guards state and working */
	pthread_cond_t changed;
	enum state state;
	unsigned working; /* workers that touch their queues */
	unsigned started; /* workers that have run worker_start() */
	int start_error;
	struct worker worker[1 + REQUEST_QUEUES_MAX];
	unsigned workers;
};

static void give_back(struct worker *w, uint32_t written)
{
	struct vdev *d = &w->fs->dev;

	vq_push(&d->queue[w->queue], w->chain.head, written);
	vdev_interrupt_queue(d, &d->queue[w->queue]);
}

static void drain(struct worker *w)
{
	struct vdev *d = &w->fs->dev;
	struct vq *q = &d->queue[w->queue];
	int got;

	do {
		vq_notify_off(q);
		while ((got = vq_pop(q, &w->chain)) > 0) {
			uint32_t written = fs_serve(&w->request, &w->chain);

			if (!w->request.deferred)
				give_back(w, written);
		}
	} while (got == 0 && vq_notify_on(q));
	if (got < 0)
		vdev_broken(d);
}

/* Their chains are walked anew: memory may have moved since they were popped. */
static void give_answers(struct worker *w)
{
	struct vdev *d = &w->fs->dev;
	struct lock_reply a;

	while (locks_take(&w->fs->server.locks, w->queue, &a)) {
		if (vq_again(&d->queue[w->queue], a.head, &w->chain) < 0)
			vdev_broken(d);
		else
			give_back(w, fs_answer(&w->chain, a.unique, a.error));
	}
}

/* On any thread. */
static void answered(void *arg, unsigned queue)
{
	struct fs *fs = arg;
	uint64_t one = 1;

	(void)!write(fs->worker[queue].answered_fd, &one, sizeof(one));
}

static void clear(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
}

/* Serves until the device is stopped. */
static void work(struct worker *w)
{
	struct pollfd p[3] = {
		{ .fd = w->fs->dev.queue[w->queue].kick_fd, .events = POLLIN },
		{ .fd = w->control_fd, .events = POLLIN },
		{ .fd = w->answered_fd, .events = POLLIN },
	};

	while (!(p[1].revents & POLLIN)) {
		if (poll(p, 3, -1) < 0)
			continue;
		if ((p[2].revents & POLLIN) && !(p[1].revents & POLLIN)) {
			clear(p[2].fd);
			give_answers(w);
		}
		if (p[0].revents & POLLIN) {
			clear(p[0].fd);
			if (!(p[1].revents & POLLIN))
				drain(w);
		}
	}
}

static void *run(void *arg)
{
	struct worker *w = arg;
	struct fs *fs = w->fs;
	int r;

	r = thread_prepare(&fs->server, fs->config.worker_start, fs->config.arg);
	pthread_mutex_lock(&fs->lock);
	fs->started++;
	if (r < 0)
		fs->start_error = r;
	pthread_cond_broadcast(&fs->changed);
	while (r == 0 && fs->state != STATE_QUIT) {
		if (fs->state == STATE_STOPPED) {
			pthread_cond_wait(&fs->changed, &fs->lock);
			continue;
		}
		fs->working++;
		pthread_mutex_unlock(&fs->lock);
		work(w);
		pthread_mutex_lock(&fs->lock);
		clear(w->control_fd);
		fs->working--;
		pthread_cond_broadcast(&fs->changed);
	}
	pthread_mutex_unlock(&fs->lock);
	return NULL;
}

static int start(struct vdev *d)
{
	struct fs *fs = container_of(d, struct fs, dev);

	pthread_mutex_lock(&fs->lock);
	fs->state = STATE_RUNNING;
	pthread_cond_broadcast(&fs->changed);
	pthread_mutex_unlock(&fs->lock);
	return 0;
}

/* Changes the state and waits until no worker touches a queue. */
static void halt(struct fs *fs, enum state state)
{
	uint64_t one = 1;

	pthread_mutex_lock(&fs->lock);
	fs->state = state;
	pthread_cond_broadcast(&fs->changed);
	for (unsigned i = 0; fs->working && i < fs->workers; i++)
		(void)!write(fs->worker[i].control_fd, &one, sizeof(one));
	while (fs->working)
		pthread_cond_wait(&fs->changed, &fs->lock);
	for (unsigned i = 0; i < fs->workers; i++)
		clear(fs->worker[i].control_fd);
	pthread_mutex_unlock(&fs->lock);
}

static void stop(struct vdev *d)
{
	halt(container_of(d, struct fs, dev), STATE_STOPPED);
}

/* A driver that starts over knows no inode and no handle. */
static void reset(struct vdev *d)
{
	struct fs *fs = container_of(d, struct fs, dev);

	handles_clear(&fs->server.handles, NULL);
	locks_reset(&fs->server.locks);
	inodes_clear(&fs->server.inodes, NULL);
}

/*
 * Files are open here, not there: of what the guest knows nothing is kept but the numbers, which
 * are not given anew. Its inodes are stale and its handles bad when it goes on; the exports are
 * whoever restores it's to add.
 */
static int save(struct vdev *d, struct buf *out)
{
	struct fs *fs = container_of(d, struct fs, dev);
	int r;

	/* Nobody would answer what waits. */
	if (locks_busy(&fs->server.locks))
		return -EBUSY;
	r = saved_put(out, fs->server.setxattr_ext);
	if (r == 0)
		r = saved_put(out, inodes_next(&fs->server.inodes));
	return r ? r : saved_put(out, handles_last(&fs->server.handles));
}

static int restore(struct vdev *d, struct saved *in)
{
	struct fs *fs = container_of(d, struct fs, dev);
	uint64_t next_inode, last_handle;

	fs->server.setxattr_ext = saved_get(in, 1);
	next_inode = saved_get(in, UINT64_MAX);
	last_handle = saved_get(in, UINT32_MAX);
	if (in->wrong || inodes_go_on(&fs->server.inodes, next_inode) < 0)
		return -EINVAL;
	handles_go_on(&fs->server.handles, (uint32_t)last_handle);
	return 0;
}

static const struct vdev_class fs_class = {
	.name = "fs",
	.virtio_id = 26,
	.queues = 1 + REQUEST_QUEUES_MAX,
	/* A request of 1 MiB in 4 KiB pages needs more than 256 entries. */
	.queue_max = { 512, 512, 512, 512, 512 },
	.start = start,
	.stop = stop,
	.reset = reset,
	.save = save,
	.restore = restore,
};

static int start_workers(struct fs *fs)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < fs->workers; i++) {
		struct worker *w = &fs->worker[i];

		w->fs = fs;
		w->queue = i;
		w->request.server = &fs->server;
		w->request.queue = i;
		w->request.body = malloc(BODY_MAX_BYTES);
		w->request.scratch = malloc(XATTR_MAX_BYTES);
		w->control_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		w->answered_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (!w->request.body || !w->request.scratch || w->control_fd < 0 ||
			w->answered_fd < 0)
			return -ENOMEM;
		r = thread_create(&w->thread, run, w);
		w->created = r == 0;
	}
	pthread_mutex_lock(&fs->lock);
	while (r == 0 && fs->started < fs->workers)
		pthread_cond_wait(&fs->changed, &fs->lock);
	if (r == 0)
		r = fs->start_error;
	pthread_mutex_unlock(&fs->lock);
	return r;
}

static int make_locks(struct fs *fs)
{
	struct locks_config config = {
		.handles = &fs->server.handles,
		.proc_fd = fs->server.proc_fd,
		.records_max = fs->config.locks_max,
		.answered = answered,
		.answered_arg = fs,
		.waiting = fs->config.lock_waiting,
		.arg = fs->config.arg,
	};

	return locks_init(&fs->server.locks, &config);
}

static int make_device(struct fs *fs, const struct gmem *gm)
{
	struct vdev_spec spec = {
		.queues = fs->workers,
		.config = &fs->space,
		.config_len = sizeof(fs->space),
	};

	return vdev_init(&fs->dev, &fs_class, gm, &spec);
}

int fs_new(const struct fs_config *config, const struct gmem *gm, struct fs **ret)
{
	unsigned queues = config->request_queues;
	struct fs *fs;
	int r;

	if (queues < 1 || queues > REQUEST_QUEUES_MAX || strlen(config->tag) > TAG_LEN)
		return -EINVAL;
	fs = calloc(1, sizeof(*fs));
	if (!fs)
		return -ENOMEM;
	fs->config = *config;
	fs->server.proc_fd = config->proc_self_fd;
	fs->server.beliefs_xattr = config->beliefs_xattr;
	fs->server.uid = geteuid();
	fs->server.gid = getegid();
	memcpy(fs->space.tag, config->tag, strlen(config->tag));
	fs->space.request_queues = queues;
	fs->workers = 1 + queues;
	for (unsigned i = 0; i < fs->workers; i++)
		fs->worker[i].control_fd = fs->worker[i].answered_fd = -1;
	pthread_mutex_init(&fs->lock, NULL);
	pthread_cond_init(&fs->changed, NULL);
	inodes_init(&fs->server.inodes, config->inodes_max, config->crowded, config->arg);
	handles_init(&fs->server.handles);
	exports_init(&fs->server.exports);
	numbers_init(&fs->server.numbers);
	r = make_locks(fs);
	if (r == 0)
		r = make_device(fs, gm);
	if (r == 0 && config->events)
		r = watch_new(&fs->server, fs->workers, config, notice_run, &fs->server.watch);
	if (r == 0)
		r = start_workers(fs);
	if (r == 0 && locks_wanted(&fs->server.locks))
		r = locks_start(&fs->server.locks, config->worker_start, config->arg);
	if (r < 0) {
		fs_free(fs);
		return r;
	}
	*ret = fs;
	return 0;
}

void fs_free(struct fs *fs)
{
	if (!fs)
		return;
	halt(fs, STATE_QUIT);
	for (unsigned i = 0; i < fs->workers; i++) {
		struct worker *w = &fs->worker[i];

		if (w->created)
			pthread_join(w->thread, NULL);
		free(w->request.body);
		free(w->request.scratch);
	}
	locks_done(&fs->server.locks);
	for (unsigned i = 0; i < fs->workers; i++) {
		close_fd(&fs->worker[i].control_fd);
		close_fd(&fs->worker[i].answered_fd);
	}
	vdev_done(&fs->dev);
	watch_stop(fs->server.watch);
	handles_done(&fs->server.handles);
	inodes_done(&fs->server.inodes);
	exports_done(&fs->server.exports);
	numbers_done(&fs->server.numbers);
	watch_free(fs->server.watch);
	close_fd(&fs->server.proc_fd);
	pthread_cond_destroy(&fs->changed);
	pthread_mutex_destroy(&fs->lock);
	free(fs);
}

struct vdev *fs_vdev(struct fs *fs)
{
	return &fs->dev;
}

int fs_export_add(struct fs *fs, const char *name, int fd, unsigned flags)
{
	return exports_add(&fs->server.exports, name, fd, flags);
}

int fs_export_remove(struct fs *fs, const char *name)
{
	struct export *e = exports_remove(&fs->server.exports, name);

	if (!e)
		return -ENOENT;
	/* A guest that never forgets must not keep the host from unmounting it. */
	handles_clear(&fs->server.handles, e);
	locks_clear(&fs->server.locks, e);
	inodes_clear(&fs->server.inodes, e);
	export_put(e);
	return 0;
}

unsigned fs_lock_waiting(struct fs *fs, uint32_t *tid, unsigned max)
{
	return locks_waiting(&fs->server.locks, tid, max);
}

void fs_lock_interrupt(struct fs *fs, uint32_t tid)
{
	locks_interrupt(&fs->server.locks, tid, 0);
}

void fs_events_stream(struct fs *fs, int fd)
{
	if (fs->server.watch)
		watch_stream(fs->server.watch, fd);
	else
		close_fd(&fd);
}
