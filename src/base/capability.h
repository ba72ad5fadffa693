/* Capabilities of the calling thread. What may be done is decided by these, never by a user id:
 * root of a container may have none, and root of a user namespace has all, but there only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* cap: CAP_*. False also where the kernel does not tell. */
bool capability_effective(unsigned cap);
/* A mask by number. */
uint64_t capabilities_permitted(void);

/* Gives up all but these, effective and permitted alike. 0 or -errno. */
int capabilities_keep(uint64_t mask) __attribute__((warn_unused_result));
