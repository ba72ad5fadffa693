/* startContainer hooks: see hooks.h. In the child. */
#include "agent/hooks.h"

#include "base/auto.h"
#include "base/buf.h"
#include "base/command.h"
#include "base/str.h"

int hooks_prepare(const Vmrun__Agent__CreateContainerRequest *request, int *ret, struct err *err)
{
	const Vmrun__Agent__HookState *s = request->hook_state;
	AUTO(buf_done) struct buf text = { 0 };
	int r = 0;

	*ret = -1;
	if (request->n_start_hooks == 0)
		return 0;
	if (s)
		r = buf_append(&text, s->before_pid.data, s->before_pid.len);
	if (s && r == 0)
		r = buf_printf(&text, "%d", (int)getpid());
	if (s && r == 0)
		r = buf_append(&text, s->after_pid.data, s->after_pid.len);
	if (r == 0)
		r = command_input(text.data, text.len);
	if (r < 0)
		return err_sys(err, -r, "hooks.startContainer: state");
	*ret = r;
	return 0;
}

static int copy_strings(char **from, size_t n, struct strv *to)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = strv_add(to, from[i]);
	return r;
}

static int run_hook(const Vmrun__Agent__Hook *h, int input, const char *const *env, struct err *err)
{
	static const char *const none[] = { NULL };
	AUTO(strv_done) struct strv args = { 0 };
	AUTO(strv_done) struct strv own = { 0 };
	struct command c = { .path = h->path, .input = input, .timeout_s = (int64_t)h->timeout_s };

	if (copy_strings(h->args, h->n_args, &args) < 0 || copy_strings(h->env, h->n_env, &own) < 0)
		return err_sys(err, ENOMEM, "arguments");
	c.args = (const char *const *)args.v;
	if (h->own_env)
		env = own.v ? (const char *const *)own.v : none;
	c.env = env;
	return command_run(&c, err);
}

int hooks_run_start(const Vmrun__Agent__CreateContainerRequest *request, int input,
	const char *const *env, struct err *err)
{
	for (size_t i = 0; i < request->n_start_hooks; i++) {
		const Vmrun__Agent__Hook *h = request->start_hooks[i];

		if (run_hook(h, input, env, err) == 0)
			continue;
		err->code = ECANCELED;
		return err_prefix(err, "error running startContainer hook #%zu: %s: ", i, h->path);
	}
	return 0;
}
