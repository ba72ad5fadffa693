/*
 * The field table against what it must agree with: the specification's list, the parser's tables,
 * the end-to-end cases it names; and what is made of it: explain, and what strict refuses.
 */
#include "base/buf.h"
#include "base/fd.h"
#include "base/str.h"
#include "oci/bind.h"
#include "oci/check.h"
#include "oci/explain.h"
#include "oci/fields.h"
#include "oci/hooks.h"
#include "tests/unit/oci_text.h"

#include <fcntl.h>

#define LIST_BYTES_MAX 65536
#define CASE_BYTES_MAX (1 << 20)
/* What the parser reads by itself, or leaves to other platforms. */
static const char *const not_bound[] = { "ociVersion", "windows", "solaris", "zos", "freebsd" };

static void read_text(const char *path, size_t max, struct buf *b)
{
	struct err err = ERR_NONE;

	if (file_read(AT_FDCWD, path, max, b, &err) < 0)
		fail_msg("%s", err.msg);
	assert_non_null(buf_str(b));
}

static void read_list(struct strv *list)
{
	AUTO(buf_done) struct buf text = { 0 };
	char *save = NULL, *line;

	read_text(SPEC_PROPERTIES, LIST_BYTES_MAX, &text);
	for (line = strtok_r((char *)text.data, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save))
		if (*line != '#')
			assert_int_equal(strv_add(list, line), 0);
	assert_true(list->n > 150);
}

static bool is_in(const struct strv *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (streq(list->v[i], s))
			return true;
	return false;
}

/* Whether the list has a property below path: then path is an object or a list of objects. */
static bool has_below(const struct strv *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *rest = str_after(list->v[i], path);

		if (rest && (*rest == '.' || *rest == '['))
			return true;
	}
	return false;
}

/* The second name of a member: "hwconfig". */
static bool is_alias(const struct bind_field *fields, const struct bind_field *f)
{
	for (; fields != f; fields++)
		if (fields->fields && fields->fields == f->fields && fields->offset == f->offset)
			return true;
	return false;
}

/* Every property that the parser's tables bind. */
static void list_bound(const struct bind_field *fields, const char *path, struct strv *list)
{
	for (const struct bind_field *f = fields; f->key; f++) {
		char below[256];

		snprintf(below, sizeof(below), "%s%s%s%s", path, *path ? "." : "", f->key,
			f->kind == BIND_LIST  ? "[]"
			: f->kind == BIND_MAP ? ".*"
					      : "");
		if (f->fields && !is_alias(fields, f))
			list_bound(f->fields, below, list);
		else if (!f->fields)
			assert_int_equal(strv_add(list, below), 0);
	}
}

static void the_parser_knows_all_of_the_specification(void **state)
{
	AUTO(strv_done) struct strv list = { 0 }, bound = { 0 };

	(void)state;
	read_list(&list);
	list_bound(bind_spec, "", &bound);
	for (size_t i = 0; i < ARRAY_LEN(not_bound); i++)
		assert_int_equal(strv_add(&bound, not_bound[i]), 0);
	for (size_t i = 0; i < list.n; i++)
		if (!is_in(&bound, list.v[i]))
			fail_msg("the parser has no %s", list.v[i]);
	for (size_t i = 0; i < bound.n; i++)
		if (!is_in(&list, bound.v[i]))
			fail_msg("the specification's list has no %s", bound.v[i]);
}

static void every_property_has_a_row(void **state)
{
	AUTO(strv_done) struct strv list = { 0 };

	(void)state;
	read_list(&list);
	for (size_t i = 0; i < list.n; i++)
		if (!field_find(list.v[i]))
			fail_msg("no row for %s", list.v[i]);
}

static void every_row_is_a_property(void **state)
{
	AUTO(strv_done) struct strv list = { 0 }, seen = { 0 };
	const struct field_row *row;

	(void)state;
	read_list(&list);
	for (size_t i = 0; (row = field_at(i)); i++) {
		if (!is_in(&list, row->path) && !has_below(&list, row->path))
			fail_msg("%s is no property", row->path);
		if (is_in(&seen, row->path))
			fail_msg("%s has two rows", row->path);
		assert_int_equal(strv_add(&seen, row->path), 0);
		if (!row->how || !*row->how)
			fail_msg("%s does not say how, or why not", row->path);
	}
}

/* What is refused or ignored as a whole has no part that is not. */
static void sections_are_as_their_members(void **state)
{
	const struct field_row *section, *row;

	(void)state;
	for (size_t i = 0; (section = field_at(i)); i++)
		for (size_t k = 0; !field_is_honoured(section->path) && (row = field_at(k)); k++) {
			const char *rest = str_after(row->path, section->path);

			if (rest && (*rest == '.' || *rest == '[') && row->class != section->class)
				fail_msg("%s is not as %s", row->path, section->path);
		}
}

/* Our own case has the path itself; others set it with jq: its last two names must be there. */
static bool mentions(const char *text, const struct field_row *row)
{
	char path[160];
	char *name;

	if (!row->shown_by)
		return strstr(text, row->path);
	snprintf(path, sizeof(path), "%s", row->path);
	for (size_t left = 2; left > 0; left--) {
		name = strrchr(path, '.');
		name = name ? name + 1 : path;
		name[strcspn(name, "[*")] = '\0';
		if (!strstr(text, name))
			return false;
		if (name == path)
			break;
		/* A step of "*" is no name. */
		left += !*name;
		name[-1] = '\0';
	}
	return true;
}

static void an_end_to_end_case_names_each_honoured_row(void **state)
{
	const struct field_row *row;

	(void)state;
	for (size_t i = 0; (row = field_at(i)); i++) {
		AUTO(buf_done) struct buf text = { 0 };
		char file[512];

		if (!field_is_honoured(row->path) || field_is_section(row))
			continue;
		snprintf(file, sizeof(file), E2E_DIR "/%s.sh",
			row->shown_by ? row->shown_by : FIELDS_CASE);
		read_text(file, CASE_BYTES_MAX, &text);
		if (!mentions(buf_str(&text), row))
			fail_msg("%s does not mention %s", file, row->path);
	}
}

static void hooks_are_as_their_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < HOOK_KINDS; i++) {
		char path[64];

		snprintf(path, sizeof(path), "hooks.%s[].path", hook_kinds[i].name);
		assert_true(field_is_honoured(path));
	}
}

/* explain's text for a configuration; its error's message must be as given ("": none). */
static void explained(const char *text, bool strict, bool json, const char *error, struct buf *out)
{
	AUTO(spec_free) struct spec *spec = spec_of(text);
	struct err refusal = ERR_NONE, err = ERR_NONE;
	struct explanation how = { .strict = strict, .json = json, .refusal = &refusal };
	int r;

	if (spec_check(spec, NULL, &refusal) == 0 && strict)
		(void)!spec_check_strict(spec, &refusal);
	r = explain_print(spec, &how, out, &err);
	assert_int_equal(r, -err.code);
	assert_string_equal(err.code ? err.msg : "", error);
	assert_non_null(buf_str(out));
}

static void contains(const struct buf *b, const char *s)
{
	if (!strstr((const char *)b->data, s))
		fail_msg("no \"%s\" in:\n%s", s, (const char *)b->data);
}

static void lacks(const struct buf *b, const char *s)
{
	if (strstr((const char *)b->data, s))
		fail_msg("\"%s\" in:\n%s", s, (const char *)b->data);
}

static void a_bundle_is_explained(void **state)
{
	AUTO(buf_done) struct buf b = { 0 };

	(void)state;
	explained(CONFIG_PROCESS("'env':['A=1'],'apparmorProfile':'p','colour':'red',"
				 "'commandLine':'','rlimits':[],'terminal':null"),
		false, false, "", &b);
	contains(&b, "7 fields: 3 enforced in the guest, 2 on the host, 0 emulated, 1 ignored, 0 "
		     "rejected, 1 unknown\n");
	contains(&b, "process.env ");
	contains(&b, "[\"A=1\"]");
	contains(&b, "unknown   the specification does not know it");
	contains(&b, "ignored   the VM takes its place");
	lacks(&b, "commandLine");
	lacks(&b, "rlimits");
	lacks(&b, "terminal");
}

static void keys_with_dots_are_not_paths(void **state)
{
	AUTO(buf_done) struct buf b = { 0 };

	(void)state;
	explained(CONFIG(",'big':[18446744073709551616,-1e400],'process.env':1,'linux':{'resources."
			 "memory.swappiness':1}"),
		false, false, "", &b);
	contains(&b, "0 rejected, 3 unknown\n");
	contains(&b, " [18446744073709551616, -1e400] ");
}

static void a_refusal_is_at_its_field(void **state)
{
	AUTO(buf_done) struct buf first = { 0 }, second = { 0 }, third = { 0 };

	(void)state;
	explained(CONFIG_LINUX("'netDevices':{'eth0':{'name':'x'},'eth1':{}}"), false, false,
		"config.json: linux.netDevices: not supported, a device of the host cannot be "
		"moved into a guest",
		&first);
	contains(&first, "1 rejected\n");
	lacks(&first, "eth0.name");
	explained(CONFIG_LINUX("'namespaces':[{'type':'mount'},{'type':'pid','path':'/p'}]"), false,
		false,
		"config.json: linux.namespaces[1].path: not supported, a guest cannot join the "
		"host's",
		&second);
	contains(&second, "1 rejected\n");
	explained(CONFIG_LINUX("'seccomp':{'defaultAction':'SCMP_ACT_NOTIFY'}"), false, true,
		"config.json: linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default",
		&third);
	contains(&third, "\"how\": \"SCMP_ACT_NOTIFY cannot be the default\"");
	contains(&third, "\"class\": \"rejected\"");
	contains(&third, "\"runs\": false");
}

static void values_that_ask_for_nothing(void **state)
{
	AUTO(buf_done) struct buf b = { 0 };

	(void)state;
	explained(CONFIG_RESOURCES("'memory':{'kernelTCP':0,'disableOOMKiller':false},"
				   "'network':{'classID':0}"),
		true, false, "", &b);
	contains(&b, "0 rejected, 3 without effect (strict)\n");
}

static void strict_refuses_what_would_be_ignored(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ CONFIG_PROCESS("'apparmorProfile':'p'"), "process.apparmorProfile" },
		{ CONFIG_PROCESS("'selinuxLabel':'l'"), "process.selinuxLabel" },
		{ CONFIG_LINUX("'mountLabel':'l'"), "linux.mountLabel" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(buf_done) struct buf strict = { 0 }, lenient = { 0 };
		char message[ERR_MSG_MAX];

		snprintf(message, sizeof(message),
			"config.json: %s: would not be enforced (the VM takes its place), settings "
			"are strict",
			cases[i].message);
		explained(cases[i].text, true, false, message, &strict);
		contains(&strict, "0 ignored, 1 rejected (strict)\n");
		explained(cases[i].text, false, false, "", &lenient);
		contains(&lenient, "1 ignored, 0 rejected\n");
	}
}

static void strict_accepts_what_is_enforced_or_not_asked_for(void **state)
{
	AUTO(buf_done) struct buf b = { 0 };

	(void)state;
	explained(CONFIG_PROCESS("'apparmorProfile':'unconfined','noNewPrivileges':true,"
				 "'user':{'uid':1,'username':'x'}"),
		true, false, "", &b);
	contains(&b, "1 ignored, 0 rejected, 1 without effect (strict)\n");
}

/* Where all is allowed, a call without a number would be, too. */
static void a_filter_with_a_hole_is_no_filter(void **state)
{
#define FILTER(default_, action)                                                                   \
	CONFIG_LINUX("'seccomp':{'defaultAction':'" default_ "','syscalls':[{'names':['mkdir',"    \
		     "'fly'],'action':'" action "'}]}")

	static const struct {
		const char *text;
		bool hole;
	} cases[] = {
		{ FILTER("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"), true },
		{ FILTER("SCMP_ACT_LOG", "SCMP_ACT_KILL"), true },
		{ FILTER("SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW"), false },
		{ FILTER("SCMP_ACT_ERRNO", "SCMP_ACT_KILL"), false },
		{ FILTER("SCMP_ACT_ALLOW", "SCMP_ACT_LOG"), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(buf_done) struct buf b = { 0 };

		explained(cases[i].text, true, false,
			cases[i].hole ? "config.json: linux.seccomp.syscalls[0].names: would not "
					"be enforced (in part: libseccomp does not know all of "
					"these system calls), settings are strict"
				      : "",
			&b);
	}
}

static void the_value_decides(void **state)
{
	AUTO(buf_done) struct buf b = { 0 };

	(void)state;
	explained(
		CONFIG(",'mounts':[{'destination':'/a','source':'s','type':'tmpfs'},{'destination':"
		       "'/b','source':'/','options':['rbind']}],'linux':{'namespaces':[{'type':"
		       "'network','path':'/proc/1/ns/net'},{'type':'ipc'}]}"),
		true, false, "", &b);
	contains(&b, "guest     the name that the mount has in the guest\n");
	contains(&b, "host      opened by the host and shared with the guest\n");
	contains(&b, "emulated  the pod's, which is the guest's first\n");
	contains(&b, "ignored   a guest's network is its own\n");
	buf_done(&b);
	explained(CONFIG(",'linux':{'uidMappings':[{'containerID':0,'hostID':0,'size':1}],"
			 "'gidMappings':[{'containerID':0,'hostID':0,'size':1}],"
			 "'namespaces':[{'type':'network'},{'type':'user','path':'/n'}]}"),
		true, false, "", &b);
	contains(&b, "emulated  one of the guest with the same mappings, which are read from it\n");
	assert_null(strstr(buf_str(&b), "the pod's"));
}

/* Other than config.json's sections, a process file is named from its own top. */
static void a_process_file_is_held_against_the_table(void **state)
{
	static const char text[] =
		"{\"cwd\":\"/\",\"args\":[\"a\"],\"apparmorProfile\":\"p\",\"other\":1}";
	struct spec_process_file *pf = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(oci_process_parse("p.json", text, strlen(text), &pf, &err), 0);
	spec_process_file_free(pf);
}

static void long_values_are_cut(void **state)
{
	AUTO(buf_done) struct buf b = { 0 };

	(void)state;
	explained(CONFIG_PROCESS("'env':['A=\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3"
				 "\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\\n"
				 "','B=\\u001b']"),
		false, false, "", &b);
	contains(&b, "\xc3\xa4... ");
	lacks(&b, "\x1b");
}

static void the_table_is_printed(void **state)
{
	AUTO(buf_done) struct buf text = { 0 }, json = { 0 };

	(void)state;
	assert_int_equal(explain_table(false, &text), 0);
	assert_int_equal(explain_table(true, &json), 0);
	assert_non_null(buf_str(&text));
	assert_non_null(buf_str(&json));
	for (size_t i = 0; field_at(i); i++) {
		contains(&text, field_at(i)->path);
		contains(&json, field_at(i)->path);
	}
	contains(&json, "\"case\": \"" FIELDS_CASE "\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_parser_knows_all_of_the_specification),
		cmocka_unit_test(every_property_has_a_row),
		cmocka_unit_test(every_row_is_a_property),
		cmocka_unit_test(sections_are_as_their_members),
		cmocka_unit_test(an_end_to_end_case_names_each_honoured_row),
		cmocka_unit_test(hooks_are_as_their_rows),
		cmocka_unit_test(a_bundle_is_explained),
		cmocka_unit_test(keys_with_dots_are_not_paths),
		cmocka_unit_test(a_refusal_is_at_its_field),
		cmocka_unit_test(values_that_ask_for_nothing),
		cmocka_unit_test(strict_refuses_what_would_be_ignored),
		cmocka_unit_test(strict_accepts_what_is_enforced_or_not_asked_for),
		cmocka_unit_test(a_filter_with_a_hole_is_no_filter),
		cmocka_unit_test(the_value_decides),
		cmocka_unit_test(a_process_file_is_held_against_the_table),
		cmocka_unit_test(long_values_are_cut),
		cmocka_unit_test(the_table_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
