/* Options: see opt.h. */
#include "cmd/opt.h"

#include <stdio.h>
#include <string.h>

static int find_name(const struct opt *table, const char *name, size_t len)
{
	for (int i = 0; table && table[i].name; i++)
		if (strncmp(table[i].name, name, len) == 0 && table[i].name[len] == '\0')
			return i;
	return -1;
}

static int find_letter(const struct opt *table, char letter)
{
	for (int i = 0; table && table[i].name; i++)
		if (table[i].letter == letter)
			return i;
	return -1;
}

static int set_flag(const struct opt *o, const char *text, union opt_value *v, struct err *err)
{
	if (text && !streq(text, "true") && !streq(text, "false"))
		return err_set(err, EINVAL, "--%s takes no value", o->name);
	v->flag = !text || streq(text, "true");
	return 0;
}

static int set(const struct opt *o, const char *text, union opt_value *v, struct err *err)
{
	switch (o->type) {
	case OPT_FLAG:
		return set_flag(o, text, v, err);
	case OPT_TEXT:
		v->text = text;
		return 0;
	case OPT_NUMBER:
		if (str_to_u64(text, &v->number) < 0)
			return err_set(
				err, EINVAL, "--%s: expected a number, got \"%s\"", o->name, text);
		return 0;
	case OPT_LIST:
		return strv_add(&v->list, text) < 0 ? err_sys(err, ENOMEM, "--%s", o->name) : 0;
	}
	return 0;
}

/* An option at argv[*i]; *i ends at the last word that it took. */
static int parse_option(const struct opt *table, int argc, char *const *argv, int *i,
	union opt_value *values, struct err *err)
{
	const char *word = argv[*i], *text = NULL;
	int row;

	if (word[1] == '-') {
		size_t len = strcspn(word + 2, "=");

		row = find_name(table, word + 2, len);
		if (word[2 + len] == '=')
			text = word + 2 + len + 1;
	} else {
		row = find_letter(table, word[1]);
		if (word[2])
			text = word + 2 + (word[2] == '=');
	}
	if (row < 0)
		return err_set(err, EINVAL, "unknown option %s", word);
	if (!text && table[row].type != OPT_FLAG) {
		if (*i + 1 >= argc)
			return err_set(err, EINVAL, "%s needs a value", word);
		text = argv[++*i];
	}
	return set(&table[row], text, &values[row], err);
}

int opt_parse(const struct opt *table, int argc, char *const *argv, unsigned stop_at,
	union opt_value *values, struct strv *args, struct err *err)
{
	bool options = true;

	for (int i = 0; i < argc; i++) {
		int r;

		if (args->n >= stop_at && stop_at)
			options = false;
		if (options && streq(argv[i], "--")) {
			options = false;
			continue;
		}
		if (options && argv[i][0] == '-' && argv[i][1])
			r = parse_option(table, argc, argv, &i, values, err);
		else
			r = strv_add(args, argv[i]) < 0 ? err_sys(err, ENOMEM, "arguments") : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

void opt_done(const struct opt *table, union opt_value *values)
{
	for (int i = 0; table && table[i].name; i++)
		if (table[i].type == OPT_LIST)
			strv_done(&values[i].list);
}

void opt_print_help(const struct opt *table)
{
	for (int i = 0; table && table[i].name; i++) {
		const struct opt *o = &table[i];
		char left[48];

		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
			o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
			o->argument ? " " : "", o->argument ? o->argument : "");
		printf("  %-32s %s\n", left, o->help);
	}
}
