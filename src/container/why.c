/* why: see why.h. From the exit record, and death.json where the pod died under the container. */
#include "container/why.h"

#include "anchor/death.h"
#include "base/json_out.h"
#include "oci/json.h"

#include <stdio.h>
#include <time.h>

/* A container that has not ended has no exit and no death. */
struct answer {
	const struct state *state;
	enum status status;
	bool ended, dead;
	struct exit_record exit;
	enum death_cause cause;
	/* Of death.json; empty where the proxy had no time to write it. */
	const char *phase, *words;
	int64_t monitor_status, monitor_signal; /* -1: not known */
	const struct json_value *log;
};

static void time_text(int64_t ns, char text[40])
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;
	size_t n;

	gmtime_r(&seconds, &tm);
	n = strftime(text, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, 40 - n, ".%09lldZ", (long long)(ns % 1000000000));
}

static int get_number(const struct json_value *from, const char *key, int64_t *ret, struct err *err)
{
	const struct json_value *v = from ? json_member(from, key) : NULL;

	*ret = -1;
	return v ? json_get_i64(v, 0, INT64_MAX, ret, err) : 0;
}

static int get_text(
	const struct json_value *from, const char *key, const char **ret, struct err *err)
{
	const struct json_value *v = from ? json_member(from, key) : NULL;

	*ret = NULL;
	return v ? json_get_str(v, ret, err) : 0;
}

static int read_death(const struct json_value *root, struct answer *a, struct err *err)
{
	const struct json_value *monitor = json_member(root, "monitor");
	const char *cause;
	int r = get_text(root, "cause", &cause, err), known;

	if (r < 0)
		return r;
	known = cause ? death_from_name(cause) : -1;
	if (known < 0)
		return err_set(
			err, EINVAL, DEATH_FILE ": cause: \"%s\" is unknown", cause ? cause : "");
	a->cause = (enum death_cause)known;
	r = get_text(root, "phase", &a->phase, err);
	if (r == 0)
		r = get_text(monitor, "words", &a->words, err);
	if (r == 0)
		r = get_number(monitor, "exitStatus", &a->monitor_status, err);
	if (r == 0)
		r = get_number(monitor, "signal", &a->monitor_signal, err);
	a->log = json_member(root, "log");
	return r;
}

static int find_answer(
	const struct state *s, struct answer *a, struct json_doc **doc, struct err *err)
{
	int r;

	*a = (struct answer){ .state = s, .monitor_status = -1, .monitor_signal = -1 };
	a->status = state_status(s);
	a->ended = a->status == STATUS_STOPPED;
	state_exit(s, &a->exit);
	if (!a->ended)
		return 0;
	r = json_doc_read(s->dir, DEATH_FILE, DEATH_FILE, 0, doc, err);
	if (r == 0) {
		a->dead = true;
		return read_death(json_doc_root(*doc), a, err);
	}
	if (r != -ENOENT)
		return r;
	err_clear(err);
	/* The proxy leaves a record whatever happens to others. */
	a->dead = !a->exit.there;
	a->cause = DEATH_ANCHOR_KILLED;
	return 0;
}

static size_t log_lines(const struct answer *a)
{
	return a->log ? json_count(a->log) : 0;
}

static void put_number(struct json_out *out, const char *key, int64_t value)
{
	json_key(out, key);
	if (value < 0)
		json_str(out, NULL);
	else
		json_i64(out, value);
}

static int put_death(struct json_out *out, const struct answer *a, struct err *err)
{
	json_key(out, "death");
	if (!a->dead) {
		json_str(out, NULL);
		return 0;
	}
	json_object(out);
	json_key_str(out, "cause", death_name(a->cause));
	json_key_str(out, "message", death_message(a->cause));
	json_key_str(out, "advice", death_advice(a->cause));
	json_key_str(out, "phase", a->phase);
	json_key(out, "monitor");
	json_object(out);
	put_number(out, "exitStatus", a->monitor_status);
	put_number(out, "signal", a->monitor_signal);
	json_key_str(out, "words", a->words);
	json_end(out);
	json_key(out, "log");
	json_array(out);
	for (size_t i = 0; i < log_lines(a); i++) {
		const char *line;
		int r = json_get_str(json_at(a->log, i), &line, err);

		if (r < 0)
			return r;
		json_str(out, line);
	}
	json_end(out);
	json_end(out);
	return 0;
}

static int print_json(const struct answer *a, struct buf *to, struct err *err)
{
	struct json_out out;
	char when[40];
	int r;

	json_init(&out, to, true);
	json_object(&out);
	json_key_str(&out, "id", a->state->id);
	json_key_str(&out, "status", status_name(a->status));
	put_number(&out, "exitStatus", a->ended ? a->exit.status : -1);
	time_text(a->exit.at_ns, when);
	json_key_str(&out, "exitedAt", a->exit.there ? when : NULL);
	json_key(&out, "oomKilled");
	json_bool(&out, a->exit.oom_killed);
	r = put_death(&out, a, err);
	if (r < 0)
		return r;
	json_end(&out);
	r = json_finish(&out);
	return r ? r : buf_append_str(to, "\n");
}

static int print_oom(const struct answer *a, struct buf *out)
{
	if (!a->exit.oom_killed)
		return buf_append_str(out, "no process of it was killed for lack of memory\n");
	return buf_append_str(out,
		"a process of it was killed for lack of memory (linux.resources.memory.limit, or "
		"the guest's memory)\n");
}

static int print_end(const struct answer *a, struct buf *out)
{
	const char *name = a->exit.status > 128 ? sigabbrev_np(a->exit.status - 128) : NULL;
	char when[40];
	int r;

	time_text(a->exit.at_ns, when);
	r = buf_printf(out, "container \"%s\" ended at %s with status %d", a->state->id, when,
		a->exit.status);
	if (r == 0 && name)
		r = buf_printf(out, " (SIG%s, or its own choice)", name);
	return r ? r : buf_append_str(out, "\n");
}

static int print_monitor(const struct answer *a, struct buf *out)
{
	int r = 0;

	if (a->words)
		r = buf_printf(out, "the monitor's last words: %s\n", a->words);
	if (r == 0 && a->monitor_signal >= 0)
		r = buf_printf(out, "the monitor was ended by signal %lld\n",
			(long long)a->monitor_signal);
	if (r == 0 && a->monitor_status >= 0)
		r = buf_printf(
			out, "the monitor ended with status %lld\n", (long long)a->monitor_status);
	return r;
}

static int print_death(const struct answer *a, struct buf *out, struct err *err)
{
	char when[40];
	int r;

	time_text(a->exit.at_ns, when);
	r = buf_printf(out, "container \"%s\" died%s%s, with status %d%s%s\n", a->state->id,
		a->exit.there ? " at " : "", a->exit.there ? when : "", a->exit.status,
		a->phase ? "; it was " : "", a->phase ? a->phase : "");
	if (r == 0)
		r = buf_printf(out, "cause: %s: %s\nwhat to do: %s\n", death_name(a->cause),
			death_message(a->cause), death_advice(a->cause));
	if (r == 0)
		r = print_monitor(a, out);
	if (r == 0)
		r = print_oom(a, out);
	if (r == 0 && log_lines(a))
		r = buf_append_str(out, "the end of the guest's console:\n");
	for (size_t i = 0; r == 0 && i < log_lines(a); i++) {
		const char *line;

		r = json_get_str(json_at(a->log, i), &line, err);
		if (r == 0)
			r = buf_printf(out, "  %s\n", line);
	}
	return r;
}

static int print_text(const struct answer *a, struct buf *out, struct err *err)
{
	int r;

	if (!a->ended)
		r = buf_printf(out, "container \"%s\" is %s, and has not ended\n", a->state->id,
			status_name(a->status));
	else if (a->dead)
		return print_death(a, out, err);
	else
		r = print_end(a, out);
	return r ? r : print_oom(a, out);
}

int why_print(const struct state *s, bool json, struct buf *out, struct err *err)
{
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	struct answer a;
	int r = find_answer(s, &a, &doc, err);

	if (r == 0)
		r = json ? print_json(&a, out, err) : print_text(&a, out, err);
	return r < 0 && !err->code ? err_sys(err, -r, "why") : r;
}
