/* Processors: see processors.h. Number 0 is always there and has no switch. */
#include "agent/processors.h"

#include "base/fd.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int processors_online(uint32_t count, uint32_t *online, struct err *err)
{
	char path[64];

	*online = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
	for (unsigned i = 1; *online < count; i++) {
		int r;

		snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", i);
		if (access(path, F_OK) < 0)
			return 0; /* that was the last */
		r = file_write_at(AT_FDCWD, path, "1");
		*online = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
		if (r < 0)
			return err_sys(err, -r, "processor %u does not start", i);
	}
	return 0;
}
