/* What a fresh guest gets from the host: the time, entropy. */
#pragma once

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

int clock_set_realtime(int64_t ns, struct err *err) CHECKED;

/* Credits the bytes to the kernel's pool and reseeds its generator. */
int entropy_add(const void *data, size_t len, struct err *err) CHECKED;
