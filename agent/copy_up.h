/* "tmpcopyup": fills a new tmpfs with what was at its mount point. */
#pragma once

#include "base/err.h"

/* Copies the content of directory from (O_PATH) into directory to, following no symlink. */
int copy_up(int from, int to, struct err *err) CHECKED;
