/* Cgroups of users: see cgroup.h. Paths only; what is there cgroup.c finds out. */
#include "base/auto.h"
#include "pod/cgroup.h"

#include <stdio.h>

/* "/user.slice/user-1000.slice/user@1000.service" of what is below it. NULL: none. */
static const char *end_of_manager(const char *own)
{
	for (const char *part = strchr(own, '/'); part; part = strchr(part + 1, '/')) {
		size_t n = strcspn(part + 1, "/");
		const char *id = str_after(part + 1, "user@");

		if (id && n > 8 && strncmp(part + 1 + n - 8, ".service", 8) == 0)
			return part + 1 + n;
	}
	return NULL;
}

char *cgroup_delegated_path(const char *own, const char *path)
{
	const char *end = end_of_manager(own);
	char *ret;

	if (!end)
		end = strrchr(own, '/');
	return asprintf(&ret, "%.*s%s", end ? (int)(end - own) : 0, own, path) < 0 ? NULL : ret;
}

char *cgroup_common_path(const char *a, const char *b)
{
	size_t same = 0, i = 0;

	for (;; i++) {
		bool ends = (a[i] == '/' || !a[i]) && (b[i] == '/' || !b[i]);

		if (ends)
			same = i;
		if (a[i] != b[i] || !a[i])
			break;
	}
	return strndup(a, same);
}
