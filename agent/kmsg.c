/* The kernel's log: see kmsg.h. Opened for each line, of which there are few. */
#include "agent/kmsg.h"

#include "base/auto.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void kmsg_line(enum kmsg_level level, const char *fmt, ...)
{
	AUTO_CLOSE int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	char line[ERR_MSG_MAX + 64];
	size_t used;
	va_list ap;

	snprintf(line, sizeof(line), "<%d>vmrun-agent: ", (int)level);
	used = strlen(line);
	va_start(ap, fmt);
	vsnprintf(line + used, sizeof(line) - used - 1, fmt, ap);
	va_end(ap);
	used = strlen(line);
	line[used++] = '\n';
	/* One write is one record. Not dprintf, which wants to know the file's position. */
	(void)!write(fd >= 0 ? fd : 2, line, used);
}
