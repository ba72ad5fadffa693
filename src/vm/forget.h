/*
 * Asks the guest to forget files. Each inode that it remembers holds a descriptor here, of which we
 * have a limited number; a guest with enough memory would never give one back of its own accord.
 */
#pragma once

#include "base/err.h"

struct vm;

/* Sets up the asking; in the loop's thread. */
int forget_init(struct vm *vm) CHECKED;

/* arg: struct vm. Any thread. */
void forget_ask(void *arg);
