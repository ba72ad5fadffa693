/* Watches on the host's directories: see watch.h. */
#include "dev/fs/watch.h"

#include "base/auto.h"
#include "base/log.h"
#include "base/thread.h"
#include "dev/fs/server.h"

#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>

#define EVENTS                                                                                     \
	(IN_CREATE | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO |        \
		IN_ATTRIB)

static struct list *bucket_of(struct watch *w, int wd)
{
	return &w->by_wd[(unsigned)wd % WATCH_BUCKETS];
}

static bool is_used(struct watch *w, int wd)
{
	list_for_each (i, bucket_of(w, wd), struct watched, by_wd)
		if (i->wd == wd)
			return true;
	return false;
}

/* Two inodes of the guest may be one of the host, which has one watch. */
static void unwatch(struct watch *w, struct watched *i)
{
	int wd = i->wd;

	if (wd < 0)
		return;
	list_del(&i->by_wd);
	list_del(&i->age);
	i->wd = -1;
	w->count--;
	if (!is_used(w, wd))
		(void)inotify_rm_watch(atomic_load(&w->inotify_fd), wd);
}

static int add(int inotify_fd, int fd, uint32_t mask)
{
	char number[FD_NAME_MAX];
	int wd;

	/* The thread stands in /proc/self/fd. */
	fd_name(fd, number);
	wd = inotify_add_watch(inotify_fd, number, mask);
	return wd < 0 ? -errno : wd;
}

static void refuse(struct watch *w, const char *what, int code)
{
	if (!w->refused)
		log_warn("changes of files on the host raise no events in the guest: %s: %s", what,
			strerror(-code));
	w->refused = true;
}

/* The first watch: the descriptor, and in it the marks. */
static int open_inotify(struct watch *w)
{
	AUTO_CLOSE int fd = -1;
	uint64_t one = 1;

	if (atomic_load(&w->inotify_fd) >= 0)
		return 0;
	if (w->refused)
		return -EMFILE;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0) {
		refuse(w, "inotify (fs.inotify.max_user_instances)", -errno);
		return -EMFILE;
	}
	for (unsigned i = 0; i < w->workers; i++) {
		w->mark[i].wd = add(fd, w->mark[i].fd, IN_MODIFY | IN_ATTRIB);
		if (w->mark[i].wd < 0) {
			refuse(w, "inotify", w->mark[i].wd);
			return w->mark[i].wd;
		}
	}
	atomic_store(&w->inotify_fd, steal_fd(&fd));
	(void)!write(w->control_fd, &one, sizeof(one));
	return 0;
}

static int add_or_make_room(struct watch *w, int fd)
{
	int wd = add(atomic_load(&w->inotify_fd), fd, EVENTS);

	if (wd != -ENOSPC || list_empty(&w->oldest))
		return wd;
	unwatch(w, container_of(w->oldest.next, struct watched, age));
	return add(atomic_load(&w->inotify_fd), fd, EVENTS);
}

static void watch_it(struct watch *w, struct watched *i, int fd)
{
	int wd = open_inotify(w) < 0 ? -EMFILE : add_or_make_room(w, fd);

	if (wd == -ENOSPC)
		refuse(w, "inotify (fs.inotify.max_user_watches)", wd);
	if (wd < 0)
		return;
	i->wd = wd;
	list_add_tail(bucket_of(w, wd), &i->by_wd);
	list_add_tail(&w->oldest, &i->age);
	if (++w->count > WATCHES_MAX)
		unwatch(w, container_of(w->oldest.next, struct watched, age));
}

void watch_inode(struct watch *w, struct inode *inode, bool root)
{
	struct watched *i;

	if (!(inode->export->flags & FS_EXPORT_WATCH) || (inode->type != S_IFDIR && !root))
		return;
	pthread_mutex_lock(&w->lock);
	i = inode->watched;
	if (!i) {
		i = calloc(1, sizeof(*i));
		if (i) {
			*i = (struct watched){ -1, inode->nodeid, inode->export, root, inode, { 0 },
				{ 0 } };
			list_init(&i->by_wd);
			list_init(&i->age);
			inode->watched = i;
		}
	}
	if (i && i->wd >= 0) {
		list_del(&i->age);
		list_add_tail(&w->oldest, &i->age);
	} else if (i) {
		watch_it(w, i, inode->fd);
	}
	pthread_mutex_unlock(&w->lock);
}

void watch_named(struct watch *w, const struct inode *dir, const char *name, uint64_t nodeid)
{
	if (dir->export->flags & FS_EXPORT_WATCH)
		known_set(&w->known, dir->nodeid, name, nodeid);
}

void watch_gone(void *arg, struct inode *inode)
{
	struct watch *w = arg;

	pthread_mutex_lock(&w->lock);
	unwatch(w, inode->watched);
	free(inode->watched);
	inode->watched = NULL;
	pthread_mutex_unlock(&w->lock);
}

unsigned watch_targets(struct watch *w, int wd, struct watch_target ret[WATCH_TARGETS])
{
	unsigned n = 0;

	pthread_mutex_lock(&w->lock);
	list_for_each (i, bucket_of(w, wd), struct watched, by_wd) {
		if (i->wd != wd || n == WATCH_TARGETS)
			continue;
		ret[n] = (struct watch_target){ i->nodeid, i->export, i->root, "" };
		memcpy(ret[n++].share, i->export->name, EXPORT_NAME_MAX);
	}
	pthread_mutex_unlock(&w->lock);
	return n;
}

void watch_ignored(struct watch *w, int wd)
{
	pthread_mutex_lock(&w->lock);
	list_for_each_safe (i, bucket_of(w, wd), struct watched, by_wd) {
		if (i->wd != wd)
			continue;
		list_del(&i->by_wd);
		list_del(&i->age);
		i->wd = -1;
		w->count--;
	}
	pthread_mutex_unlock(&w->lock);
}

void watch_stream(struct watch *w, int fd)
{
	uint64_t one = 1;

	pthread_mutex_lock(&w->lock);
	close_fd(&w->stream_fd);
	w->stream_fd = fd;
	w->stream_ended = fd < 0;
	pthread_mutex_unlock(&w->lock);
	(void)!write(w->control_fd, &one, sizeof(one));
}

static int make_descriptors(struct watch *w)
{
	w->control_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned i = 0; i < w->workers; i++)
		if ((w->mark[i].fd = memfd_create("mark", MFD_CLOEXEC)) < 0)
			return -errno;
	return w->control_fd < 0 ? -errno : 0;
}

static int start_thread(struct watch *w)
{
	int r = thread_create(&w->thread, w->run, w);

	w->created = r == 0;
	pthread_mutex_lock(&w->lock);
	while (r == 0 && !w->started)
		pthread_cond_wait(&w->changed, &w->lock);
	if (r == 0)
		r = w->start_error;
	pthread_mutex_unlock(&w->lock);
	return r;
}

int watch_new(struct fs_server *server, unsigned workers, const struct fs_config *config,
	void *(*run)(void *watch), struct watch **ret)
{
	struct watch *w;
	int r;

	if (workers > WATCH_WORKERS)
		return -EINVAL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->server = server;
	w->workers = workers;
	w->run = run;
	w->thread_start = config->worker_start;
	w->wanted = config->events;
	w->arg = config->arg;
	w->stream_fd = w->control_fd = -1;
	atomic_init(&w->inotify_fd, -1);
	for (unsigned i = 0; i < WATCH_WORKERS; i++)
		w->mark[i].fd = w->mark[i].wd = -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	for (unsigned i = 0; i < WATCH_BUCKETS; i++)
		list_init(&w->by_wd[i]);
	list_init(&w->oldest);
	known_init(&w->known);
	r = own_init(&w->own, workers);
	if (r == 0)
		r = make_descriptors(w);
	if (r == 0)
		r = start_thread(w);
	if (r < 0) {
		watch_free(w);
		return r;
	}
	server->inodes.gone = watch_gone;
	server->inodes.gone_arg = w;
	*ret = w;
	return 0;
}

void watch_stop(struct watch *w)
{
	uint64_t one = 1;

	if (!w || !w->created)
		return;
	atomic_store(&w->quit, true);
	(void)!write(w->control_fd, &one, sizeof(one));
	pthread_join(w->thread, NULL);
	w->created = false;
}

void watch_free(struct watch *w)
{
	int inotify_fd;

	if (!w)
		return;
	watch_stop(w);
	inotify_fd = atomic_load(&w->inotify_fd);
	close_fd(&inotify_fd);
	for (unsigned i = 0; i < w->workers; i++)
		close_fd(&w->mark[i].fd);
	close_fd(&w->control_fd);
	close_fd(&w->stream_fd);
	own_done(&w->own);
	known_done(&w->known);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
