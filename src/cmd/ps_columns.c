/* Columns of ps: see ps_columns.h. A row for each column that there is. */
#include "cmd/ps_columns.h"

#include "base/auto.h"
#include "base/str.h"

#include <stdio.h>
#include <time.h>

#define NS_PER_S 1000000000
#define DAY_S	 86400

typedef int value_fn(const struct process_info *p, int64_t now_ns, struct buf *out);

struct ps_column {
	const char *names; /* of -o, with blanks around each */
	const char *title;
	int width; /* negative: to the left */
	value_fn *print;
};

static int64_t age_s(const struct process_info *p, int64_t now_ns)
{
	int64_t age;

	if (__builtin_sub_overflow(now_ns, p->started_at_ns, &age) || age < 0)
		return 0;
	return age / NS_PER_S;
}

/* Root's name is the same everywhere; others are known to the container only. */
static int put_user(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	(void)now_ns;
	return p->uid == 0 ? buf_append_str(out, "root") : buf_printf(out, "%u", p->uid);
}

static int put_uid(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	(void)now_ns;
	return buf_printf(out, "%u", p->uid);
}

static int put_pid(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	(void)now_ns;
	return buf_printf(out, "%u", p->pid);
}

static int put_ppid(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	(void)now_ns;
	return buf_printf(out, "%u", p->ppid);
}

/* Share of one CPU over its life, in percent. */
static uint64_t cpu_tenths(const struct process_info *p, int64_t now_ns)
{
	uint64_t age = (uint64_t)age_s(p, now_ns);

	return age && p->cpu_ms < UINT64_MAX ? p->cpu_ms / age : 0;
}

static int put_c(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	uint64_t percent = cpu_tenths(p, now_ns) / 10;

	return buf_printf(out, "%u", percent > 99 ? 99 : (unsigned)percent);
}

static int put_percent(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	uint64_t tenths = cpu_tenths(p, now_ns);

	return buf_printf(out, "%llu.%llu", (unsigned long long)(tenths / 10),
		(unsigned long long)(tenths % 10));
}

/* The time of the day, or the day when it was another. */
static int put_start(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	time_t at = (time_t)(p->started_at_ns / NS_PER_S);
	char text[16];
	struct tm tm;

	if (!localtime_r(&at, &tm) ||
		!strftime(text, sizeof(text), age_s(p, now_ns) < DAY_S ? "%H:%M" : "%b%d", &tm))
		return buf_append_str(out, "?");
	return buf_append_str(out, text);
}

static int put_clock(struct buf *out, uint64_t s)
{
	if (s >= DAY_S)
		return buf_printf(out, "%llu-%02u:%02u:%02u", (unsigned long long)(s / DAY_S),
			(unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
	return buf_printf(out, "%02u:%02u:%02u", (unsigned)(s / 3600), (unsigned)(s / 60 % 60),
		(unsigned)(s % 60));
}

static int put_time(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	(void)now_ns;
	return put_clock(out, p->cpu_ms / 1000);
}

static int put_elapsed(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	uint64_t s = (uint64_t)age_s(p, now_ns);

	if (s >= 3600)
		return put_clock(out, s);
	return buf_printf(out, "%02u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
}

static int put_tty(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	(void)now_ns;
	return buf_append_str(out, *p->terminal ? p->terminal : "?");
}

static int put_state(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	(void)now_ns;
	return buf_printf(out, "%c", p->state);
}

static int put_threads(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	(void)now_ns;
	return buf_printf(out, "%u", p->threads);
}

static int put_command(const struct process_info *p, int64_t now_ns, struct buf *out)
{
	(void)now_ns;
	return buf_append_str(out, p->command);
}

static const struct ps_column all[] = {
	{ " user euser ruser uname ", "USER", -8, put_user },
	{ " UID ", "UID", -8, put_user },
	{ " uid euid ruid ", "UID", 5, put_uid },
	{ " pid tgid ", "PID", 7, put_pid },
	{ " ppid ", "PPID", 7, put_ppid },
	{ " c ", "C", 2, put_c },
	{ " pcpu %cpu ", "%CPU", 4, put_percent },
	{ " stime start_time start lstart bsdstart ", "STIME", 5, put_start },
	{ " tty tt tname ", "TTY", -8, put_tty },
	{ " time cputime bsdtime ", "TIME", 8, put_time },
	{ " etime ", "ELAPSED", 11, put_elapsed },
	{ " s state stat ", "S", -1, put_state },
	{ " nlwp thcount ", "NLWP", 4, put_threads },
	{ " cmd args command comm ucmd ", "CMD", -1, put_command },
};

static const struct ps_column *find(const char *name, size_t len)
{
	char word[24];

	if (len + 2 >= sizeof(word))
		return NULL;
	snprintf(word, sizeof(word), " %.*s ", (int)len, name);
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (strstr(all[i].names, word))
			return &all[i];
	return NULL;
}

static int add(struct ps_columns *to, const char *name, size_t len, struct err *err)
{
	const struct ps_column *column = find(name, len);

	if (!column || to->n == PS_COLUMNS_MAX)
		return err_set(err, EINVAL, "ps: unknown column \"%.*s\"", (int)len, name);
	to->v[to->n++] = column;
	return 0;
}

/* "pid,ppid args=": titles of one's own only as far as there are to be none. */
static int add_list(struct ps_columns *to, const char *list, struct err *err)
{
	while (*list) {
		size_t len = strcspn(list, ", ="), skip = len;
		int r = len ? add(to, list, len, err) : 0;

		if (r < 0)
			return r;
		if (list[len] == '=') {
			skip = len + 1;
			if (list[skip] && list[skip] != ',' && list[skip] != ' ')
				return err_set(err, EINVAL,
					"ps: titles cannot be chosen, only left out: \"%s\"", list);
		} else if (len) {
			to->header = true;
		}
		list += skip + (list[skip] != '\0');
	}
	return 0;
}

static int add_words(struct ps_columns *to, const char *words)
{
	struct err ignored = ERR_NONE;

	return add_list(to, words, &ignored);
}

/*
 * The letters of one option; "o" takes the rest, or the next word. *own: columns were listed.
 * Returns 1 when the next word is used up, too.
 */
static int take_letters(const char *option, const char *next, struct ps_columns *to,
	const char **format, struct err *err)
{
	for (const char *at = option + (*option == '-'); *at; at++) {
		if (*at == 'o') {
			const char *list = at[1] ? at + 1 : next;
			int r = list ? add_list(to, list, err)
				     : err_set(err, EINVAL, "ps: -o needs a list of columns");

			return r < 0 ? r : !at[1];
		}
		if (*at == 'f' || *at == 'F' || *at == 'l')
			*format = "UID pid ppid c stime tty time cmd";
		else if (*at == 'u' && *option != '-')
			*format = "user pid pcpu tty stat start_time time cmd";
		else if (!strchr("eAaxwd", *at))
			return err_set(err, EINVAL,
				"ps: option \"%s\": only -e, -f, u and -o with a list of columns "
				"are known here",
				option);
	}
	return 0;
}

int ps_columns_choose(
	const char *const *options, size_t count, struct ps_columns *ret, struct err *err)
{
	const char *format = count ? "pid tty time cmd" : "UID pid ppid c stime tty time cmd";

	*ret = (struct ps_columns){ 0 };
	for (size_t i = 0; i < count; i++) {
		const char *next = i + 1 < count ? options[i + 1] : NULL;
		int r = take_letters(options[i], next, ret, &format, err);

		if (r < 0)
			return r;
		i += (size_t)r;
	}
	return ret->n ? 0 : add_words(ret, format);
}

/* The last column is as long as it likes. */
static int put_cell(struct buf *out, const struct ps_column *c, const char *text, bool last)
{
	if (last && c->width < 0)
		return buf_printf(out, "%s\n", text);
	return buf_printf(out, "%*s%c", c->width, text, last ? '\n' : ' ');
}

int ps_columns_print(const struct ps_columns *columns, const struct process_list *list,
	int64_t now_ns, struct buf *out)
{
	AUTO(buf_done) struct buf cell = { 0 };
	int r = 0;

	for (size_t k = 0; columns->header && r == 0 && k < columns->n; k++)
		r = put_cell(out, columns->v[k], columns->v[k]->title, k + 1 == columns->n);
	for (size_t i = 0; r == 0 && i < list->n; i++) {
		for (size_t k = 0; r == 0 && k < columns->n; k++) {
			cell.len = 0;
			r = columns->v[k]->print(&list->v[i], now_ns, &cell);
			if (r == 0 && !buf_str(&cell))
				r = -ENOMEM;
			if (r == 0)
				r = put_cell(out, columns->v[k], (const char *)cell.data,
					k + 1 == columns->n);
		}
	}
	return r;
}
