/*
 * Split virtqueues, device side (virtio 1.2, section 2.7): see vq.h. Used by one thread at a time.
 * Ring words are read once, atomically; descriptors are copied before anything is concluded from
 * them, so a guest that changes them meanwhile changes nothing.
 */
#include "dev/vq.h"

#include <string.h>
#include <unistd.h>

#define DESC_LEN	     16
#define F_NEXT		     1
#define F_WRITE		     2
#define F_INDIRECT	     4

#define USED_F_NO_NOTIFY     1
#define AVAIL_F_NO_INTERRUPT 1
#define AVAIL_RING(i)	     (4 + 2 * (size_t)(i))
#define USED_RING(i)	     (4 + 8 * (size_t)(i))

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

static uint16_t load16(const uint8_t *p)
{
	return __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_ACQUIRE);
}

static void store16(uint8_t *p, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)p, value, __ATOMIC_RELEASE);
}

int vq_start(struct vq *q)
{
	uint64_t n = q->size;

	if (n == 0 || n > q->max || (n & (n - 1)))
		return -EINVAL;
	if (q->desc_gpa % 16 || q->avail_gpa % 2 || q->used_gpa % 4)
		return -EINVAL;
	q->desc = gm_ptr(q->gm, q->desc_gpa, DESC_LEN * n);
	q->avail = gm_ptr(q->gm, q->avail_gpa, AVAIL_RING(n) + 2);
	q->used = gm_ptr(q->gm, q->used_gpa, USED_RING(n) + 2);
	if (!q->desc || !q->avail || !q->used)
		return -EINVAL;
	q->ready = true;
	return 0;
}

void vq_resume(struct vq *q, uint16_t next)
{
	q->last_avail = next;
	/* A lie of the guest's here confuses only its own driver. */
	q->used_idx = q->signalled_used = load16(q->used + 2);
}

void vq_reset(struct vq *q)
{
	*q = (struct vq){ .gm = q->gm, .max = q->max, .kick_fd = q->kick_fd };
}

static int broken(struct vq *q)
{
	q->broken = true;
	return -EPROTO;
}

/* Appends the buffer of one descriptor; readable ones must come before writable ones. */
static int add_buffer(struct vq *q, const struct desc *d, struct vq_chain *c)
{
	bool writable = d->flags & F_WRITE;
	unsigned used = c->out + c->in;
	uint32_t *total = writable ? &c->in_len : &c->out_len;
	int n;

	if (!writable && c->in)
		return -EPROTO;
	if (d->len == 0)
		return 0;
	if (__builtin_add_overflow(*total, d->len, total))
		return -EPROTO;
	n = gm_iov(q->gm, d->addr, d->len, c->iov + used, VQ_IOV_MAX - used);
	if (n < 0)
		return -EPROTO;
	if (writable)
		c->in += (unsigned)n;
	else
		c->out += (unsigned)n;
	return 0;
}

/* Walks an indirect table; its descriptors are copied one by one. */
static int add_indirect(struct vq *q, const struct desc *table, struct vq_chain *c)
{
	uint32_t count = table->len / DESC_LEN, i = 0;

	/* F_WRITE says nothing here (section 2.7.5.3.2): devices ignore it. */
	if (!q->indirect || (table->flags & F_NEXT) || count == 0 || table->len % DESC_LEN ||
		count > VQ_SIZE_MAX)
		return -EPROTO;
	for (uint32_t hops = 0; hops < count; hops++) {
		struct desc d;

		uint64_t at;

		if (__builtin_add_overflow(table->addr, (uint64_t)i * DESC_LEN, &at) ||
			gm_read(q->gm, at, &d, DESC_LEN) < 0)
			return -EPROTO;
		if ((d.flags & F_INDIRECT) || add_buffer(q, &d, c) < 0)
			return -EPROTO;
		if (!(d.flags & F_NEXT))
			return 0;
		i = d.next;
		if (i >= count)
			return -EPROTO;
	}
	return -EPROTO;
}

/* Two loads that the compiler cannot repeat: what is checked is what is used. */
static struct desc load_desc(const struct vq *q, uint16_t i)
{
	const uint64_t *p = (const uint64_t *)(const void *)(q->desc + (size_t)i * DESC_LEN);
	uint64_t words[2] = {
		__atomic_load_n(&p[0], __ATOMIC_RELAXED),
		__atomic_load_n(&p[1], __ATOMIC_RELAXED),
	};
	struct desc d;

	memcpy(&d, words, sizeof(d));
	return d;
}

/* The hop count bounds chains that bite their own tail. */
static int walk(struct vq *q, uint16_t head, struct vq_chain *c)
{
	uint16_t i = head;

	for (unsigned hops = 0; hops < q->size; hops++) {
		struct desc d = load_desc(q, i);

		if (d.flags & F_INDIRECT)
			return add_indirect(q, &d, c);
		if (add_buffer(q, &d, c) < 0)
			return -EPROTO;
		if (!(d.flags & F_NEXT))
			return 0;
		i = d.next;
		if (i >= q->size)
			return -EPROTO;
	}
	return -EPROTO;
}

int vq_again(struct vq *q, uint16_t head, struct vq_chain *c)
{
	if (q->broken || !q->ready)
		return -EPROTO;
	if (head >= q->size)
		return broken(q);
	c->head = head;
	c->out = c->in = 0;
	c->out_len = c->in_len = 0;
	return walk(q, head, c) < 0 ? broken(q) : 1;
}

int vq_pop(struct vq *q, struct vq_chain *c)
{
	uint16_t pending, head;

	if (q->broken)
		return -EPROTO;
	if (!q->ready)
		return 0;
	pending = (uint16_t)(load16(q->avail + 2) - q->last_avail);
	if (pending == 0)
		return 0;
	if (pending > q->size)
		return broken(q);
	head = load16(q->avail + AVAIL_RING(q->last_avail & (q->size - 1)));
	if (vq_again(q, head, c) < 0)
		return -EPROTO;
	q->last_avail++;
	return 1;
}

void vq_unpop(struct vq *q)
{
	q->last_avail--;
}

void vq_push(struct vq *q, uint16_t head, uint32_t written)
{
	uint32_t elem[2] = { head, written };

	if (!q->ready || q->broken)
		return;
	memcpy(q->used + USED_RING(q->used_idx & (q->size - 1)), elem, sizeof(elem));
	store16(q->used + 2, ++q->used_idx);
}

bool vq_wants_interrupt(struct vq *q)
{
	uint16_t old = q->signalled_used, event;

	if (!q->ready || q->used_idx == old)
		return false;
	q->signalled_used = q->used_idx;
	/* The used index must be visible before the guest's wish is read, or both sides may sleep.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!q->event_idx)
		return !(load16(q->avail) & AVAIL_F_NO_INTERRUPT);
	event = load16(q->avail + AVAIL_RING(q->size));
	return (uint16_t)(q->used_idx - event - 1) < (uint16_t)(q->used_idx - old);
}

void vq_notify_off(struct vq *q)
{
	if (q->ready && !q->event_idx)
		store16(q->used, USED_F_NO_NOTIFY);
}

bool vq_notify_on(struct vq *q)
{
	return vq_notify_past(q, q->last_avail);
}

uint16_t vq_offered(const struct vq *q)
{
	return q->ready ? load16(q->avail + 2) : 0;
}

bool vq_notify_past(struct vq *q, uint16_t offered)
{
	if (!q->ready || q->broken)
		return false;
	if (q->event_idx)
		store16(q->used + USED_RING(q->size), offered);
	else
		store16(q->used, 0);
	/* A chain made available before the guest could see this will not be kicked for. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return load16(q->avail + 2) != offered;
}

void vq_kick(struct vq *q)
{
	uint64_t one = 1;

	(void)!write(q->kick_fd, &one, sizeof(one));
}

void vq_kick_clear(struct vq *q)
{
	uint64_t count;

	(void)!read(q->kick_fd, &count, sizeof(count));
}

struct iovc iovc_out(const struct vq_chain *c)
{
	return (struct iovc){ .iov = c->iov, .n = c->out, .left = c->out_len };
}

struct iovc iovc_in(const struct vq_chain *c)
{
	return (struct iovc){ .iov = c->iov + c->out, .n = c->in, .left = c->in_len };
}

enum move { SKIP, READ, WRITE };

static size_t advance(struct iovc *c, void *data, size_t len, enum move move)
{
	size_t done = 0;

	while (done < len && c->n) {
		size_t here = c->iov->iov_len - c->offset;
		uint8_t *p = (uint8_t *)c->iov->iov_base + c->offset;

		if (here > len - done)
			here = len - done;
		if (move == READ)
			memcpy((uint8_t *)data + done, p, here);
		else if (move == WRITE)
			memcpy(p, (const uint8_t *)data + done, here);
		done += here;
		c->offset += here;
		c->left -= here;
		if (c->offset == c->iov->iov_len) {
			c->iov++;
			c->n--;
			c->offset = 0;
		}
	}
	return done;
}

size_t iovc_read(struct iovc *c, void *to, size_t len)
{
	size_t done = advance(c, to, len, READ);

	/* As in gm_read(): the copy is what gets checked. */
	__asm__ volatile("" : : "r"(to) : "memory");
	return done;
}

size_t iovc_write(struct iovc *c, const void *from, size_t len)
{
	return advance(c, (void *)(uintptr_t)from, len, WRITE);
}

size_t iovc_skip(struct iovc *c, size_t len)
{
	return advance(c, NULL, len, SKIP);
}

unsigned iovc_peek(const struct iovc *c, size_t len, struct iovec *iov, unsigned max)
{
	size_t offset = c->offset;
	unsigned n = 0;

	for (unsigned i = 0; i < c->n && n < max && len; i++, offset = 0) {
		size_t here = c->iov[i].iov_len - offset;

		if (here > len)
			here = len;
		iov[n].iov_base = (uint8_t *)c->iov[i].iov_base + offset;
		iov[n++].iov_len = here;
		len -= here;
	}
	return n;
}
