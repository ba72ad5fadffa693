/* uid_map and gid_map: see id_map.h. */
#include "base/id_map.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>

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
