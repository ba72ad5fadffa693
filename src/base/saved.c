/* State as bytes: see saved.h. Little endian, as all machines that we run on. */
#include "base/saved.h"

#include <string.h>

struct head {
	uint32_t tag, version;
	uint64_t len;
};

int saved_put(struct buf *b, uint64_t number)
{
	return buf_append(b, &number, sizeof(number));
}

int saved_put_bytes(struct buf *b, const void *data, size_t len)
{
	return buf_append(b, data, len);
}

int saved_section(struct buf *b, uint32_t tag, uint32_t version, const struct buf *body)
{
	struct head head = { .tag = tag, .version = version, .len = body->len };
	int r = buf_reserve(b, sizeof(head) + body->len);

	if (r == 0)
		r = buf_append(b, &head, sizeof(head));
	return r ? r : buf_append(b, body->data, body->len);
}

struct saved saved_read(const void *data, size_t len)
{
	return (struct saved){ .at = data, .left = len };
}

void saved_get_bytes(struct saved *s, void *to, size_t len)
{
	/* Neither end may be anywhere then. */
	if (len == 0)
		return;
	if (s->wrong || len > s->left) {
		s->wrong = true;
		memset(to, 0, len);
		return;
	}
	memcpy(to, s->at, len);
	s->at += len;
	s->left -= len;
}

uint64_t saved_get(struct saved *s, uint64_t max)
{
	uint64_t number;

	saved_get_bytes(s, &number, sizeof(number));
	if (number <= max)
		return number;
	s->wrong = true;
	return 0;
}

struct saved saved_open(struct saved *s, uint32_t tag, uint32_t version)
{
	struct saved inner = { 0 };
	struct head head;

	saved_get_bytes(s, &head, sizeof(head));
	if (s->wrong || head.tag != tag || head.version != version || head.len > s->left) {
		s->wrong = inner.wrong = true;
		return inner;
	}
	inner = saved_read(s->at, (size_t)head.len);
	s->at += head.len;
	s->left -= head.len;
	return inner;
}

int saved_close(const struct saved *s)
{
	return s->wrong || s->left ? -EINVAL : 0;
}
