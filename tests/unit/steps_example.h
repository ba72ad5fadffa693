/* A sequence that writes down what it does: "a" for a step that is done, "-a" for one undone. */
#pragma once

#include "base/steps.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

struct diary {
	char text[128];
	const char *fails; /* the step that does, or NULL */
};

static void write_down(struct diary *d, const char *word)
{
	size_t n = strlen(d->text);

	snprintf(d->text + n, sizeof(d->text) - n, "%s ", word);
}

static int do_it(struct diary *d, const char *name, struct err *err)
{
	if (d->fails && strcmp(d->fails, name) == 0)
		return err_set(err, ENOSPC, "no room for %s", name);
	write_down(d, name);
	return 0;
}

#define EXAMPLE_STEP(name)                                                                         \
	static int run_##name(void *ctx, struct err *err)                                          \
	{                                                                                          \
		return do_it(ctx, #name, err);                                                     \
	}                                                                                          \
                                                                                                   \
	static void undo_##name(void *ctx)                                                         \
	{                                                                                          \
		write_down(ctx, "-" #name);                                                        \
	}

EXAMPLE_STEP(a)

/* Nothing to undo. */
static int run_b(void *ctx, struct err *err)
{
	return do_it(ctx, "b", err);
}

EXAMPLE_STEP(c)
EXAMPLE_STEP(d)

static const struct step example_steps[] = {
	{ "a", run_a, undo_a },
	{ "b", run_b, NULL },
	{ "c", run_c, undo_c },
	{ "d", run_d, undo_d },
};
