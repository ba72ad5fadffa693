/* Threads whose stacks are as large as they need: those of libc take a huge page each. */
#pragma once

#include "base/err.h"

#include <pthread.h>

#define THREAD_STACK_BYTES (256 << 10)

/* As pthread_create(3). Returns 0 or -errno. */
int thread_create(pthread_t *ret, void *(*run)(void *arg), void *arg) CHECKED;
