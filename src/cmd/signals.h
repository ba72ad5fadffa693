/* Signal names. */
#pragma once

/* "9", "KILL", "SIGKILL" (any case), "RTMIN+1" to a number; -1 for anything else. */
int signal_number(const char *name);
