/* Columns of ps: see ps_columns.h. A row for each column that there is. */
#include "cmd/ps_columns.h"

#include "base/auto.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define NS_PER_S   1000000000
#define DAY_S	   86400
#define PAGE_BYTES 4096

/* One value at work. */
struct cell {
	const struct process_info *p;
	const struct process_list *list;
	const struct ps_host *host;
	const char *branch;
	bool true_names;
};

typedef int value_fn(const struct cell *c, struct buf *out);

/* How a column stands. Texts of any length are cut, unless they are the last of the line. */
enum side { RIGHT, LEFT, CUT };

struct ps_column {
	const char *names; /* of -o, with blanks around each */
	const char *title;
	int width; /* 0: of process numbers */
	enum side side;
	value_fn *print;
};

static int64_t age_s(const struct cell *c)
{
	int64_t age;

	if (__builtin_sub_overflow(c->host->now_ns, c->p->started_at_ns, &age) || age < 0)
		return 0;
	return age / NS_PER_S;
}

static int put_u64(struct buf *out, uint64_t value)
{
	return buf_printf(out, "%" PRIu64, value);
}

#define NUMBER(name, expression)                                                                   \
	static int put_##name(const struct cell *c, struct buf *out)                               \
	{                                                                                          \
		return buf_printf(out, "%" PRId64, (int64_t)(expression));                         \
	}

NUMBER(pid, c->p->pid)
NUMBER(ppid, c->p->ppid)
NUMBER(pgid, c->p->pgid)
NUMBER(sid, c->p->sid)
NUMBER(tpgid, c->p->tpgid)
NUMBER(ruid, c->p->uid)
NUMBER(euid, c->p->euid)
NUMBER(rgid, c->p->gid)
NUMBER(egid, c->p->egid)
NUMBER(threads, c->p->threads)
NUMBER(nice, c->p->nice)
NUMBER(pri, 39 - (int64_t)c->p->priority)
NUMBER(priority, c->p->priority)
NUMBER(opri, 60 + (int64_t)c->p->priority)
NUMBER(policy, c->p->policy)
NUMBER(processor, c->p->processor)
NUMBER(flags, c->p->flags >> 6 & 7)
NUMBER(minor_faults, c->p->minor_faults)
NUMBER(major_faults, c->p->major_faults)
NUMBER(vsz, c->p->virtual_bytes >> 10)
NUMBER(rss, c->p->resident_bytes >> 10)
NUMBER(pages, c->p->virtual_bytes / PAGE_BYTES)
NUMBER(trs, c->p->text_bytes >> 10)
NUMBER(drs, (c->p->virtual_bytes - c->p->text_bytes) >> 10)
NUMBER(elapsed_s, age_s(c))
NUMBER(cpu_s, c->p->cpu_ms / 1000)

#define SIGNALS(name)                                                                              \
	static int put_##name(const struct cell *c, struct buf *out)                               \
	{                                                                                          \
		return buf_printf(out, "%016" PRIx64, c->p->name##_signals);                       \
	}

SIGNALS(pending)
SIGNALS(blocked)
SIGNALS(ignored)
SIGNALS(caught)

/* Root's name is the same everywhere; others are known to the container only. */
static int put_name(struct buf *out, uint32_t id)
{
	return id == 0 ? buf_append_str(out, "root") : put_u64(out, id);
}

static int put_euser(const struct cell *c, struct buf *out)
{
	return put_name(out, c->p->euid);
}

static int put_ruser(const struct cell *c, struct buf *out)
{
	return put_name(out, c->p->uid);
}

static int put_egroup(const struct cell *c, struct buf *out)
{
	return put_name(out, c->p->egid);
}

static int put_rgroup(const struct cell *c, struct buf *out)
{
	return put_name(out, c->p->gid);
}

static int put_none(const struct cell *c, struct buf *out)
{
	(void)c;
	return buf_append_str(out, "-");
}

static int put_rt_priority(const struct cell *c, struct buf *out)
{
	return c->p->rt_priority ? put_u64(out, c->p->rt_priority) : put_none(c, out);
}

/* sched(7) */
static int put_class(const struct cell *c, struct buf *out)
{
	static const char *const names[] = { "TS", "FF", "RR", "B", "ISO", "IDL", "DLN" };

	return buf_append_str(out, c->p->policy < ARRAY_LEN(names) ? names[c->p->policy] : "?");
}

/* Share of one CPU over its life, in tenths of a percent. */
static uint64_t cpu_tenths(const struct cell *c)
{
	uint64_t age = (uint64_t)age_s(c);

	return age && c->p->cpu_ms < UINT64_MAX ? c->p->cpu_ms / age : 0;
}

static int put_c(const struct cell *c, struct buf *out)
{
	uint64_t percent = cpu_tenths(c) / 10;

	return put_u64(out, percent > 99 ? 99 : percent);
}

/* Four characters wide: a thousand tenths leave no room for the last one. */
static int put_tenths(struct buf *out, uint64_t tenths)
{
	if (tenths > 999)
		return put_u64(out, tenths / 10);
	return buf_printf(out, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

static int put_cpu(const struct cell *c, struct buf *out)
{
	return put_tenths(out, cpu_tenths(c));
}

static int put_memory(const struct cell *c, struct buf *out)
{
	uint64_t part = c->list->memory_bytes / 1000, tenths = 0;

	if (part)
		tenths = c->p->resident_bytes / part;
	return put_tenths(out, tenths > 999 ? 999 : tenths);
}

/* A format of strftime(3) for the time it was started. */
#define put_moment(c, out, format)                                                                 \
	({                                                                                         \
		char text_[40];                                                                    \
		struct tm tm_;                                                                     \
		bool ok_ = local_time((c)->p->started_at_ns, &tm_) &&                              \
			   strftime(text_, sizeof(text_), format, &tm_);                           \
		buf_append_str(out, ok_ ? text_ : "?");                                            \
	})

static bool local_time(int64_t ns, struct tm *ret)
{
	time_t at = (time_t)(ns / NS_PER_S);

	return localtime_r(&at, ret) != NULL;
}

/* The time of the day, or the day when it was another, or the year. */
static int put_start_time(const struct cell *c, struct buf *out)
{
	struct tm then, today;

	if (!local_time(c->p->started_at_ns, &then) || !local_time(c->host->now_ns, &today))
		return buf_append_str(out, "?");
	if (then.tm_year != today.tm_year)
		return put_moment(c, out, "%Y");
	return then.tm_yday == today.tm_yday ? put_moment(c, out, "%H:%M")
					     : put_moment(c, out, "%b%d");
}

static int put_start(const struct cell *c, struct buf *out)
{
	return age_s(c) < DAY_S ? put_moment(c, out, "%H:%M:%S") : put_moment(c, out, "  %b %d");
}

static int put_bsd_start(const struct cell *c, struct buf *out)
{
	return age_s(c) < DAY_S ? put_moment(c, out, " %H:%M") : put_moment(c, out, "%b %d");
}

static int put_long_start(const struct cell *c, struct buf *out)
{
	return put_moment(c, out, "%a %b %e %H:%M:%S %Y");
}

static int put_clock(struct buf *out, uint64_t s)
{
	if (s >= DAY_S)
		return buf_printf(out, "%" PRIu64 "-%02u:%02u:%02u", s / DAY_S,
			(unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60), (unsigned)(s % 60));
	return buf_printf(out, "%02u:%02u:%02u", (unsigned)(s / 3600), (unsigned)(s / 60 % 60),
		(unsigned)(s % 60));
}

static int put_time(const struct cell *c, struct buf *out)
{
	return put_clock(out, c->p->cpu_ms / 1000);
}

static int put_bsd_time(const struct cell *c, struct buf *out)
{
	uint64_t s = c->p->cpu_ms / 1000;

	return buf_printf(out, "%3" PRIu64 ":%02u", s / 60, (unsigned)(s % 60));
}

static int put_elapsed(const struct cell *c, struct buf *out)
{
	uint64_t s = (uint64_t)age_s(c);

	if (s >= 3600)
		return put_clock(out, s);
	return buf_printf(out, "%02u:%02u", (unsigned)(s / 60), (unsigned)(s % 60));
}

static int put_tty(const struct cell *c, struct buf *out)
{
	return buf_append_str(out, *c->p->terminal ? c->p->terminal : "?");
}

static int put_state(const struct cell *c, struct buf *out)
{
	return buf_append(out, &c->p->state, 1);
}

static int put_stat(const struct cell *c, struct buf *out)
{
	const struct process_info *p = c->p;

	return buf_printf(out, "%c%s%s%s%s%s", p->state,
		p->nice < 0   ? "<"
		: p->nice > 0 ? "N"
			      : "",
		p->locked ? "L" : "", p->sid == p->pid ? "s" : "", p->threads > 1 ? "l" : "",
		p->tpgid > 0 && (uint32_t)p->tpgid == p->pgid ? "+" : "");
}

static int put_wchan(const struct cell *c, struct buf *out)
{
	return buf_append_str(out, *c->p->wait_channel ? c->p->wait_channel : "-");
}

static const char *end_of(const struct process_info *p)
{
	return p->state == 'Z' ? " <defunct>" : "";
}

static int put_program(const struct cell *c, struct buf *out)
{
	return buf_printf(out, "%s%s%s", c->branch, c->p->name, end_of(c->p));
}

static int put_short_name(const struct cell *c, struct buf *out)
{
	return buf_printf(out, "%.8s", c->p->name);
}

static int put_args(const struct cell *c, struct buf *out)
{
	if (c->true_names)
		return put_program(c, out);
	return buf_printf(out, "%s%s%s", c->branch, c->p->command, end_of(c->p));
}

static const struct ps_column all[] = {
	{ " user euser uname ", NULL, 8, LEFT, put_euser },
	{ " UID ", "UID", 8, LEFT, put_euser }, /* of -f, not for -o */
	{ " ruser ", NULL, 8, LEFT, put_ruser },
	{ " group egroup ", NULL, 8, LEFT, put_egroup },
	{ " rgroup ", NULL, 8, LEFT, put_rgroup },
	{ " uid euid ", NULL, 5, RIGHT, put_euid },
	{ " ruid ", NULL, 5, RIGHT, put_ruid },
	{ " gid egid ", NULL, 5, RIGHT, put_egid },
	{ " rgid ", NULL, 5, RIGHT, put_rgid },
	{ " pid tgid ", NULL, 0, RIGHT, put_pid },
	{ " ppid ", NULL, 0, RIGHT, put_ppid },
	{ " pgid pgrp ", NULL, 0, RIGHT, put_pgid },
	{ " sid sess ", NULL, 0, RIGHT, put_sid },
	{ " session ", "SESS", 0, RIGHT, put_sid },
	{ " tpgid ", NULL, 0, RIGHT, put_tpgid },
	{ " c ", NULL, 2, RIGHT, put_c },
	{ " pcpu %cpu ", "%CPU", 4, RIGHT, put_cpu },
	{ " pmem %mem ", "%MEM", 4, RIGHT, put_memory },
	{ " stime ", NULL, 5, RIGHT, put_start_time },
	{ " start_time ", "START", 5, RIGHT, put_start_time },
	{ " start ", "STARTED", 8, RIGHT, put_start },
	{ " bsdstart ", "START", 6, RIGHT, put_bsd_start },
	{ " lstart ", "STARTED", 24, RIGHT, put_long_start },
	{ " tname ", "TTY", 8, LEFT, put_tty },
	{ " tty tt ", "TT", 8, LEFT, put_tty },
	{ " time cputime ", "TIME", 8, RIGHT, put_time },
	{ " times cputimes ", "TIME", 8, RIGHT, put_cpu_s },
	{ " bsdtime ", "TIME", 6, RIGHT, put_bsd_time },
	{ " etime ", "ELAPSED", 11, RIGHT, put_elapsed },
	{ " etimes ", "ELAPSED", 7, RIGHT, put_elapsed_s },
	{ " s state ", "S", 1, LEFT, put_state },
	{ " stat ", NULL, 4, LEFT, put_stat },
	{ " nlwp ", NULL, 4, RIGHT, put_threads },
	{ " thcount ", "THCNT", 5, RIGHT, put_threads },
	{ " ni nice ", "NI", 3, RIGHT, put_nice },
	{ " pri ", NULL, 3, RIGHT, put_pri },
	{ " priority ", "PRI", 3, RIGHT, put_priority },
	{ " opri ", "PRI", 3, RIGHT, put_opri },
	{ " rtprio ", NULL, 6, RIGHT, put_rt_priority },
	{ " cls class ", "CLS", 3, LEFT, put_class },
	{ " policy ", "POL", 3, LEFT, put_class },
	{ " sched ", "SCH", 3, RIGHT, put_policy },
	{ " psr ", NULL, 3, RIGHT, put_processor },
	{ " f flag flags ", "F", 1, RIGHT, put_flags },
	{ " maj_flt ", "MAJFL", 6, RIGHT, put_major_faults },
	{ " majflt ", NULL, 6, RIGHT, put_major_faults },
	{ " min_flt ", "MINFL", 6, RIGHT, put_minor_faults },
	{ " minflt ", NULL, 6, RIGHT, put_minor_faults },
	{ " vsz vsize ", "VSZ", 6, RIGHT, put_vsz },
	{ " rss rssize ", "RSS", 5, RIGHT, put_rss },
	{ " rsz ", NULL, 5, RIGHT, put_rss },
	{ " sz ", NULL, 5, RIGHT, put_pages },
	{ " trs ", NULL, 4, RIGHT, put_trs },
	{ " TRS ", "TRS", 5, RIGHT, put_trs }, /* of v */
	{ " drs ", NULL, 5, RIGHT, put_drs },
	{ " pending tsig ", "PENDING", 16, RIGHT, put_pending },
	{ " blocked ", NULL, 16, RIGHT, put_blocked },
	{ " ignored ", NULL, 16, RIGHT, put_ignored },
	{ " caught ", NULL, 16, RIGHT, put_caught },
	{ " ADDR ", "ADDR", 1, RIGHT, put_none }, /* of -l */
	{ " addr ", NULL, 4, RIGHT, put_none },
	{ " label ", NULL, 31, LEFT, put_none },
	{ " wchan ", NULL, 6, CUT, put_wchan },
	{ " comm ucomm ", "COMMAND", 15, CUT, put_program },
	{ " ucmd ", "CMD", 15, CUT, put_program },
	{ " fname ", "COMMAND", 8, CUT, put_short_name },
	{ " args command ", "COMMAND", 27, CUT, put_args },
	{ " cmd ", NULL, 27, CUT, put_args },
};

static const struct ps_column *find(const char *name, size_t len, const char **ret_name)
{
	char word[24];

	if (len == 0 || len + 2 >= sizeof(word))
		return NULL;
	snprintf(word, sizeof(word), " %.*s ", (int)len, name);
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		*ret_name = strstr(all[i].names, word);
		if (*ret_name) {
			(*ret_name)++;
			return &all[i];
		}
	}
	return NULL;
}

int ps_fields_add(struct ps_fields *to, const char *name, size_t len)
{
	const char *known;
	const struct ps_column *column = find(name, len, &known);

	if (!column)
		return -ENOENT;
	if (to->n == PS_COLUMNS_MAX)
		return -E2BIG;
	to->v[to->n++] = (struct ps_field){
		.column = column,
		.width = column->width,
		/* Without a title of its own, one is called as it was asked for. */
		.title = column->title ? column->title : known,
		.title_len = column->title ? strlen(column->title) : len,
	};
	return 0;
}

/* A line as procps sets it: a cell that is too long takes its room from those behind it. */
struct line {
	struct buf *out;
	int actual, correct; /* where we are, where we should be */
};

static int put_cell(struct line *l, int width, enum side side, bool last, const struct buf *text)
{
	int len = (int)text->len, space = l->correct - l->actual, least = l->correct > 0;

	if (side == CUT && !last && len > width)
		len = width;
	if (side == RIGHT && len < width)
		space += width - len;
	if (space < least)
		space = least;
	l->actual += space + len;
	l->correct += width + 1;
	return buf_printf(
		l->out, "%*s%.*s%s", space, "", len, (const char *)text->data, last ? "\n" : "");
}

static int width_of(const struct ps_field *f, const struct ps_host *host)
{
	int width = f->width ? f->width : host->pid_width;

	return f->own_title && (int)f->title_len > width ? (int)f->title_len : width;
}

static int put_title(const struct ps_field *f, struct buf *out)
{
	int r = buf_append(out, f->title, f->title_len);

	for (size_t i = 0; r == 0 && !f->own_title && i < out->len; i++)
		if (out->data[i] >= 'a' && out->data[i] <= 'z')
			out->data[i] = (uint8_t)(out->data[i] - 'a' + 'A');
	return r;
}

int ps_fields_print_titles(
	const struct ps_fields *fields, const struct ps_host *host, struct buf *out)
{
	AUTO(buf_done) struct buf title = { 0 };
	struct line line = { .out = out };
	bool any = false;
	int r = 0;

	for (size_t i = 0; i < fields->n; i++)
		any = any || fields->v[i].title_len;
	for (size_t i = 0; any && r == 0 && i < fields->n; i++) {
		const struct ps_field *f = &fields->v[i];

		title.len = 0;
		r = put_title(f, &title);
		if (r == 0 && !buf_str(&title))
			r = -ENOMEM;
		if (r == 0)
			r = put_cell(&line, width_of(f, host), f->column->side, i + 1 == fields->n,
				&title);
	}
	return r;
}

int ps_field_value(const struct ps_field *field, const struct ps_host *host,
	const struct process_list *list, const struct process_info *p, struct buf *out)
{
	struct cell cell = { .p = p, .list = list, .host = host, .branch = "" };
	int r;

	out->len = 0;
	r = field->column->print(&cell, out);
	return r == 0 && !buf_str(out) ? -ENOMEM : r;
}

int ps_fields_print(const struct ps_fields *fields, const struct ps_host *host,
	const struct process_list *list, const struct process_info *p, const char *branch,
	struct buf *out)
{
	AUTO(buf_done) struct buf text = { 0 };
	struct cell cell = {
		.p = p,
		.list = list,
		.host = host,
		.branch = branch,
		.true_names = fields->true_names,
	};
	struct line line = { .out = out };
	int r = 0;

	for (size_t i = 0; r == 0 && i < fields->n; i++) {
		const struct ps_field *f = &fields->v[i];

		text.len = 0;
		r = f->column->print(&cell, &text);
		if (r == 0 && !buf_str(&text))
			r = -ENOMEM;
		if (r == 0)
			r = put_cell(&line, width_of(f, host), f->column->side, i + 1 == fields->n,
				&text);
	}
	return r;
}
