/* Sequences with undo: see steps.h. */
#include "base/steps.h"

#ifdef VMRUN_FAULT_INJECTION
#include "base/fault.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int inject(const struct steps *s, size_t done, struct err *err)
{
	const char *step = s->list[done - 1].name;

	switch (fault_due(getenv("VMRUN_FAULT"), s->name, step, done)) {
	case FAULT_KILL:
		(void)!kill(getpid(), SIGKILL);
		/* The first process of a pid namespace cannot kill itself. */
		_exit(128 + SIGKILL);
	case FAULT_FAIL:
		return err_set(err, ECANCELED, "VMRUN_FAULT: after \"%s\" of %s", step, s->name);
	case FAULT_NONE:
		break;
	}
	return 0;
}
#else
static int inject(const struct steps *s, size_t done, struct err *err)
{
	(void)s;
	(void)done;
	(void)err;
	return 0;
}
#endif

static void note(const struct steps *s, const struct step *step, bool done, void *ctx)
{
	if (s->note)
		s->note(ctx, step, done);
}

int steps_run(const struct steps *s, void *ctx, struct err *err)
{
	for (size_t done = 0; done < s->count;) {
		const struct step *step = &s->list[done];
		int r;

		note(s, step, false, ctx);
		r = step->run(ctx, err);
		if (r == 0) {
			done++;
			note(s, step, true, ctx);
			r = inject(s, done, err);
		}
		if (r < 0) {
			steps_undo(s, done, ctx);
			return r;
		}
	}
	return 0;
}

void steps_undo(const struct steps *s, size_t done, void *ctx)
{
	while (done-- > 0)
		if (s->list[done].undo)
			s->list[done].undo(ctx);
}
