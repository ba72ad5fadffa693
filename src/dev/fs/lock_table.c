/* Who has locked what: see lock.h. Any worker thread, and those of lock_wait.c. */
#include "base/auto.h"
#include "dev/fs/export.h"
#include "dev/fs/fs.h"
#include "dev/fs/lock_own.h"
#include "dev/fs/server.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

int locks_init(struct locks *t, const struct locks_config *config)
{
	*t = (struct locks){ .config = *config };
	pthread_mutex_init(&t->lock, NULL);
	for (unsigned i = 0; i < LOCK_BUCKETS; i++)
		list_init(&t->file[i]);
	return lock_waits_init(t);
}

static struct list *bucket(struct locks *t, uint64_t dev, uint64_t ino)
{
	return &t->file[(ino * 0x9e3779b97f4a7c15ULL ^ dev) >> 7 & (LOCK_BUCKETS - 1)];
}

static struct lock_file *find_file(struct locks *t, const struct inode *inode)
{
	bool local = inode->export->flags & FS_EXPORT_LOCAL_LOCKS;

	list_for_each (f, bucket(t, inode->dev, inode->ino), struct lock_file, link)
		if (f->ino == inode->ino && f->dev == inode->dev && f->local == local)
			return f;
	return NULL;
}

static struct lock_owner *find_owner(const struct lock_file *f, const struct lock_request *request)
{
	uint64_t id = request->flock ? request->fh : request->owner;

	list_for_each (o, &f->owners, struct lock_owner, link)
		if (o->id == id && o->flock == request->flock && !o->gone)
			return o;
	return NULL;
}

static void settle_file(struct lock_file *f)
{
	if (f->pins == 0 && list_empty(&f->owners)) {
		list_del(&f->link);
		free(f);
	}
}

void lock_owner_settle(struct locks *t, struct lock_owner *o)
{
	struct lock_file *f = o->file;

	if (o->waits || (o->held.n && !o->gone))
		return;
	t->records -= 1 + o->held.n;
	atomic_fetch_sub(&t->owners, 1);
	list_del(&o->link);
	close_fd(&o->fd);
	free(o->held.v);
	free(o);
	settle_file(f);
}

static int make_owner(struct locks *t, const struct inode *inode,
	const struct lock_request *request, struct lock_owner **ret)
{
	struct lock_file *f = find_file(t, inode);
	struct lock_owner *o = f ? find_owner(f, request) : NULL;

	if (o) {
		*ret = o;
		return 0;
	}
	if (t->records >= t->config.records_max)
		return -ENOLCK;
	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f) {
			free(o);
			return -ENOMEM;
		}
		*f = (struct lock_file){
			.dev = inode->dev,
			.ino = inode->ino,
			.local = inode->export->flags & FS_EXPORT_LOCAL_LOCKS,
		};
		list_init(&f->owners);
		list_add_tail(bucket(t, f->dev, f->ino), &f->link);
	}
	*o = (struct lock_owner){
		.file = f,
		.flock = request->flock,
		.id = request->flock ? request->fh : request->owner,
		.export = inode->export,
		.fd = -1,
	};
	list_add_tail(&f->owners, &o->link);
	t->records++;
	atomic_fetch_add(&t->owners, 1);
	*ret = o;
	return 0;
}

static int reopen(const struct locks *t, int fd, int flags)
{
	char number[FD_NAME_MAX];
	int r;

	fd_name(fd, number);
	r = openat(t->config.proc_fd, number, flags | O_CLOEXEC);
	/* Nothing that the guest could take for a lock of somebody else's (EACCES). */
	return r < 0 ? -ENOLCK : r;
}

int lock_ofd(int fd, int command, const struct lock_request *request, struct flock *ret)
{
	struct lock_range range = request->range;
	struct flock fl = {
		.l_type = request->unlock ? F_UNLCK
			  : range.write	  ? F_WRLCK
					  : F_RDLCK,
		.l_whence = SEEK_SET,
		.l_start = (off_t)range.start,
		.l_len = range.end == LOCK_END ? 0 : (off_t)(range.end - range.start + 1),
	};

	if (fcntl(fd, command, &fl) < 0)
		return errno == EACCES ? -EAGAIN : -errno;
	if (ret)
		*ret = fl;
	return 0;
}

/*
 * The description that carries an owner's ranges. It is opened for no more than the guest's file
 * is, so that to lock for reading does not look like writing to those who watch the host's file;
 * when the owner locks for writing later, its ranges move. They are all for reading, which nobody
 * can be in the way of while the old description holds them.
 */
static int carry(struct locks *t, struct lock_owner *o, const struct handle *h)
{
	int mode = fcntl(h->fd, F_GETFL), r = 0;
	int append = mode & O_APPEND;
	bool write = (mode & O_ACCMODE) != O_RDONLY;
	AUTO_CLOSE int fd = -1;

	if (o->fd >= 0 && (o->writable || !write))
		return 0;
	fd = reopen(t, h->fd, (write ? O_RDWR : O_RDONLY) | append);
	if (fd < 0 && write && o->fd < 0)
		fd = reopen(t, h->fd, O_WRONLY | append);
	if (fd < 0)
		return fd;
	for (unsigned i = 0; r == 0 && i < o->held.n; i++)
		r = lock_ofd(
			fd, F_OFD_SETLK, &(struct lock_request){ .range = o->held.v[i] }, NULL);
	if (r < 0)
		return -ENOLCK;
	if (o->fd < 0)
		o->fd = steal_fd(&fd);
	else if (dup3(fd, o->fd, O_CLOEXEC) <
		 0) /* the number, since a thread may be about to use it */
		return -ENOLCK;
	o->writable = write;
	lock_wait_rouse(t, o);
	return 0;
}

int lock_flock_operation(const struct lock_request *request)
{
	return request->unlock ? LOCK_UN : request->range.write ? LOCK_EX : LOCK_SH;
}

static int try_host(
	const struct lock_owner *o, const struct handle *h, const struct lock_request *request)
{
	if (!o->flock)
		return lock_ofd(o->fd, F_OFD_SETLK, request, NULL);
	return flock(h->fd, lock_flock_operation(request) | LOCK_NB) < 0 ? -errno : 0;
}

const struct lock_owner *lock_holder(
	const struct lock_file *f, const struct lock_owner *of, const struct lock_request *request)
{
	list_for_each (o, &f->owners, struct lock_owner, link)
		if (o != of && !o->gone && o->flock == request->flock &&
			lock_ranges_conflict(&o->held, &request->range))
			return o;
	return NULL;
}

static void hold(struct locks *t, struct lock_owner *o, struct lock_ranges *now)
{
	t->records = t->records - o->held.n + now->n;
	free(o->held.v);
	o->held = *now;
	*now = (struct lock_ranges){ 0 };
}

int lock_try(struct locks *t, struct lock_owner *o, const struct handle *h,
	const struct lock_request *request)
{
	struct lock_ranges now, none = { 0 };
	int r = lock_ranges_with(&o->held, &request->range, request->unlock, &now);

	if (r < 0)
		return r;
	if (now.n > o->held.n && t->records - o->held.n + now.n > t->config.records_max)
		r = -ENOLCK;
	else if (!o->file->local)
		r = try_host(o, h, request);
	else if (!request->unlock && lock_holder(o->file, o, request))
		r = -EAGAIN;
	/* flock(2) that converts gives up what it had first, and may then get nothing. */
	if (r == -EAGAIN && o->flock && o->held.n && o->held.v[0].write != request->range.write)
		hold(t, o, &none);
	if (r == 0)
		hold(t, o, &now);
	free(now.v);
	return r;
}

static int check_mode(const struct handle *h, const struct lock_request *request)
{
	int mode = fcntl(h->fd, F_GETFL) & O_ACCMODE;

	if (request->flock || request->unlock)
		return 0;
	return mode == (request->range.write ? O_RDONLY : O_WRONLY) ? -EBADF : 0;
}

static int set(struct locks *t, const struct inode *inode, struct handle *h,
	const struct lock_request *request, const struct lock_reply *wait)
{
	struct lock_file *f = find_file(t, inode);
	struct lock_owner *o;
	int r;

	/* Looked at with the lock held: the removal clears the table after it is said here. */
	if (atomic_load(&inode->export->removed))
		return -ESTALE;
	if (request->unlock && (!f || !find_owner(f, request)))
		return 0;
	r = make_owner(t, inode, request, &o);
	if (r < 0)
		return r;
	o->fh = request->fh;
	f = o->file;
	f->pins++;
	if (!f->local && !o->flock)
		r = carry(t, o, h);
	if (r == 0)
		r = lock_try(t, o, h, request);
	if (r == -EAGAIN && wait)
		r = lock_wait_closes_a_circle(t, o, request)
			    ? -EDEADLK
			    : lock_wait_add(t, o, h, request, wait);
	lock_owner_settle(t, o);
	lock_wait_grant(t, f);
	f->pins--;
	settle_file(f);
	return r;
}

int locks_set(struct locks *t, const struct inode *inode, struct handle *h,
	const struct lock_request *request, const struct lock_reply *wait)
{
	int r = check_mode(h, request);
	bool first;

	if (r < 0)
		return r;
	pthread_mutex_lock(&t->lock);
	first = t->waiting == 0;
	r = set(t, inode, h, request, wait);
	first = first && t->waiting;
	pthread_mutex_unlock(&t->lock);
	if (first && t->config.waiting)
		t->config.waiting(t->config.arg);
	return r;
}

/* The pid of the guest's owner who has the range that the host says is in the way; 0: none has. */
static uint32_t pid_of(const struct lock_file *f, const struct lock_range *range)
{
	list_for_each (o, &f->owners, struct lock_owner, link) {
		for (unsigned i = 0; !o->flock && i < o->held.n; i++) {
			const struct lock_range *h = &o->held.v[i];

			if (h->start == range->start && h->end == range->end &&
				h->write == range->write)
				return h->pid;
		}
	}
	return 0;
}

static int get_host(const struct lock_file *f, const struct lock_owner *o, const struct handle *h,
	struct lock_request *request)
{
	struct flock fl;
	int r = lock_ofd(o && o->fd >= 0 ? o->fd : h->fd, F_OFD_GETLK, request, &fl);

	if (r < 0)
		return r;
	request->unlock = fl.l_type == F_UNLCK;
	if (request->unlock)
		return 0;
	request->range = (struct lock_range){
		.start = (uint64_t)fl.l_start,
		.end = fl.l_len ? (uint64_t)(fl.l_start + fl.l_len - 1) : LOCK_END,
		.write = fl.l_type == F_WRLCK,
	};
	request->range.pid = f ? pid_of(f, &request->range) : 0;
	return 0;
}

int locks_get(struct locks *t, const struct inode *inode, const struct handle *h,
	struct lock_request *request)
{
	const struct lock_owner *o, *holder;
	const struct lock_file *f;
	int r = 0;

	pthread_mutex_lock(&t->lock);
	f = find_file(t, inode);
	o = f ? find_owner(f, request) : NULL;
	if (!(inode->export->flags & FS_EXPORT_LOCAL_LOCKS)) {
		r = get_host(f, o, h, request);
	} else {
		holder = f ? lock_holder(f, o, request) : NULL;
		request->unlock = !holder;
		if (holder)
			request->range = *lock_ranges_conflict(&holder->held, &request->range);
	}
	pthread_mutex_unlock(&t->lock);
	return r;
}

/* What waits for an owner that goes has nobody who would get it. */
static void end_owner(struct locks *t, struct lock_owner *o, int error, bool drop)
{
	o->gone = true;
	o->waits++;
	lock_wait_cancel(t, o, error, drop);
	o->waits--;
	lock_owner_settle(t, o);
}

void locks_flush(struct locks *t, const struct inode *inode, uint64_t owner)
{
	struct lock_request all = {
		.unlock = true,
		.range = { .end = LOCK_END },
		.owner = owner,
	};
	struct lock_owner *o;
	struct lock_file *f;

	if (atomic_load(&t->owners) == 0)
		return;
	pthread_mutex_lock(&t->lock);
	f = find_file(t, inode);
	o = f ? find_owner(f, &all) : NULL;
	if (o) {
		f->pins++;
		/* Who has nothing can have no description yet. */
		if (o->held.n && lock_try(t, o, NULL, &all) < 0)
			end_owner(t, o, -ENOLCK, false);
		else
			lock_owner_settle(t, o);
		lock_wait_grant(t, f);
		f->pins--;
		settle_file(f);
	}
	pthread_mutex_unlock(&t->lock);
}

static void end_owners(struct locks *t, struct lock_file *f, const struct export *of,
	const uint64_t *fh, bool drop)
{
	f->pins++;
	list_for_each_safe (o, &f->owners, struct lock_owner, link)
		if ((!of || o->export == of) && (!fh || o->fh == *fh))
			end_owner(t, o, fh ? -EBADF : -ESTALE, drop);
	lock_wait_grant(t, f);
	f->pins--;
	settle_file(f);
}

void locks_release(struct locks *t, const struct inode *inode, uint64_t fh)
{
	struct lock_file *f;

	if (atomic_load(&t->owners) == 0)
		return;
	pthread_mutex_lock(&t->lock);
	f = find_file(t, inode);
	if (f)
		end_owners(t, f, NULL, &fh, false);
	pthread_mutex_unlock(&t->lock);
}

static void clear(struct locks *t, const struct export *of, bool drop)
{
	for (unsigned i = 0; i < LOCK_BUCKETS; i++)
		list_for_each_safe (f, &t->file[i], struct lock_file, link)
			end_owners(t, f, of, NULL, drop);
}

void locks_clear(struct locks *t, const struct export *of)
{
	pthread_mutex_lock(&t->lock);
	clear(t, of, false);
	pthread_mutex_unlock(&t->lock);
}

void locks_reset(struct locks *t)
{
	struct lock_reply old;

	pthread_mutex_lock(&t->lock);
	clear(t, NULL, true);
	pthread_mutex_unlock(&t->lock);
	for (unsigned i = 0; i < LOCK_QUEUES; i++)
		while (locks_take(t, i, &old))
			;
}
