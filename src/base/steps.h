/*
 * A sequence that can fail half-way: its steps are done in order, and when one fails, those before
 * it are undone in reverse. A long command (create, exec, delete, a boot) is a table of these that
 * reads like what it does.
 *
 * A step that fails leaves nothing behind; its own undo is not called. What makes two things that
 * must both go again is two steps. An undo cannot fail: nobody could do anything about it, and the
 * error that is told is the one of the step that failed.
 *
 * Built with --enable-fault-injection, programs look at VMRUN_FAULT after each step (fault.h), so
 * that a test sees what is left of one that died or failed there.
 */
#pragma once

#include "base/auto.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct step {
	const char *name;			/* for notes, errors and faults; unique */
	int (*run)(void *ctx, struct err *err); /* 0, or -errno with err filled */
	void (*undo)(void *ctx);		/* NULL: there is nothing to undo */
};

struct steps {
	const char *name; /* of the sequence, for faults */
	const struct step *list;
	size_t count;
	/* When a step begins, and when it is done: timelines, what a message says. May be NULL. */
	void (*note)(void *ctx, const struct step *step, bool done);
};

/* A sequence of a static table. */
#define STEPS(name_, table)                                                                        \
	{                                                                                          \
		.name = (name_), .list = (table), .count = ARRAY_LEN(table)                        \
	}

/* Returns 0 when all are done, else what the one that failed has returned; err is its. */
int steps_run(const struct steps *s, void *ctx, struct err *err) CHECKED;

/* Undoes the first `done` ones of a sequence that was run, in reverse. */
void steps_undo(const struct steps *s, size_t done, void *ctx);
