/*
 * vhost-user, back end: see vhost_user.h. Loop thread, but for raise(). Messages are read whole,
 * then a row of the table looks at them. The device runs while all its rings are set up, kicked and
 * enabled; whatever changes a ring or the memory suspends it first.
 */
#include "dev/vhost_user.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAYLOAD_MAX	     512
#define CONFIG_MAX	     256
#define FDS_MAX		     8

#define FLAG_VERSION	     0x1u
#define FLAG_VERSION_MASK    0x3u
#define FLAG_REPLY	     0x4u
#define FLAG_NEED_REPLY	     0x8u

#define F_PROTOCOL_FEATURES  (1ULL << 30)
#define PROTOCOL_F_MQ	     (1ULL << 0)
#define PROTOCOL_F_REPLY_ACK (1ULL << 3)
#define PROTOCOL_F_CONFIG    (1ULL << 9)
#define PROTOCOL_FEATURES    (PROTOCOL_F_MQ | PROTOCOL_F_REPLY_ACK | PROTOCOL_F_CONFIG)

#define VRING_INDEX_MASK     0xffu
#define VRING_NO_FD	     0x100u

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	RESET_OWNER = 4,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	SET_VRING_ERR = 14,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	GET_QUEUE_NUM = 17,
	SET_VRING_ENABLE = 18,
	GET_CONFIG = 24,
	SET_CONFIG = 25,
};

struct header {
	uint32_t request, flags, size;
};

struct memory_region {
	uint64_t gpa, len, front_end_addr, offset;
};

struct memory_table {
	uint32_t count, padding;
	struct memory_region region[GMEM_REGIONS_MAX];
};

struct vring_state {
	uint32_t index, num;
};

struct vring_addr {
	uint32_t index, flags;
	uint64_t desc, used, avail, log; /* the front end's addresses */
};

struct config_access {
	uint32_t offset, size, flags;
	uint8_t data[CONFIG_MAX];
};

/* What the front end has said about a ring. */
struct ring {
	uint32_t size;
	uint16_t base; /* where to go on */
	bool has_addr, kicked, enabled;
	struct vring_addr addr;
	int call_fd; /* always open: another is put in its place, so that raise() needs no lock */
};

struct mapping {
	uint64_t front_end_addr, gpa, len;
	void *at;
};

struct vhost_user {
	struct loop *loop;
	struct vdev *dev;
	struct gmem *gm;
	int fd;
	struct loop_fd *watch;
	vhost_user_gone_fn *gone;
	void *arg;
	uint64_t features, protocol_features;
	bool running;
	struct ring ring[VDEV_QUEUES_MAX];
	struct mapping mapping[GMEM_REGIONS_MAX];
	unsigned mappings;

	/* The message that is being read. */
	struct header header;

	union {
		uint64_t u64;
		struct memory_table table;
		struct vring_state state;
		struct vring_addr addr;
		struct config_access config;
		uint8_t bytes[PAYLOAD_MAX];
	} in;

	size_t got; /* bytes of header and payload */
	int fds[FDS_MAX];
	unsigned fd_count;
};

static void close_fds(struct vhost_user *v)
{
	for (unsigned i = 0; i < v->fd_count; i++)
		close_fd(&v->fds[i]);
	v->fd_count = 0;
}

/* From any thread of the device. */
static void raise_call(struct vdev *d, const struct vq *q)
{
	const struct vhost_user *v = d->transport;
	uint64_t one = 1;

	/* There is no message for a changed config: ours never changes, and a broken device has
	 * nothing more to say. */
	if (q)
		(void)!write(v->ring[q - d->queue].call_fd, &one, sizeof(one));
}

static void unmap(struct vhost_user *v)
{
	for (unsigned i = 0; i < v->mappings; i++)
		munmap(v->mapping[i].at, v->mapping[i].len);
	v->mappings = 0;
	*v->gm = (struct gmem){ 0 };
}

static void suspend(struct vhost_user *v)
{
	if (!v->running)
		return;
	vdev_suspend(v->dev);
	for (unsigned i = 0; i < v->dev->queues; i++)
		v->ring[i].base = v->dev->queue[i].last_avail;
	v->running = false;
}

/* A front end's address as the guest's. */
static bool to_gpa(const struct vhost_user *v, uint64_t addr, uint64_t *ret)
{
	for (unsigned i = 0; i < v->mappings; i++) {
		const struct mapping *m = &v->mapping[i];

		if (addr >= m->front_end_addr && addr - m->front_end_addr < m->len) {
			*ret = m->gpa + (addr - m->front_end_addr);
			return true;
		}
	}
	return false;
}

/* The driver starts over when no ring has a past. */
static bool is_fresh(const struct vhost_user *v)
{
	for (unsigned i = 0; i < v->dev->queues; i++)
		if (v->ring[i].base)
			return false;
	return true;
}

static const char *negotiate(struct vhost_user *v)
{
	uint64_t features = v->features & ~F_PROTOCOL_FEATURES;

	if (!is_fresh(v) && features == v->dev->driver_features && vdev_queues_writable(v->dev))
		return NULL;
	vdev_set_status(v->dev, 0);
	vdev_set_status(v->dev, VDEV_ACKNOWLEDGE);
	vdev_set_status(v->dev, VDEV_ACKNOWLEDGE | VDEV_DRIVER);
	vdev_set_driver_features(v->dev, features);
	vdev_set_status(v->dev, VDEV_ACKNOWLEDGE | VDEV_DRIVER | VDEV_FEATURES_OK);
	return vdev_queues_writable(v->dev) ? NULL : "features that were not offered";
}

static const char *set_up_ring(struct vhost_user *v, unsigned i)
{
	const struct ring *ring = &v->ring[i];
	struct vq *q = &v->dev->queue[i];
	bool found;

	vdev_queue_set_ready(v->dev, i, false);
	pthread_mutex_lock(&v->dev->lock);
	q->size = (uint16_t)ring->size;
	found = to_gpa(v, ring->addr.desc, &q->desc_gpa) &&
		to_gpa(v, ring->addr.avail, &q->avail_gpa) &&
		to_gpa(v, ring->addr.used, &q->used_gpa);
	pthread_mutex_unlock(&v->dev->lock);
	if (!found)
		return "a ring that is not in the guest's memory";
	vdev_queue_set_ready(v->dev, i, true);
	if (!q->ready)
		return "a ring that cannot be";
	vq_resume(q, ring->base);
	return NULL;
}

/* Starts the device once everything that it takes is there. */
static const char *settle(struct vhost_user *v)
{
	const char *wrong;

	if (v->running)
		return NULL;
	for (unsigned i = 0; i < v->dev->queues; i++) {
		const struct ring *ring = &v->ring[i];

		if (!ring->size || !ring->has_addr || !ring->kicked || !ring->enabled)
			return NULL;
	}
	wrong = negotiate(v);
	for (unsigned i = 0; !wrong && i < v->dev->queues; i++)
		wrong = set_up_ring(v, i);
	if (wrong)
		return wrong;
	v->running = true;
	vdev_set_status(v->dev, VDEV_ACKNOWLEDGE | VDEV_DRIVER | VDEV_FEATURES_OK | VDEV_DRIVER_OK);
	return NULL;
}

static const char *reply(struct vhost_user *v, const void *payload, uint32_t size)
{
	struct header head = {
		.request = v->header.request,
		.flags = FLAG_VERSION | FLAG_REPLY,
		.size = size,
	};
	struct iovec iov[] = { { &head, sizeof(head) }, { (void *)(uintptr_t)payload, size } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n = sendmsg(v->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);

	/* A reply fits into any socket buffer, unless the front end does not read. */
	return n == (ssize_t)(sizeof(head) + size) ? NULL : "it takes no replies";
}

static const char *reply_u64(struct vhost_user *v, uint64_t value)
{
	return reply(v, &value, sizeof(value));
}

static const char *get_features(struct vhost_user *v)
{
	return reply_u64(v, vdev_features(v->dev) | F_PROTOCOL_FEATURES);
}

static const char *set_features(struct vhost_user *v)
{
	if (v->in.u64 & ~(vdev_features(v->dev) | F_PROTOCOL_FEATURES))
		return "features that were not offered";
	v->features = v->in.u64;
	/* Without protocol features there is no message that would enable a ring. */
	for (unsigned i = 0; !(v->features & F_PROTOCOL_FEATURES) && i < v->dev->queues; i++)
		v->ring[i].enabled = true;
	return NULL;
}

static const char *get_protocol_features(struct vhost_user *v)
{
	return reply_u64(v, PROTOCOL_FEATURES);
}

static const char *set_protocol_features(struct vhost_user *v)
{
	if (v->in.u64 & ~PROTOCOL_FEATURES)
		return "protocol features that were not offered";
	v->protocol_features = v->in.u64;
	return NULL;
}

static const char *get_queue_num(struct vhost_user *v)
{
	return reply_u64(v, v->dev->queues);
}

static const char *accept_message(struct vhost_user *v)
{
	(void)v;
	return NULL;
}

static const char *reset_owner(struct vhost_user *v)
{
	suspend(v);
	return NULL;
}

/* One region of the table; a file that could shrink under us would kill us by SIGBUS. */
static const char *map_region(struct vhost_user *v, const struct memory_region *r, int fd)
{
	struct mapping *m = &v->mapping[v->mappings];
	struct stat st;
	uint64_t end;
	int seals = fcntl(fd, F_GET_SEALS);
	void *at;

	if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) < 0)
		return "memory that is no memfd sealed against shrinking";
	if (__builtin_add_overflow(r->offset, r->len, &end) || end > (uint64_t)st.st_size ||
		r->len == 0 || __builtin_add_overflow(r->front_end_addr, r->len, &end))
		return "a region beyond the end of its file";
	at = mmap(NULL, r->len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
		(off_t)r->offset);
	if (at == MAP_FAILED)
		return "memory that cannot be mapped";
	if (gm_add(v->gm, r->gpa, r->len, at) < 0) {
		munmap(at, r->len);
		return "regions that overlap";
	}
	(void)madvise(at, r->len, MADV_DONTDUMP);
	*m = (struct mapping){ r->front_end_addr, r->gpa, r->len, at };
	v->mappings++;
	return NULL;
}

static const char *set_mem_table(struct vhost_user *v)
{
	const struct memory_table *t = &v->in.table;
	const char *wrong = NULL;

	if (t->count > GMEM_REGIONS_MAX || t->count != v->fd_count ||
		v->header.size < offsetof(struct memory_table, region[t->count]))
		return "a memory table of the wrong size";
	suspend(v);
	unmap(v);
	for (unsigned i = 0; !wrong && i < t->count; i++)
		wrong = map_region(v, &t->region[i], v->fds[i]);
	return wrong ? wrong : settle(v);
}

static struct ring *ring_at(struct vhost_user *v, uint64_t index)
{
	return index < v->dev->queues ? &v->ring[index] : NULL;
}

static const char bad_index[] = "a ring that the device does not have";

static const char *set_vring_num(struct vhost_user *v)
{
	struct ring *ring = ring_at(v, v->in.state.index);

	if (!ring)
		return bad_index;
	if (v->in.state.num > VQ_SIZE_MAX)
		return "a ring that is too large";
	suspend(v);
	ring->size = v->in.state.num;
	return NULL;
}

static const char *set_vring_addr(struct vhost_user *v)
{
	struct ring *ring = ring_at(v, v->in.addr.index);

	if (!ring)
		return bad_index;
	suspend(v);
	ring->addr = v->in.addr;
	ring->has_addr = true;
	return settle(v);
}

static const char *set_vring_base(struct vhost_user *v)
{
	struct ring *ring = ring_at(v, v->in.state.index);

	if (!ring)
		return bad_index;
	suspend(v);
	ring->base = (uint16_t)v->in.state.num;
	return NULL;
}

static const char *get_vring_base(struct vhost_user *v)
{
	struct vring_state state = { .index = v->in.state.index };
	struct ring *ring = ring_at(v, state.index);

	if (!ring)
		return bad_index;
	suspend(v);
	ring->kicked = false;
	state.num = ring->base;
	return reply(v, &state, sizeof(state));
}

static const char *set_vring_enable(struct vhost_user *v)
{
	struct ring *ring = ring_at(v, v->in.state.index);

	if (!ring)
		return bad_index;
	if (!v->in.state.num)
		suspend(v);
	ring->enabled = v->in.state.num != 0;
	return settle(v);
}

/* Puts the message's descriptor in the place of fd, or a fresh eventfd where it brings none. */
static const char *replace(struct vhost_user *v, int fd)
{
	AUTO_CLOSE int own = -1;
	int other = v->in.u64 & VRING_NO_FD ? -1 : v->fds[0];

	if (!(v->in.u64 & VRING_NO_FD) != (v->fd_count == 1))
		return "a descriptor too many or too few";
	if (other < 0)
		other = own = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	/* Ours to wait for in a loop: it must not block, whoever else reads it. */
	if (other < 0 || fd_set_nonblock(other, true) < 0 || dup3(other, fd, O_CLOEXEC) < 0)
		return "a descriptor that cannot be used";
	return NULL;
}

static const char *set_vring_kick(struct vhost_user *v)
{
	uint64_t index = v->in.u64 & VRING_INDEX_MASK;
	struct ring *ring = ring_at(v, index);
	const char *wrong;

	if (!ring)
		return bad_index;
	suspend(v);
	wrong = replace(v, v->dev->queue[index].kick_fd);
	if (wrong)
		return wrong;
	ring->kicked = true;
	return settle(v);
}

static const char *set_vring_call(struct vhost_user *v)
{
	struct ring *ring = ring_at(v, v->in.u64 & VRING_INDEX_MASK);

	return ring ? replace(v, ring->call_fd) : bad_index;
}

static const char *get_config(struct vhost_user *v)
{
	struct config_access *c = &v->in.config;

	if (c->size > CONFIG_MAX || v->header.size < offsetof(struct config_access, data) + c->size)
		return "an access to its config of the wrong size";
	vdev_config_read(v->dev, c->offset, c->data, c->size);
	return reply(v, c, (uint32_t)offsetof(struct config_access, data) + c->size);
}

static const char *set_config(struct vhost_user *v)
{
	const struct config_access *c = &v->in.config;

	if (c->size > CONFIG_MAX || v->header.size < offsetof(struct config_access, data) + c->size)
		return "an access to its config of the wrong size";
	vdev_config_write(v->dev, c->offset, c->data, c->size);
	return NULL;
}

/* payload: the least that the message must have. replies: it has an answer of its own. */
static const struct row {
	enum request request;
	uint32_t payload;
	bool replies;
	const char *(*handle)(struct vhost_user *v);
} rows[] = {
	{ GET_FEATURES, 0, true, get_features },
	{ SET_FEATURES, sizeof(uint64_t), false, set_features },
	{ SET_OWNER, 0, false, accept_message },
	{ RESET_OWNER, 0, false, reset_owner },
	{ SET_MEM_TABLE, offsetof(struct memory_table, region), false, set_mem_table },
	{ SET_VRING_NUM, sizeof(struct vring_state), false, set_vring_num },
	{ SET_VRING_ADDR, sizeof(struct vring_addr), false, set_vring_addr },
	{ SET_VRING_BASE, sizeof(struct vring_state), false, set_vring_base },
	{ GET_VRING_BASE, sizeof(struct vring_state), true, get_vring_base },
	{ SET_VRING_KICK, sizeof(uint64_t), false, set_vring_kick },
	{ SET_VRING_CALL, sizeof(uint64_t), false, set_vring_call },
	{ SET_VRING_ERR, sizeof(uint64_t), false, accept_message },
	{ GET_PROTOCOL_FEATURES, 0, true, get_protocol_features },
	{ SET_PROTOCOL_FEATURES, sizeof(uint64_t), false, set_protocol_features },
	{ GET_QUEUE_NUM, 0, true, get_queue_num },
	{ SET_VRING_ENABLE, sizeof(struct vring_state), false, set_vring_enable },
	{ GET_CONFIG, offsetof(struct config_access, data), true, get_config },
	{ SET_CONFIG, offsetof(struct config_access, data), false, set_config },
};

static const struct row *row_of(uint32_t request)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].request == request)
			return &rows[i];
	return NULL;
}

static const char *handle(struct vhost_user *v)
{
	const struct row *row = row_of(v->header.request);
	bool wants_ack = (v->header.flags & FLAG_NEED_REPLY) &&
			 (v->protocol_features & PROTOCOL_F_REPLY_ACK);
	const char *wrong;

	if (!row)
		return "an unknown request";
	if (v->header.size < row->payload)
		return "a message that is too short";
	/* What a short message does not have must not be an older one's. */
	memset(v->in.bytes + v->header.size, 0, sizeof(v->in) - v->header.size);
	wrong = row->handle(v);
	return wrong || row->replies || !wants_ack ? wrong : reply_u64(v, 0);
}

/* Reads on; 1 when the message is whole, 0 when there is no more for now, or -errno. */
static int receive(struct vhost_user *v)
{
	while (v->got < sizeof(v->header) + v->header.size || v->got < sizeof(v->header)) {
		bool head = v->got < sizeof(v->header);
		size_t at = head ? v->got : v->got - sizeof(v->header);
		uint8_t *to = head ? (uint8_t *)&v->header : v->in.bytes;
		size_t room = (head ? sizeof(v->header) : v->header.size) - at;
		unsigned fds = FDS_MAX - v->fd_count;
		ssize_t n = fd_recv(v->fd, to + at, room, v->fds + v->fd_count, &fds);

		if (n == -EAGAIN)
			return 0;
		if (n <= 0)
			return n ? (int)n : -ENOTCONN;
		v->fd_count += fds;
		v->got += (size_t)n;
		if (v->got == sizeof(v->header) &&
			(v->header.size > PAYLOAD_MAX ||
				(v->header.flags & FLAG_VERSION_MASK) != FLAG_VERSION))
			return -EPROTO;
	}
	return 1;
}

static void leave(struct vhost_user *v, const char *why)
{
	suspend(v);
	loop_fd_remove(v->watch);
	v->watch = NULL;
	v->gone(v->arg, why);
}

static void on_message(void *arg, int fd, uint32_t events)
{
	struct vhost_user *v = arg;
	const char *wrong;
	int r = receive(v);

	(void)fd;
	(void)events;
	if (r == 0)
		return;
	if (r < 0) {
		leave(v, r == -ENOTCONN || r == -ECONNRESET ? NULL : "a malformed message");
		return;
	}
	wrong = handle(v);
	close_fds(v);
	v->got = 0;
	v->header = (struct header){ 0 };
	if (wrong)
		leave(v, wrong);
}

/* A front end offers rings of its own sizes to the driver, whatever the device would. */
static int open_rings(struct vhost_user *v)
{
	for (unsigned i = 0; i < v->dev->queues; i++) {
		v->dev->queue[i].max = VQ_SIZE_MAX;
		v->ring[i].call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (v->ring[i].call_fd < 0)
			return -errno;
	}
	return 0;
}

int vhost_user_new(struct loop *loop, struct vdev *dev, struct gmem *gm, int fd,
	vhost_user_gone_fn *gone, void *arg, struct vhost_user **ret)
{
	struct vhost_user *v = calloc(1, sizeof(*v));
	int r;

	if (!v) {
		close(fd);
		return -ENOMEM;
	}
	*v = (struct vhost_user){
		.loop = loop,
		.dev = dev,
		.gm = gm,
		.fd = fd,
		.gone = gone,
		.arg = arg,
	};
	for (unsigned i = 0; i < VDEV_QUEUES_MAX; i++)
		v->ring[i].call_fd = -1;
	dev->transport = v;
	dev->raise = raise_call;
	r = fd_set_nonblock(fd, true);
	if (r == 0)
		r = open_rings(v);
	if (r == 0)
		r = loop_fd_add(loop, "vhost-user", fd, EPOLLIN, on_message, v, &v->watch);
	if (r < 0) {
		vhost_user_free(v);
		return r;
	}
	*ret = v;
	return 0;
}

void vhost_user_free(struct vhost_user *v)
{
	if (!v)
		return;
	loop_fd_remove(v->watch);
	suspend(v);
	vdev_set_status(v->dev, 0);
	v->dev->raise = NULL;
	v->dev->transport = NULL;
	close_fds(v);
	unmap(v);
	for (unsigned i = 0; i < VDEV_QUEUES_MAX; i++)
		close_fd(&v->ring[i].call_fd);
	close_fd(&v->fd);
	free(v);
}
