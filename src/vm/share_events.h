/*
 * The stream on which the agent learns what the host has changed in shares. It is made when there
 * is something to tell, not before.
 */
#pragma once

#include "base/err.h"

struct vm;

/* Sets it up; in the loop's thread. */
int share_events_init(struct vm *vm) CHECKED;

/* arg: struct vm. Any thread. There is something to tell. */
void share_events_ask(void *arg);
