/* ps's own options: see ps_options.h. A table for each of the three kinds. */
#include "cmd/ps_options.h"

#include <stdio.h>

/* Formats and their modifiers. */
enum {
	UNIX_FULL = 1 << 0,
	UNIX_EXTRA = 1 << 1,
	UNIX_LONG = 1 << 2,
	UNIX_JOBS = 1 << 3,
	UNIX_NO_FLAGS = 1 << 4,
	UNIX_PROCESSOR = 1 << 5,
	UNIX_CLASS = 1 << 6,
};

enum bsd_format { BSD_NONE, BSD_USER, BSD_LONG, BSD_JOBS, BSD_VM, BSD_SIGNALS };

struct parser {
	const char *const *words;
	size_t count, at; /* at: the word that is read */
	bool as_bsd;	  /* whatever has one dash */
	struct ps_request *r;
	struct err *err;
	unsigned unix_format;
	enum bsd_format bsd_format;
	bool any_bsd, listed, around; /* listed: -o; around: -O */
};

/* rest: of the word, or NULL when the option ends it; for those with a value it is the value. */
typedef int option_fn(struct parser *p, const char *rest, int arg);

struct letter {
	char letter;
	bool has_value;
	option_fn *fn;
	int arg;
};

struct long_option {
	const char *name;
	bool has_value;
	option_fn *fn;
	int arg;
};

static int nothing(struct parser *p, const char *rest, int arg)
{
	(void)p, (void)rest, (void)arg;
	return 0;
}

static int all(struct parser *p, const char *rest, int arg)
{
	(void)rest, (void)arg;
	p->r->all = true;
	return 0;
}

static int deselect(struct parser *p, const char *rest, int arg)
{
	(void)rest, (void)arg;
	p->r->deselect = true;
	return 0;
}

static int running(struct parser *p, const char *rest, int arg)
{
	(void)rest, (void)arg;
	p->r->running = true;
	return 0;
}

static int true_names(struct parser *p, const char *rest, int arg)
{
	(void)rest, (void)arg;
	p->r->fields.true_names = true;
	return 0;
}

static int no_titles(struct parser *p, const char *rest, int arg)
{
	(void)rest;
	p->r->no_titles = arg;
	return 0;
}

static int tree(struct parser *p, const char *rest, int arg)
{
	(void)rest;
	p->r->tree = (enum ps_tree)arg;
	return 0;
}

static int unix_format(struct parser *p, const char *rest, int arg)
{
	(void)rest;
	p->unix_format |= (unsigned)arg;
	return 0;
}

static int bsd_format(struct parser *p, const char *rest, int arg)
{
	(void)rest;
	if (p->bsd_format && p->bsd_format != (enum bsd_format)arg)
		return err_set(p->err, EINVAL, "ps: conflicting format options");
	p->bsd_format = (enum bsd_format)arg;
	return 0;
}

static int unknown_column(struct parser *p, const char *name, size_t len)
{
	return err_set(p->err, EINVAL, "ps: unknown column \"%.*s\"", (int)len, name);
}

static int add_column(struct parser *p, struct ps_fields *to, const char *name, size_t len)
{
	/* Capitals are names of our own. */
	bool own = len && name[0] >= 'A' && name[0] <= 'Z';
	int r = own ? -ENOENT : ps_fields_add(to, name, len);

	if (r == -E2BIG)
		return err_set(p->err, E2BIG, "ps: more than %d columns", PS_COLUMNS_MAX);
	return r < 0 ? unknown_column(p, name, len) : 0;
}

/* ":20", the width, behind the name of a column. */
static int add_width(struct parser *p, struct ps_field *f, const char *text, size_t len)
{
	char digits[8];
	uint64_t width;

	snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
	if (str_to_u64(digits, &width) < 0 || width == 0 || width > 4096)
		return err_set(
			p->err, EINVAL, "ps: the width \"%.*s\" of a column", (int)len, text);
	f->width = (int)width;
	return 0;
}

/* "pid,ppid args:20 user=Who, that is": a title takes the rest, unless it is empty. */
static int columns(struct parser *p, const char *list, int around)
{
	struct ps_fields *to = &p->r->fields;

	p->listed = true;
	p->around = p->around || around;
	while (*list) {
		size_t len = strcspn(list, ", ="), name = len;
		const char *colon = memchr(list, ':', len);
		int r = 0;

		if (colon)
			name = (size_t)(colon - list);
		if (len)
			r = add_column(p, to, list, name);
		if (r == 0 && len && colon)
			r = add_width(p, &to->v[to->n - 1], colon + 1, len - name - 1);
		if (r < 0)
			return r;
		list += len;
		if (len && *list == '=') {
			struct ps_field *f = &to->v[to->n - 1];

			f->own_title = true;
			f->title = ++list;
			f->title_len = *list == ',' || *list == ' ' ? 0 : strlen(list);
			list += f->title_len;
		}
		list += *list != '\0';
	}
	return 0;
}

/* "-pcpu,+pid" */
static int sort(struct parser *p, const char *list, int arg)
{
	struct ps_fields *to = &p->r->sort;

	(void)arg;
	while (*list) {
		bool descending = *list == '-';
		size_t len;
		int r;

		list += *list == '-' || *list == '+';
		len = strcspn(list, ", ");
		r = add_column(p, to, list, len);
		if (r < 0)
			return r;
		p->r->descending[to->n - 1] = descending;
		list += len + (list[len] != '\0');
	}
	return 0;
}

static int select_value(struct parser *p, const char *word, size_t len, int kind)
{
	char text[64];
	uint64_t number;

	snprintf(text, sizeof(text), "%.*s", (int)len, word);
	if (kind == PS_SELECT_EUID || kind == PS_SELECT_RUID)
		if (streq(text, "root"))
			snprintf(text, sizeof(text), "0");
	if (kind != PS_SELECT_NAME && str_to_u64(text, &number) < 0)
		return err_set(p->err, EINVAL,
			"ps: expected a number in a list that chooses processes, got \"%s\"", text);
	return strv_add(&p->r->select[kind], text) < 0 ? err_sys(p->err, ENOMEM, "ps") : 0;
}

static int choose(struct parser *p, const char *list, int kind)
{
	int r = 0;

	while (r == 0 && *list) {
		size_t len = strcspn(list, ", ");

		if (len)
			r = select_value(p, list, len, kind);
		list += len + (list[len] != '\0');
	}
	return r;
}

static const struct letter unix_letters[] = {
	{ 'A', false, all, 0 },
	{ 'e', false, all, 0 },
	{ 'a', false, all, 0 },
	{ 'd', false, all, 0 },
	{ 'N', false, deselect, 0 },
	{ 'C', true, choose, PS_SELECT_NAME },
	{ 'p', true, choose, PS_SELECT_PID },
	{ 'q', true, choose, PS_SELECT_PID },
	{ 's', true, choose, PS_SELECT_SID },
	{ 'u', true, choose, PS_SELECT_EUID },
	{ 'U', true, choose, PS_SELECT_RUID },
	{ 'f', false, unix_format, UNIX_FULL },
	{ 'F', false, unix_format, UNIX_FULL | UNIX_EXTRA },
	{ 'l', false, unix_format, UNIX_LONG },
	{ 'j', false, unix_format, UNIX_JOBS },
	{ 'y', false, unix_format, UNIX_NO_FLAGS },
	{ 'P', false, unix_format, UNIX_PROCESSOR },
	{ 'c', false, unix_format, UNIX_CLASS },
	{ 'o', true, columns, false },
	{ 'O', true, columns, true },
	{ 'H', false, tree, PS_TREE_INDENTED },
	{ 'w', false, nothing, 0 },
	{ 0 },
};

/* "e" would show environments, which are not for everybody who may look at the host's log. */
static const struct letter bsd_letters[] = {
	{ 'a', false, all, 0 },
	{ 'x', false, all, 0 },
	{ 'g', false, all, 0 },
	{ 'r', false, running, 0 },
	{ 'p', true, choose, PS_SELECT_PID },
	{ 'q', true, choose, PS_SELECT_PID },
	{ 'U', true, choose, PS_SELECT_EUID },
	{ 'u', false, bsd_format, BSD_USER },
	{ 'l', false, bsd_format, BSD_LONG },
	{ 'j', false, bsd_format, BSD_JOBS },
	{ 'v', false, bsd_format, BSD_VM },
	{ 's', false, bsd_format, BSD_SIGNALS },
	{ 'o', true, columns, false },
	{ 'k', true, sort, 0 },
	{ 'c', false, true_names, 0 },
	{ 'f', false, tree, PS_TREE_DRAWN },
	{ 'h', false, no_titles, true },
	{ 'e', false, nothing, 0 },
	{ 'n', false, nothing, 0 },
	{ 'w', false, nothing, 0 },
	{ 'S', false, nothing, 0 },
	{ 0 },
};

static const struct long_option long_options[] = {
	{ "deselect", false, deselect, 0 },
	{ "pid", true, choose, PS_SELECT_PID },
	{ "quick-pid", true, choose, PS_SELECT_PID },
	{ "ppid", true, choose, PS_SELECT_PPID },
	{ "sid", true, choose, PS_SELECT_SID },
	{ "user", true, choose, PS_SELECT_EUID },
	{ "User", true, choose, PS_SELECT_RUID },
	{ "format", true, columns, false },
	{ "sort", true, sort, 0 },
	{ "forest", false, tree, PS_TREE_DRAWN },
	{ "headers", false, no_titles, false },
	{ "no-headers", false, no_titles, true },
	{ "no-headings", false, no_titles, true },
	{ "noheaders", false, no_titles, true },
	{ "noheading", false, no_titles, true },
	{ "noheadings", false, no_titles, true },
	{ "cols", true, nothing, 0 },
	{ "columns", true, nothing, 0 },
	{ "width", true, nothing, 0 },
	{ "cumulative", false, nothing, 0 },
	{ NULL, false, NULL, 0 },
};

static int unknown(struct parser *p, const char *word)
{
	return err_set(p->err, EINVAL, "ps: option \"%s\": not known here", word);
}

/* The value of an option: rest, or the next word. */
static int value_of(struct parser *p, const char *option, const char *rest, const char **ret)
{
	if (!rest && p->at + 1 < p->count)
		rest = p->words[++p->at];
	*ret = rest;
	return rest && *rest ? 0
			     : err_set(p->err, EINVAL, "ps: option \"%s\" needs a value", option);
}

static int parse_letters(
	struct parser *p, const char *word, const char *letters, const struct letter *table)
{
	for (const char *at = letters; *at; at++) {
		const struct letter *l = table;
		const char *rest = at[1] ? at + 1 : NULL;
		int r = 0;

		while (l->letter && l->letter != *at)
			l++;
		if (!l->letter)
			return unknown(p, word);
		if (l->has_value)
			r = value_of(p, word, rest, &rest);
		if (r == 0)
			r = l->fn(p, rest, l->arg);
		if (r < 0 || l->has_value)
			return r;
	}
	return 0;
}

static int parse_long(struct parser *p, const char *word)
{
	const char *name = word + 2, *rest;
	size_t len = strcspn(name, "=");
	const struct long_option *l = long_options;
	int r;

	while (l->name && !(strncmp(l->name, name, len) == 0 && l->name[len] == '\0'))
		l++;
	if (!l->name || (!l->has_value && name[len]))
		return unknown(p, word);
	if (!l->has_value)
		return l->fn(p, NULL, l->arg);
	r = value_of(p, word, name[len] ? name + len + 1 : NULL, &rest);
	return r ? r : l->fn(p, rest, l->arg);
}

static int parse_word(struct parser *p, const char *word)
{
	bool dashed = word[0] == '-';

	if (dashed && word[1] == '-')
		return parse_long(p, word);
	if (dashed && !p->as_bsd)
		return word[1] ? parse_letters(p, word, word + 1, unix_letters) : unknown(p, word);
	if (*word >= '0' && *word <= '9')
		return choose(p, word, PS_SELECT_PID);
	p->any_bsd = true;
	return parse_letters(p, word, word + dashed, bsd_letters);
}

static void add(struct ps_fields *to, const char *names)
{
	while (*names) {
		size_t len = strcspn(names, " ");

		/* All of these are there, and fewer than there is room for. */
		(void)!ps_fields_add(to, names, len);
		names += len + (names[len] != '\0');
	}
}

static void add_unix(struct ps_fields *to, unsigned f)
{
	bool full = f & UNIX_FULL, in_long = f & UNIX_LONG, plain = f & UNIX_NO_FLAGS;

	if (in_long)
		add(to, plain ? "s" : "f s");
	if (full || in_long)
		add(to, full ? "UID pid ppid" : "uid pid ppid");
	else
		add(to, "pid");
	if (f & UNIX_JOBS)
		add(to, "pgid sid");
	if (f & UNIX_PROCESSOR)
		add(to, "psr");
	if (f & UNIX_CLASS)
		add(to, "cls pri");
	else if (full || in_long)
		add(to, in_long ? "c opri ni" : "c");
	if (in_long)
		add(to, plain ? "rss sz wchan" : "ADDR sz wchan");
	else if (f & UNIX_EXTRA)
		add(to, "sz rss psr");
	add(to, full ? "stime tname time cmd" : "tname time ucmd");
}

static void add_bsd(struct ps_fields *to, enum bsd_format f)
{
	static const char *const formats[] = {
		[BSD_NONE] = "pid tname stat bsdtime args",
		[BSD_USER] = "user pid %cpu %mem vsz rss tname stat start_time bsdtime args",
		[BSD_LONG] = "f uid pid ppid priority ni vsz rss wchan stat tname bsdtime args",
		[BSD_JOBS] = "ppid pid pgid sid tname tpgid stat uid bsdtime args",
		[BSD_VM] = "pid tname stat bsdtime maj_flt TRS drs rss %mem args",
		[BSD_SIGNALS] = "uid pid pending blocked ignored caught stat tname bsdtime args",
	};

	add(to, formats[f]);
}

/* What is printed, once all options are known. */
static int choose_format(struct parser *p)
{
	struct ps_fields *to = &p->r->fields, own = *to;

	if ((p->unix_format != 0) + (p->bsd_format != BSD_NONE) + p->listed > 1)
		return err_set(p->err, EINVAL, "ps: conflicting format options");
	if (p->around) {
		to->n = 0;
		add(to, "pid");
		for (size_t i = 0; i < own.n && to->n < PS_COLUMNS_MAX; i++)
			to->v[to->n++] = own.v[i];
		add(to, "s tname time command");
	} else if (p->listed) {
		return to->n ? 0 : err_set(p->err, EINVAL, "ps: an empty list of columns");
	} else if (p->bsd_format || (p->any_bsd && !p->unix_format)) {
		add_bsd(to, p->bsd_format);
	} else {
		add_unix(to, p->count ? p->unix_format : UNIX_FULL);
	}
	return 0;
}

static int parse_as(struct parser *p, bool as_bsd)
{
	int r = 0;

	p->as_bsd = as_bsd;
	for (p->at = 0; r == 0 && p->at < p->count; p->at++)
		r = parse_word(p, p->words[p->at]);
	return r;
}

int ps_options_parse(
	const char *const *words, size_t count, struct ps_request *ret, struct err *err)
{
	struct parser p = { .words = words, .count = count, .r = ret, .err = err };
	struct err second = ERR_NONE;
	struct parser again = p;
	int r;

	*ret = (struct ps_request){ 0 };
	r = parse_as(&p, false);
	if (r < 0) {
		ps_request_done(ret);
		again.err = &second;
		if (parse_as(&again, true) == 0) {
			err_clear(err);
			again.err = err;
			p = again;
			r = 0;
		}
	}
	if (r == 0)
		r = choose_format(&p);
	if (r < 0)
		ps_request_done(ret);
	return r;
}

void ps_request_done(struct ps_request *r)
{
	for (int i = 0; i < PS_SELECTS; i++)
		strv_done(&r->select[i]);
	*r = (struct ps_request){ 0 };
}
