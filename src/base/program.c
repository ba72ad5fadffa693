/* Where our own helper programs are: see program.h. */
#include "base/program.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int program_beside(const char *name, char out[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		return -errno;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	if (snprintf(out, PATH_MAX, "%s/%s", self, name) >= PATH_MAX)
		return -ENAMETOOLONG;
	return access(out, R_OK) < 0 ? -errno : 0;
}

int program_path(const char *name, char out[PATH_MAX], struct err *err)
{
	if (program_beside(name, out) == 0)
		return 0;
	if (snprintf(out, PATH_MAX, "%s/%s", VMRUN_LIBEXECDIR, name) < PATH_MAX &&
		access(out, R_OK) == 0)
		return 0;
	return err_set(err, ENOENT,
		"%s is neither beside the vmrun binary nor in %s: reinstall vmrun", name,
		VMRUN_LIBEXECDIR);
}
