/* Why a container ended, from the files of its state directory. */
#include "anchor/death.h"
#include "base/fd.h"
#include "container/why.h"
#include "oci/json.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

static char dir[] = "/tmp/vmrun-why.XXXXXX";
static struct state container = { .id = (char[]){ "web" }, .bundle = (char[]){ "/b" }, .lock = -1 };

static int make_dir(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	container.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return container.dir < 0;
}

static int remove_dir(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		unlinkat(container.dir, (const char *const[]){ "exit", "oom", DEATH_FILE }[i], 0);
	close(container.dir);
	return rmdir(dir);
}

static void put(const char *name, const char *text)
{
	struct err err = ERR_NONE;

	unlinkat(container.dir, name, 0);
	if (text)
		assert_int_equal(
			file_replace(container.dir, name, text, strlen(text), 0600, &err), 0);
}

static char *why(bool json)
{
	struct buf b = { 0 };
	struct err err = ERR_NONE;

	if (why_print(&container, json, &b, &err) < 0)
		fail_msg("%s", err.msg);
	assert_non_null(buf_str(&b));
	return (char *)b.data;
}

static void one_that_ended_well(void **state)
{
	AUTO_FREE char *text = NULL, *json = NULL;

	(void)state;
	put("exit", "3 1700000000123456789 0\n");
	text = why(false);
	assert_string_equal(text,
		"container \"web\" ended at 2023-11-14T22:13:20.123456789Z with status 3\n"
		"no process of it was killed for lack of memory\n");
	put("exit", "137 1700000000123456789 1\n");
	json = why(true);
	assert_string_equal(json,
		"{\n  \"id\": \"web\",\n  \"status\": \"stopped\",\n  \"exitStatus\": 137,\n"
		"  \"exitedAt\": \"2023-11-14T22:13:20.123456789Z\",\n  \"oomKilled\": true,\n"
		"  \"death\": null\n}\n");
}

static void one_whose_machine_died(void **state)
{
	AUTO(json_doc_free) struct json_doc *doc = NULL;
	AUTO_FREE char *text = NULL, *json = NULL;
	struct err err = ERR_NONE;

	(void)state;
	put("exit", "137 1700000000000000000 0\n");
	put(DEATH_FILE,
		"{\"cause\": \"guest-panic\", \"timeNs\": 1700000000000000000, \"phase\": "
		"\"running\", \"monitor\": {\"exitStatus\": 4, \"signal\": null, \"words\": "
		"\"guest reset\"}, \"log\": [\"Kernel panic\", \"bye\"]}");
	text = why(false);
	assert_non_null(strstr(
		text, "died at 2023-11-14T22:13:20.000000000Z, with status 137; it was running\n"));
	assert_non_null(
		strstr(text, "\ncause: guest-panic: the guest's kernel panicked\nwhat to do: "));
	assert_non_null(strstr(text, "\n  Kernel panic\n  bye\n"));
	json = why(true);
	assert_int_equal(json_doc_parse("why", json, strlen(json), 0, &doc, &err), 0);
	assert_non_null(strstr(json, "\"exitStatus\": 4,\n      \"signal\": null,"));
}

static void one_whose_proxy_was_killed(void **state)
{
	AUTO_FREE char *text = NULL;

	(void)state;
	put("exit", NULL);
	put(DEATH_FILE, NULL);
	put("oom", "");
	text = why(false);
	assert_non_null(
		strstr(text, "container \"web\" died, with status 137\ncause: anchor-killed: "));
	assert_non_null(strstr(text, "a process of it was killed for lack of memory"));
	put("oom", NULL);
}

static void a_broken_record(void **state)
{
	static const char *const texts[] = { "", "[]", "{\"cause\": \"boredom\"}",
		"{\"cause\": \"guest-panic\", \"log\": [1]}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		AUTO(buf_done) struct buf b = { 0 };
		struct err err = ERR_NONE;

		put(DEATH_FILE, texts[i]);
		assert_true(why_print(&container, false, &b, &err) < 0);
		assert_non_null(strstr(err.msg, DEATH_FILE));
	}
	put(DEATH_FILE, NULL);
}

static void every_cause_has_words(void **state)
{
	(void)state;
	for (int i = 0; i < DEATH_CAUSES; i++) {
		assert_int_equal(death_from_name(death_name((enum death_cause)i)), i);
		assert_true(strlen(death_message((enum death_cause)i)) > 10);
		assert_true(strlen(death_advice((enum death_cause)i)) > 10);
	}
	assert_int_equal(death_from_name(""), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_ended_well),
		cmocka_unit_test(one_whose_machine_died),
		cmocka_unit_test(one_whose_proxy_was_killed),
		cmocka_unit_test(a_broken_record),
		cmocka_unit_test(every_cause_has_words),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
