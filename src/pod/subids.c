/* Subordinate ids: see subids.h. Called by rootless.c. */
#include "pod/subids.h"

#include "base/str.h"

#include <stdio.h>

#define RANGES_MAX 340 /* user_namespaces(7) */

/* The next field of a line, which ends with ':' or the line. NULL behind the last. */
static char *next_field(char **line)
{
	return strsep(line, ":");
}

static bool to_id(const char *text, uint32_t *ret)
{
	uint64_t value;

	if (!text || str_to_u64(text, &value) < 0 || value > UINT32_MAX)
		return false;
	*ret = (uint32_t)value;
	return true;
}

/* passwd: NAME:PASSWORD:UID:... */
static bool has_name(const char *passwd, const char *name, uid_t uid)
{
	AUTO_FREE char *copy = strdup(passwd);
	char *text = copy, *line;

	while ((line = strsep(&text, "\n"))) {
		const char *this = next_field(&line);
		uint32_t id;

		(void)next_field(&line);
		if (this && *this && streq(this, name) && to_id(next_field(&line), &id) &&
			id == uid)
			return true;
	}
	return false;
}

static bool is_his(const char *owner, const char *passwd, const char *user, uid_t uid)
{
	uint32_t number;

	if (!owner || !*owner)
		return false;
	if (to_id(owner, &number) && number == uid)
		return true;
	return (user && streq(owner, user)) || has_name(passwd, owner, uid);
}

int subids_map(const char *text, const char *passwd, const char *user, uid_t uid, uint32_t own,
	struct id_range **ret, size_t *ret_count)
{
	AUTO_FREE struct id_range *map = calloc(RANGES_MAX, sizeof(*map));
	AUTO_FREE char *copy = strdup(text);
	char *rest = copy, *line;
	uint32_t inside = 1;
	size_t n = 1;

	if (!map || !copy)
		return -ENOMEM;
	map[0] = (struct id_range){ 0, own, 1 };
	while ((line = strsep(&rest, "\n")) && n < RANGES_MAX) {
		bool his = is_his(next_field(&line), passwd, user, uid);
		uint32_t start, count;

		if (!his || !to_id(next_field(&line), &start) ||
			!to_id(next_field(&line), &count) || count == 0 ||
			count > UINT32_MAX - inside || count > UINT32_MAX - start)
			continue;
		map[n++] = (struct id_range){ inside, start, count };
		inside += count;
	}
	*ret = steal_ptr(&map);
	*ret_count = n;
	return 0;
}
