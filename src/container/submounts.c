/* Mounts below a directory: see submounts.h; proc_pid_mountinfo(5). */
#include "container/submounts.h"

#include "base/auto.h"
#include "base/fd.h"

#include <fcntl.h>
#include <string.h>

/* Some 200 bytes a mount; hosts with ten thousand are known. */
#define TABLE_MAX (16 << 20)

int submounts_read(struct buf *ret_table, struct err *err)
{
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", TABLE_MAX, ret_table, err);

	if (r == 0 && !buf_str(ret_table))
		r = err_sys(err, ENOMEM, "/proc/self/mountinfo");
	return r;
}

/* Blanks, tabs, newlines and backslashes are octal numbers behind a backslash. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
			s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* The fifth field of a line, where a mount is; NULL if there is none. */
static char *mount_point(const char *line, size_t len)
{
	char *copy = strndup(line, len), *save = NULL, *word;

	if (!copy)
		return NULL;
	word = strtok_r(copy, " ", &save);
	for (unsigned i = 1; word && i < 5; i++)
		word = strtok_r(NULL, " ", &save);
	if (word) {
		unescape(word);
		memmove(copy, word, strlen(word) + 1);
		return copy;
	}
	free(copy);
	return NULL;
}

int submounts_below(const struct buf *table, const char *dir, struct strv *ret)
{
	size_t n = streq(dir, "/") ? 0 : strlen(dir);
	const char *line = (const char *)table->data, *end;

	/* The table is in the order of mounting, and what is mounted last on a place is what is
	 * seen. */
	for (; line && *line && ret->n < SUBMOUNTS_MAX; line = *end ? end + 1 : end) {
		AUTO_FREE char *point = NULL;

		end = strchrnul(line, '\n');
		point = mount_point(line, (size_t)(end - line));
		if (point && strncmp(point, dir, n) == 0 && point[n] == '/' && point[n + 1] &&
			strv_add(ret, point + n + 1) < 0)
			return -ENOMEM;
	}
	return 0;
}
