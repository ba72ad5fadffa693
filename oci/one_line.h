/* Messages quote what a file says, and must stay one line each. */
#pragma once

/* Replaces control characters by '?'. */
static inline void one_line(char *message)
{
	for (char *c = message; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}
