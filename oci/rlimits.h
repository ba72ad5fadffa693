/* Names and numbers of resource limits (getrlimit(2)). */
#pragma once

/* RLIMIT_NOFILE of "RLIMIT_NOFILE", or -1. Numbers are below 32. */
int rlimit_number(const char *name);
