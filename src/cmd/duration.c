/* Durations: see duration.h. */
#include "cmd/duration.h"

#include "base/auto.h"

#include <string.h>

#define NS_MAX (UINT64_C(366) * 86400 * 1000000000)

/* Longer names before those that they begin with. */
static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xc2\xb5s", 1000 },
	{ "\xce\xbcs", 1000 },
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", UINT64_C(60) * 1000000000 },
	{ "h", UINT64_C(3600) * 1000000000 },
};

/* Digits after the point that are of use; below a nanosecond there is nothing. */
static const char *read_number(const char *at, uint64_t *whole, uint64_t *part, uint64_t *scale)
{
	const char *begin = at;
	size_t digits;

	*whole = *part = 0;
	*scale = 1;
	for (; *at >= '0' && *at <= '9'; at++)
		if (__builtin_mul_overflow(*whole, 10, whole) ||
			__builtin_add_overflow(*whole, (uint64_t)(*at - '0'), whole))
			*whole = UINT64_MAX / 10;
	digits = (size_t)(at - begin);
	if (*at == '.') {
		for (at++; *at >= '0' && *at <= '9'; at++, digits++) {
			if (*scale >= 1000000)
				continue;
			*part = *part * 10 + (uint64_t)(*at - '0');
			*scale *= 10;
		}
	}
	return digits ? at : NULL;
}

static const char *read_unit(const char *at, uint64_t *ns)
{
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(at, units[i].name, n) == 0) {
			*ns = units[i].ns;
			return at + n;
		}
	}
	return NULL;
}

int duration_ms(const char *text, uint64_t *ret)
{
	uint64_t total = 0, whole, part, scale, ns;
	const char *at = text;

	if (!*text)
		return -EINVAL;
	while (*at) {
		at = read_number(at, &whole, &part, &scale);
		at = at ? read_unit(at, &ns) : NULL;
		if (!at)
			return -EINVAL;
		if (__builtin_mul_overflow(whole, ns, &whole) || whole > NS_MAX)
			return -ERANGE;
		total += whole + part * ns / scale;
		if (total > NS_MAX)
			return -ERANGE;
	}
	*ret = (total + 999999) / 1000000;
	return 0;
}
