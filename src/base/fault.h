/*
 * Faults that a test asks for: "SEQUENCE:STEP:kill" or "SEQUENCE:STEP:fail", the step by its name
 * or its number from 1 on. A program looks for them only when built with --enable-fault-injection
 * (steps.c). In a guest, VMRUN_FAULT can be set among the kernel's parameters.
 */
#pragma once

#include <stddef.h>

enum fault {
	FAULT_NONE,
	FAULT_KILL, /* the process kills itself with SIGKILL */
	FAULT_FAIL, /* the sequence fails, and is undone with that step */
};

/* What is due after this step. spec: NULL or one that is no fault asks for none. */
enum fault fault_due(const char *spec, const char *sequence, const char *step, size_t number);
