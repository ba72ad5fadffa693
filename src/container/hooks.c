/* Hooks on the host: see hooks.h. */
#include "container/hooks.h"

#include "base/command.h"
#include "base/log.h"

#include <unistd.h>

/* What each kind finds. The statuses are runc's, which hooks are written for. */
static const struct {
	enum status status;
	bool in_rootfs; /* its working directory, as runc's; the others start in the bundle */
} kinds[HOOK_KINDS] = {
	[HOOK_PRESTART] = { .status = STATUS_CREATING },
	[HOOK_CREATE_RUNTIME] = { .status = STATUS_CREATING },
	[HOOK_CREATE_CONTAINER] = { .status = STATUS_CREATING, .in_rootfs = true },
	[HOOK_START_CONTAINER] = { .status = STATUS_CREATED },
	[HOOK_POSTSTART] = { .status = STATUS_RUNNING },
	[HOOK_POSTSTOP] = { .status = STATUS_STOPPED },
};

enum status hooks_status(enum hook_when when)
{
	return kinds[when].status;
}

static int make_input(enum hook_when when, const struct state *s, pid_t pid, struct err *err)
{
	AUTO(buf_done) struct buf text = { 0 };
	int r = state_print_as(s, kinds[when].status, pid, &text, NULL);

	if (r == 0)
		r = command_input(text.data, text.len);
	return r < 0 ? err_sys(err, -r, "state for hooks.%s", hook_kinds[when].name) : r;
}

static int run_hook(const struct spec_hook *h, enum hook_when when, size_t i, const struct state *s,
	int input, struct err *err)
{
	struct command c = {
		.path = h->path,
		.args = h->args.v,
		.env = h->env.v,
		.cwd = kinds[when].in_rootfs ? s->rootfs : s->bundle,
		.input = input,
		.timeout_s = h->timeout_s.is_set ? h->timeout_s.value : 0,
		.guarded = true,
	};
	int r = command_run(&c, err);

	if (r < 0)
		err_prefix(err, "error running %s hook #%zu: %s: ", hook_kinds[when].name, i,
			h->path); /* runc's words, which people look for */
	return r;
}

int hooks_run(const struct spec_hooks *hooks, enum hook_when when, const struct state *s, pid_t pid,
	struct err *err)
{
	const struct spec_hook_list *list = hooks_of(hooks, when);
	AUTO_CLOSE int input = -1;
	int r = 0;

	if (list->n == 0)
		return 0;
	input = make_input(when, s, pid, err);
	if (input < 0)
		return input;
	for (size_t i = 0; r == 0 && i < list->n; i++)
		r = run_hook(&list->v[i], when, i, s, input, err);
	return r;
}

void hooks_run_poststop(const struct spec_hooks *hooks, const struct state *s)
{
	const struct spec_hook_list *list = hooks_of(hooks, HOOK_POSTSTOP);
	struct err err = ERR_NONE;
	AUTO_CLOSE int input = list->n ? make_input(HOOK_POSTSTOP, s, 0, &err) : -1;

	for (size_t i = 0; input >= 0 && i < list->n; i++) {
		if (run_hook(&list->v[i], HOOK_POSTSTOP, i, s, input, &err) == 0)
			continue;
		log_warn("%s", err.msg);
		err_clear(&err);
	}
	if (err.code)
		log_warn("%s", err.msg);
}
