/* Output of commands. */
#pragma once

#include "base/buf.h"
#include "base/fd.h"

#include <unistd.h>

/* Writes all of b to stdout. */
static inline int print_buf(const struct buf *b, struct err *err)
{
	int r = fd_write_all(STDOUT_FILENO, b->data, b->len);

	return r < 0 ? err_sys(err, -r, "stdout") : 0;
}
