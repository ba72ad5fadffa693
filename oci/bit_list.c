/* Lists of numbers: see bit_list.h. */
#include "oci/bit_list.h"

#include "base/auto.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>

static void skip_spaces(const char **s)
{
	while (isspace((unsigned char)**s))
		(*s)++;
}

static int read_number(const char **s, unsigned max, unsigned *ret)
{
	uint64_t n = 0;

	if (!isdigit((unsigned char)**s))
		return -EINVAL;
	for (; isdigit((unsigned char)**s); (*s)++) {
		n = n * 10 + (unsigned)(**s - '0');
		if (n > max)
			return -ERANGE;
	}
	*ret = (unsigned)n;
	return 0;
}

/* "7" or "0-3" */
static int read_range(const char **s, unsigned max, unsigned *first, unsigned *last)
{
	int r = read_number(s, max, first);

	*last = *first;
	if (r == 0 && **s == '-') {
		(*s)++;
		r = read_number(s, max, last);
	}
	return r == 0 && *first > *last ? -EINVAL : r;
}

static int add_range(struct buf *mask, unsigned first, unsigned last)
{
	static const uint8_t zero = 0;

	while (mask->len <= last / 8) {
		int r = buf_append(mask, &zero, 1);

		if (r < 0)
			return r;
	}
	for (unsigned i = first; i <= last; i++)
		mask->data[i / 8] |= (uint8_t)(1u << i % 8);
	return 0;
}

int bit_list_read(const char *s, unsigned max, struct buf *mask)
{
	while (true) {
		unsigned first, last;
		int r = 0;

		skip_spaces(&s);
		if (*s && *s != ',') {
			r = read_range(&s, max, &first, &last);
			if (r == 0)
				r = add_range(mask, first, last);
			skip_spaces(&s);
		}
		if (r < 0)
			return r;
		if (!*s)
			return mask->len ? 0 : -EINVAL;
		if (*s++ != ',')
			return -EINVAL;
	}
}
