/* vmrun check: what this host offers, and what mends what it lacks. */
#include "base/json_out.h"
#include "cmd/check_opts.h"
#include "cmd/cmd.h"
#include "cmd/print.h"
#include "host/facts.h"
#include "host/qemu.h"
#include "pod/conf.h"
#include "pod/try.h"

#include <fcntl.h>

/* A look at the host: the rows, the choice, and what was tried. */
struct check {
	const struct runtime *rt;
	struct conf conf;
	struct monitor_facts monitors;
	struct monitor_choice choice;
	struct fact rows[FACT_ROWS];
	bool can_run;
	struct err why; /* of no monitor */
};

static void check_done(struct check *c)
{
	conf_done(&c->conf);
	monitor_facts_done(&c->monitors);
	monitor_choice_done(&c->choice);
}

DEFINE_AUTO_VAL(check_done, struct check)

static int look(struct check *c, struct err *err)
{
	struct facts_env env = { .root = c->rt->root, .monitors = &c->monitors };
	AUTO_CLOSE int host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = conf_read(c->rt->config_file, &c->conf, err);

	/* Without the cache: this is about now, and it changes nothing. */
	if (r == 0)
		r = monitor_look(c->conf.qemu, NULL, &c->monitors, err);
	if (r < 0)
		return r;
	r = monitor_decide(c->rt->hypervisor ? c->rt->hypervisor : c->conf.hypervisor, &c->monitors,
		&c->choice, &c->why);
	if (r == -ENOMEM)
		return err_sys(err, ENOMEM, "check");
	if (r == 0)
		env.choice = &c->choice;
	env.host = host;
	env.cache_dir = c->conf.cache_dir;
	env.kernel = c->conf.kernel;
	env.modules = c->conf.modules;
	env.memory_mib = c->conf.memory_mib;
	c->can_run = facts_look(&env, c->rows) && r == 0;
	return 0;
}

static void put_rows(const struct check *c, struct buf *b)
{
	for (size_t i = 0; i < FACT_ROWS; i++) {
		const struct fact *f = &c->rows[i];

		(void)!buf_printf(
			b, "%-5s %-17s %s\n", fact_status_name(f->status), f->name, f->found);
		if (*f->fix)
			(void)!buf_printf(b, "%-5s %-17s   fix: %s\n", "", "", f->fix);
	}
}

/* The answer in a line. */
static void put_verdict(const struct check *c, struct buf *b)
{
	static const char *const words[] = {
		[MONITOR_KVM] = "vmrun's own monitor, with KVM",
		[MONITOR_QEMU_KVM] = "QEMU with KVM",
		[MONITOR_QEMU_TCG] = "QEMU without KVM, slow and not a security boundary",
	};
	const char *failed = "";

	if (c->why.code) {
		(void)!buf_printf(b, "\nvmrun cannot run here: %s\n", c->why.msg);
		return;
	}
	for (size_t i = 0; i < FACT_ROWS && !c->can_run && !*failed; i++)
		if (c->rows[i].status == FACT_FAIL)
			failed = c->rows[i].name;
	if (!c->can_run)
		(void)!buf_printf(b, "\nvmrun cannot run here: see %s\n",
			*failed ? failed : "what was tried");
	else
		(void)!buf_printf(b, "\nvmrun runs here. Monitor: %s%s%s%s\n",
			words[c->choice.monitor], *c->choice.reason ? " (" : "", c->choice.reason,
			*c->choice.reason ? ")" : "");
}

/* Boots with one monitor. Returns whether it worked; what happened goes to out, or else to b. */
static bool try_one(struct check *c, enum monitor m, struct json_out *out, struct buf *b)
{
	struct monitor_choice choice = { .monitor = m, .qemu = c->monitors.qemu };
	AUTO(buf_done) struct buf report = { 0 };
	struct err err = ERR_NONE;
	bool worked;

	if (m == MONITOR_KVM)
		choice.qemu = NULL;
	else
		choice.pci = !qemu_has_microvm(choice.qemu, NULL);
	worked = try_monitor(c->rt, &choice, &report, &err) == 0;
	if (out) {
		json_object(out);
		json_key_str(out, "monitor", monitor_name(m));
		json_key(out, "booted");
		json_bool(out, worked);
		json_key_str(out, "error", worked ? NULL : err.msg);
		json_key_str(out, "report", buf_str(&report));
		json_end(out);
	} else {
		(void)!buf_printf(b, "\n%s: %s\n%s", monitor_name(m),
			worked ? "a guest has booted" : err.msg,
			buf_str(&report) ? buf_str(&report) : "");
	}
	return worked;
}

/*
 * The monitors that work, and the one that would be used even if it crawls. That one decides
 * whether vmrun can run here. Without out each is told about as soon as it is known: some take
 * long.
 */
static int try_all(struct check *c, struct json_out *out, struct err *err)
{
	for (enum monitor m = 0; m < MONITOR_COUNT; m++) {
		AUTO(buf_done) struct buf b = { 0 };
		bool chosen = !c->why.code && m == c->choice.monitor;
		int r;

		if (!chosen && !monitor_works(m, &c->monitors))
			continue;
		if (!try_one(c, m, out, &b) && chosen)
			c->can_run = false;
		r = out ? 0 : print_buf(&b, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int put_json(struct check *c, bool try, struct json_out *out, struct err *err)
{
	int r = 0;

	json_object(out);
	json_key_str(out, "monitor", c->why.code ? NULL : monitor_name(c->choice.monitor));
	json_key_str(out, "reason", c->why.code ? c->why.msg : c->choice.reason);
	json_key_str(out, "qemu", c->choice.qemu);
	json_key(out, "rows");
	json_array(out);
	for (size_t i = 0; i < FACT_ROWS; i++) {
		const struct fact *f = &c->rows[i];

		json_object(out);
		json_key_str(out, "name", f->name);
		json_key_str(out, "status", fact_status_name(f->status));
		json_key_str(out, "found", f->found);
		json_key_str(out, "fix", *f->fix ? f->fix : NULL);
		json_end(out);
	}
	json_end(out);
	if (try) {
		json_key(out, "tries");
		json_array(out);
		r = try_all(c, out, err);
		json_end(out);
	}
	json_key(out, "canRun");
	json_bool(out, c->can_run);
	json_end(out);
	return r;
}

static int print_json(struct check *c, bool try, struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };
	struct json_out out;
	int r, failed;

	json_init(&out, &b, true);
	r = put_json(c, try, &out, err);
	failed = json_finish(&out);
	if (r < 0)
		return r;
	if (failed == 0)
		failed = buf_append_str(&b, "\n");
	return failed < 0 ? err_sys(err, -failed, "check") : print_buf(&b, err);
}

static int print_text(struct check *c, bool try, struct err *err)
{
	AUTO(buf_done) struct buf rows = { 0 };
	AUTO(buf_done) struct buf verdict = { 0 };
	int r;

	put_rows(c, &rows);
	r = print_buf(&rows, err);
	if (r == 0 && try)
		r = try_all(c, NULL, err);
	put_verdict(c, &verdict);
	return r ? r : print_buf(&verdict, err);
}

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	const char *format = v[CHECK_FORMAT].text ? v[CHECK_FORMAT].text : "text";
	AUTO(check_done) struct check c = { .rt = rt };
	int r;

	(void)args;
	if (!streq(format, "text") && !streq(format, "json"))
		return err_set(err, EINVAL, "--format: expected text or json, got \"%s\"", format);
	r = look(&c, err);
	if (r < 0)
		return r;
	r = streq(format, "json") ? print_json(&c, v[CHECK_TRY].flag, err)
				  : print_text(&c, v[CHECK_TRY].flag, err);
	return r < 0 ? r : !c.can_run;
}

static const struct opt options[] = {
	CHECK_OPTIONS,
	{ 0 },
};

const struct cmd cmd_check = {
	.name = "check",
	.arguments = "",
	.help = CHECK_HELP,
	.options = options,
	.run = run,
};
