/* The documents that we write: features and the template of a bundle, read by our own reader. */
#include "base/str.h"
#include "oci/check.h"
#include "oci/features.h"
#include "oci/json.h"
#include "oci/template.h"
#include "tests/unit/oci_text.h"

static struct json_doc *features(void)
{
	AUTO(buf_done) struct buf text = { 0 };
	struct json_doc *doc = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(features_print("1.2.3", &text), 0);
	if (json_doc_parse("features", text.data, text.len, 0, &doc, &err) < 0)
		fail_msg("%s", err.msg);
	return doc;
}

static bool has_string(const struct json_value *list, const char *s)
{
	struct err err = ERR_NONE;
	const char *item;

	for (size_t i = 0; i < json_count(list); i++) {
		assert_int_equal(json_get_str(json_at(list, i), &item, &err), 0);
		if (streq(item, s))
			return true;
	}
	return false;
}

static bool is_true(const struct json_value *object, const char *key)
{
	struct err err = ERR_NONE;
	bool value;

	assert_int_equal(json_get_bool(json_member(object, key), &value, &err), 0);
	return value;
}

static void string_is(const struct json_value *object, const char *key, const char *expected)
{
	struct err err = ERR_NONE;
	const char *value;

	assert_int_equal(json_get_str(json_member(object, key), &value, &err), 0);
	assert_string_equal(value, expected);
}

static void common_features(void **state)
{
	AUTO(json_doc_free) struct json_doc *doc = features();
	const struct json_value *top = json_doc_root(doc);
	const struct json_value *options = json_member(top, "mountOptions");

	(void)state;
	string_is(top, "ociVersionMin", "1.0.0");
	string_is(top, "ociVersionMax", "1.3.0");
	assert_int_equal(json_count(json_member(top, "hooks")), 6);
	assert_true(has_string(json_member(top, "hooks"), "createContainer"));
	assert_true(has_string(json_member(top, "hooks"), "startContainer"));
	assert_true(has_string(options, "rbind"));
	assert_true(has_string(options, "rro"));
	assert_true(has_string(options, "idmap"));
	assert_true(has_string(options, "ridmap"));
	string_is(json_member(top, "annotations"), "io.vmrun.version", "1.2.3");
	assert_true(has_string(
		json_member(top, "potentiallyUnsafeConfigAnnotations"), "io.vmrun.memory"));
}

static void linux_features(void **state)
{
	AUTO(json_doc_free) struct json_doc *doc = features();
	const struct json_value *l = json_member(json_doc_root(doc), "linux");
	const struct json_value *seccomp = json_member(l, "seccomp");

	(void)state;
	assert_int_equal(json_count(json_member(l, "namespaces")), 8);
	assert_true(has_string(json_member(l, "capabilities"), "CAP_CHECKPOINT_RESTORE"));
	assert_true(is_true(json_member(l, "cgroup"), "v2"));
	assert_false(is_true(json_member(l, "cgroup"), "v1"));
	assert_true(is_true(seccomp, "enabled"));
	assert_true(has_string(json_member(seccomp, "actions"), "SCMP_ACT_ERRNO"));
	assert_true(has_string(json_member(seccomp, "actions"), "SCMP_ACT_NOTIFY"));
	assert_true(has_string(json_member(seccomp, "operators"), "SCMP_CMP_MASKED_EQ"));
	assert_true(has_string(json_member(seccomp, "archs"), "SCMP_ARCH_X86_64"));
	assert_int_equal(json_count(json_member(seccomp, "knownFlags")), 4);
	assert_int_equal(json_count(json_member(seccomp, "supportedFlags")), 4);
	assert_false(is_true(json_member(l, "apparmor"), "enabled"));
	assert_true(is_true(json_member(json_member(l, "mountExtensions"), "idmap"), "enabled"));
}

static void the_template_is_valid(void **state)
{
	AUTO(buf_done) struct buf text = { 0 };
	AUTO(spec_free) struct spec *spec = NULL;
	AUTO(strv_done) struct strv warnings = { 0 };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(template_print(&text, false), 0);
	if (spec_parse("config.json", text.data, text.len, &spec, &err) < 0 ||
		spec_check(spec, &warnings, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(warnings.n, 0);
	assert_int_equal(text.data[text.len - 1], '\n');
	assert_string_equal(spec->process->args.v[0], "sh");
	assert_true(spec->process->terminal);
	assert_true(spec->root->readonly);
	assert_int_equal(spec->mounts.n, 7);
	assert_int_equal(spec->mounts.v[2].options.n, 6);
	assert_int_equal(spec->linux.namespaces.n, 6);
	assert_int_equal(spec->linux.masked_paths.n, 10);
	assert_int_equal(spec->linux.readonly_paths.n, 5);
	assert_int_equal(spec->linux.resources.devices.n, 1);
	assert_int_equal(spec->process->capabilities->ambient.n, 0);
	assert_int_equal(spec->process->rlimits.v[0].hard, 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(common_features),
		cmocka_unit_test(linux_features),
		cmocka_unit_test(the_template_is_valid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
