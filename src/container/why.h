/* How a container has ended, and why: "vmrun why". */
#pragma once

#include "container/state.h"

/* Appends the answer: some lines for people, or an object of JSON. Also while it runs. */
int why_print(const struct state *s, bool json, struct buf *out, struct err *err) CHECKED;
