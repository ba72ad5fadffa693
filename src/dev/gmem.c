/* Guest memory accessors: see gmem.h. Any thread; the region table is immutable while devices run.
 */
#include "dev/gmem.h"

#include <string.h>

int gm_add(struct gmem *gm, uint64_t gpa, uint64_t len, void *hva)
{
	struct gmem_region *r = gm->region;
	unsigned at = 0;
	uint64_t end;

	if (gm->count == GMEM_REGIONS_MAX || len == 0 || __builtin_add_overflow(gpa, len, &end))
		return -EINVAL;
	while (at < gm->count && r[at].gpa < gpa)
		at++;
	if (at > 0 && gpa < r[at - 1].gpa + r[at - 1].len)
		return -EINVAL;
	if (at < gm->count && r[at].gpa < end)
		return -EINVAL;
	memmove(&r[at + 1], &r[at], (gm->count - at) * sizeof(r[0]));
	r[at] = (struct gmem_region){ .gpa = gpa, .len = len, .hva = hva };
	gm->count++;
	return 0;
}

/* The region that holds gpa, and how many bytes follow in it. */
static const struct gmem_region *find(const struct gmem *gm, uint64_t gpa, uint64_t *ret_left)
{
	for (unsigned i = 0; i < gm->count; i++) {
		const struct gmem_region *r = &gm->region[i];

		if (gpa >= r->gpa && gpa - r->gpa < r->len) {
			*ret_left = r->len - (gpa - r->gpa);
			return r;
		}
	}
	return NULL;
}

void *gm_ptr(const struct gmem *gm, uint64_t gpa, uint64_t len)
{
	uint64_t left;
	const struct gmem_region *r = find(gm, gpa, &left);

	if (!r || len == 0 || len > left)
		return NULL;
	return r->hva + (gpa - r->gpa);
}

int gm_iov(const struct gmem *gm, uint64_t gpa, uint64_t len, struct iovec *iov, unsigned max)
{
	unsigned n = 0;

	while (len) {
		uint64_t left;
		const struct gmem_region *r = find(gm, gpa, &left);

		if (!r)
			return -EFAULT;
		if (n == max)
			return -E2BIG;
		if (left > len)
			left = len;
		iov[n].iov_base = r->hva + (gpa - r->gpa);
		iov[n++].iov_len = left;
		len -= left;
		/* Cannot wrap: gm_add() refused regions that do. */
		gpa += left;
	}
	return (int)n;
}

int gm_read(const struct gmem *gm, uint64_t gpa, void *to, size_t len)
{
	struct iovec iov[GMEM_REGIONS_MAX];
	int n = gm_iov(gm, gpa, len, iov, GMEM_REGIONS_MAX);
	uint8_t *p = to;

	if (n < 0)
		return -EFAULT;
	for (int i = 0; i < n; p += iov[i++].iov_len)
		memcpy(p, iov[i].iov_base, iov[i].iov_len);
	/* The caller checks the copy: the compiler must not read the original again instead. */
	__asm__ volatile("" : : "r"(to) : "memory");
	return 0;
}

int gm_write(const struct gmem *gm, uint64_t gpa, const void *from, size_t len)
{
	struct iovec iov[GMEM_REGIONS_MAX];
	int n = gm_iov(gm, gpa, len, iov, GMEM_REGIONS_MAX);
	const uint8_t *p = from;

	if (n < 0)
		return -EFAULT;
	for (int i = 0; i < n; p += iov[i++].iov_len)
		memcpy(iov[i].iov_base, p, iov[i].iov_len);
	return 0;
}
