/* The namespaces of runtime-spec and the numbers that the agent API has for them. */
#pragma once

#include <stddef.h>

/* Vmrun__Agent__Namespace__Kind of "pid" and so on, or -1. Numbers are below 32. */
int namespace_number(const char *type);

/* The i-th name, or NULL at the end; for features. */
const char *namespace_name(size_t i);
