/* Hooks on the host: their order, what they are told, and what a failing one does. */
#include "base/fd.h"
#include "base/log.h"
#include "base/path.h"
#include "container/hooks.h"
#include "oci/json.h"
#include "tests/unit/oci_text.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

struct bench {
	char dir[32]; /* bundle, with rootfs/ */
	struct state s;
};

static int make_bench(void **state)
{
	struct bench *b = calloc(1, sizeof(*b));
	char path[64];

	assert_non_null(b);
	snprintf(b->dir, sizeof(b->dir), "/tmp/test_hooks.XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(path, sizeof(path), "%s/rootfs", b->dir);
	assert_int_equal(mkdir(path, 0755), 0);
	b->s.dir = b->s.lock = -1;
	b->s.id = strdup("c1");
	b->s.bundle = strdup(b->dir);
	b->s.rootfs = strdup(path);
	b->s.oci_version = strdup("1.2.0");
	assert_int_equal(strv_add(&b->s.annotations, "org.test/key"), 0);
	assert_int_equal(strv_add(&b->s.annotations, "a \"value\""), 0);
	*state = b;
	return 0;
}

static int drop_bench(void **state)
{
	struct bench *b = *state;
	int r = remove_tree(AT_FDCWD, b->dir);

	free(b->s.id);
	free(b->s.bundle);
	free(b->s.rootfs);
	free(b->s.oci_version);
	strv_done(&b->s.annotations);
	free(b);
	return r;
}

static char *content(const struct bench *b, const char *name)
{
	struct buf text = { 0 };
	struct err err = ERR_NONE;
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	if (file_read(AT_FDCWD, path, 1 << 20, &text, &err) < 0)
		fail_msg("%s", err.msg);
	assert_non_null(buf_str(&text));
	return (char *)text.data;
}

static void has(const struct bench *b, const char *name, const char *wanted)
{
	AUTO_FREE char *found = content(b, name);

	assert_string_equal(found, wanted);
}

#define SH(script) "{'path':'/bin/sh','args':['sh','-c','" script "']}"

static struct spec *hooks(const char *list)
{
	AUTO(buf_done) struct buf text = { 0 };

	assert_int_equal(buf_printf(&text, "{'ociVersion':'1.0.0','hooks':{%s}}", list), 0);
	return spec_of(buf_str(&text));
}

static void they_run_in_the_listed_order(void **state)
{
	struct bench *b = *state;
	AUTO(spec_free)
	struct spec *spec = hooks("'prestart':[" SH("echo p >>log") "],'createRuntime':[" SH(
		"echo 0 >>log") "," SH("echo 1 >>log") "," SH("echo 2 >>log") "]");
	struct err err = ERR_NONE;

	assert_true(hooks_any(&spec->hooks, HOOK_CREATE_RUNTIME));
	assert_false(hooks_any(&spec->hooks, HOOK_POSTSTART));
	assert_int_equal(hooks_run(&spec->hooks, HOOK_CREATE_RUNTIME, &b->s, 5, &err), 0);
	assert_int_equal(hooks_run(&spec->hooks, HOOK_POSTSTART, &b->s, 5, &err), 0);
	has(b, "log", "0\n1\n2\n");
}

static void the_first_that_fails_is_named_and_the_last(void **state)
{
	struct bench *b = *state;
	AUTO(spec_free)
	struct spec *spec =
		hooks("'poststart':[" SH("echo 0 >>log") "," SH("echo why >&2; exit 4") "," SH(
			"echo 2 >>log") "],"
					"'createRuntime':[{'path':'/no/such'}],"
					"'prestart':[{'path':'/bin/"
					"sleep','args':['sleep','1000'],'timeout':1}]");
	struct err err = ERR_NONE;

	assert_true(hooks_run(&spec->hooks, HOOK_POSTSTART, &b->s, 5, &err) < 0);
	assert_string_equal(
		err.msg, "error running poststart hook #1: /bin/sh: exit status 4: why");
	has(b, "log", "0\n");
	err_clear(&err);
	assert_true(hooks_run(&spec->hooks, HOOK_CREATE_RUNTIME, &b->s, 5, &err) < 0);
	assert_string_equal(err.msg, "error running createRuntime hook #0: /no/such: cannot be "
				     "executed: No such file or directory");
	err_clear(&err);
	assert_true(hooks_run(&spec->hooks, HOOK_PRESTART, &b->s, 5, &err) < 0);
	assert_string_equal(err.msg,
		"error running prestart hook #0: /bin/sleep: killed after its timeout of 1 s");
}

static void all_of_poststop_are_run(void **state)
{
	struct bench *b = *state;
	AUTO(spec_free)
	struct spec *spec = hooks("'poststop':[" SH("exit 1") "," SH("echo 1 >>log") "," SH(
		"kill -9 $$") "," SH("echo 3 >>log") "]");
	struct err err = ERR_NONE;
	char path[64];

	snprintf(path, sizeof(path), "%s/warnings", b->dir);
	log_init("test", LOG_LEVEL_WARN);
	assert_int_equal(log_open(path, false, &err), 0);
	hooks_run_poststop(&spec->hooks, &b->s);
	has(b, "log", "1\n3\n");
	{
		AUTO_FREE char *warnings = content(b, "warnings");

		assert_non_null(strstr(
			warnings, "error running poststop hook #0: /bin/sh: exit status 1\n"));
		assert_non_null(strstr(warnings,
			"error running poststop hook #2: /bin/sh: killed by signal 9 (killed)\n"));
	}
}

static void string_is(const struct json_value *object, const char *key, const char *wanted)
{
	struct err err = ERR_NONE;
	const char *s = NULL;

	assert_non_null(json_member(object, key));
	assert_int_equal(json_get_str(json_member(object, key), &s, &err), 0);
	assert_string_equal(s, wanted);
}

/* What the hooks of a kind are told: status and pid; and where they start. */
static void told(struct bench *b, const struct spec *spec, enum hook_when when, pid_t pid,
	const char *status, const char *cwd)
{
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	const struct json_value *top;
	struct err err = ERR_NONE;
	uint64_t found = 0;
	char path[64];

	if (when == HOOK_POSTSTOP)
		hooks_run_poststop(&spec->hooks, &b->s);
	else if (hooks_run(&spec->hooks, when, &b->s, pid, &err) < 0)
		fail_msg("%s", err.msg);
	snprintf(path, sizeof(path), "%s/told", *cwd ? b->s.rootfs : b->dir);
	if (json_doc_read(AT_FDCWD, path, "told", 0, &doc, &err) < 0)
		fail_msg("%s", err.msg);
	top = json_doc_root(doc);
	string_is(top, "ociVersion", "1.2.0");
	string_is(top, "id", "c1");
	string_is(top, "status", status);
	string_is(top, "bundle", b->dir);
	string_is(json_member(top, "annotations"), "org.test/key", "a \"value\"");
	assert_int_equal(json_get_u64(json_member(top, "pid"), UINT64_MAX, &found, &err), 0);
	assert_int_equal(found, pid);
	assert_int_equal(unlink(path), 0);
}

static void each_kind_is_told_its_status(void **state)
{
	struct bench *b = *state;
#define TOLD "[" SH("cat >told") "]"
	AUTO(spec_free)
	struct spec *spec =
		hooks("'prestart':" TOLD ",'createRuntime':" TOLD ",'createContainer':" TOLD
		      ",'poststart':" TOLD ",'poststop':" TOLD);

	told(b, spec, HOOK_PRESTART, 77, "creating", "");
	told(b, spec, HOOK_CREATE_RUNTIME, 77, "creating", "");
	told(b, spec, HOOK_CREATE_CONTAINER, 1, "creating", "/rootfs");
	told(b, spec, HOOK_POSTSTART, 77, "running", "");
	told(b, spec, HOOK_POSTSTOP, 0, "stopped", "");
	assert_int_equal(hooks_status(HOOK_START_CONTAINER), STATUS_CREATED);
}

static void the_environment_is_given_or_ours(void **state)
{
	struct bench *b = *state;
	AUTO(spec_free)
	struct spec *spec = hooks("'prestart':[" SH(
		"echo \\\"$A$TEST\\\" >>log") ","
					      "{'path':'/bin/sh','args':['sh','-c','echo "
					      "\\\"$A$TEST\\\" >>log'],'env':['A=a']},"
					      "{'path':'/bin/sh','args':['sh','-c','echo "
					      "\\\"$A$TEST\\\" >>log'],'env':[]}]");
	struct err err = ERR_NONE;

	setenv("TEST", "ours", 1);
	assert_int_equal(hooks_run(&spec->hooks, HOOK_PRESTART, &b->s, 1, &err), 0);
	has(b, "log", "ours\na\n\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_bench, drop_bench)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(they_run_in_the_listed_order),
		TEST(the_first_that_fails_is_named_and_the_last),
		TEST(all_of_poststop_are_run),
		TEST(each_kind_is_told_its_status),
		TEST(the_environment_is_given_or_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
