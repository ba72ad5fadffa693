/* COM1's output: see earlylog.h. */
#include "vm/earlylog.h"

#include "base/fd.h"

#include <unistd.h>

void earlylog_init(struct earlylog *l, size_t max_bytes)
{
	*l = (struct earlylog){ .left = max_bytes };
	pthread_mutex_init(&l->lock, NULL);
}

static char harmless(uint8_t byte)
{
	/* No escape sequences for whoever reads the log. */
	return (byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f ? '?' : (char)byte;
}

void earlylog_byte(struct earlylog *l, uint8_t byte)
{
	if (byte == '\r')
		return;
	pthread_mutex_lock(&l->lock);
	if (l->left) {
		l->left--;
		l->line[l->len++] = harmless(byte);
		if (byte == '\n' || l->len == sizeof(l->line)) {
			(void)!fd_write_all(STDERR_FILENO, l->line, l->len);
			l->len = 0;
		}
	}
	pthread_mutex_unlock(&l->lock);
}
