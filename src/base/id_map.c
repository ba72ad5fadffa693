/* uid_map and gid_map: see id_map.h. */
#include "base/id_map.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define MAP_MAX_BYTES 65536 /* 340 lines at the most */

int id_map_parse(const char *text, struct id_range **ret, size_t *ret_count)
{
	struct id_range *map = calloc(strlen(text) / 6 + 1, sizeof(*map)), *r = map;
	int used;

	if (!map)
		return -ENOMEM;
	for (; sscanf(text, "%u %u %u%n", &r->inside, &r->outside, &r->count, &used) == 3; r++)
		text += used;
	*ret = map;
	*ret_count = (size_t)(r - map);
	return 0;
}

int id_map_own(const char *file, struct id_range **ret, size_t *ret_count)
{
	AUTO(buf_done) struct buf text = { 0 };
	struct err ignored = ERR_NONE;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/%s", file);
	if (file_read(AT_FDCWD, path, MAP_MAX_BYTES, &text, &ignored) < 0)
		return id_map_parse("0 0 4294967295", ret, ret_count);
	return buf_str(&text) ? id_map_parse(buf_str(&text), ret, ret_count) : -ENOMEM;
}

bool id_map_is_initial(const struct id_range *map, size_t count)
{
	return count == 1 && map->inside == 0 && map->outside == 0 && map->count == UINT32_MAX;
}

bool in_user_namespace(void)
{
	AUTO_FREE struct id_range *map = NULL;
	size_t count = 0;

	return id_map_own("uid_map", &map, &count) == 0 && !id_map_is_initial(map, count);
}

bool id_map_outward(const struct id_range *map, size_t count, uint32_t inside, uint32_t *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (inside - map[i].inside >= map[i].count)
			continue;
		*ret = map[i].outside + (inside - map[i].inside);
		return true;
	}
	return false;
}

bool id_map_inward(const struct id_range *map, size_t count, uint32_t outside, uint32_t *ret)
{
	for (size_t i = 0; i < count; i++) {
		if (outside - map[i].outside >= map[i].count)
			continue;
		*ret = map[i].inside + (outside - map[i].outside);
		return true;
	}
	return false;
}

int id_map_write(
	pid_t pid, const char *file, const struct id_range *map, size_t count, struct err *err)
{
	AUTO(buf_done) struct buf text = { 0 };
	char path[64];
	int r = 0;

	if (count == 0)
		return 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = buf_printf(&text, "%u %u %u\n", map[i].inside, map[i].outside, map[i].count);
	if (r < 0 || !buf_str(&text))
		return err_sys(err, ENOMEM, "%s", file);
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	r = file_write_at(AT_FDCWD, path, buf_str(&text));
	return r < 0 ? err_sys(err, -r, "write of \"%s\" to %s", buf_str(&text), path) : 0;
}

bool refused_to_user(int r)
{
	return (r == -EACCES || r == -EPERM || r == -EROFS) &&
	       (geteuid() != 0 || in_user_namespace());
}
