/*
 * Writing death.json: see deathnote.h and anchor/death.h. Under the proxy's filter of system calls.
 */
#include "proxy/deathnote.h"

#include "anchor/death.h"
#include "base/fd.h"
#include "base/json_out.h"
#include "base/str.h"
#include "rpc/vmclient.h"

#include <stdlib.h>

/* A kernel that dies takes its connections with it before the monitor hears of it. */
#define WORDS_TIMEOUT_MS 3000
#define TAIL_BYTES	 (16 << 10)

struct words {
	enum death_cause cause;
	int exit_status; /* -1: not known */
	char text[sizeof(((struct vmctl_reply *)0)->msg)];
};

/* What the monitor says last. */
static void hear(int ctl, struct words *w)
{
	static const enum death_cause causes[] = {
		[VMCTL_END_POWER_OFF] = DEATH_GUEST_POWER_OFF,
		[VMCTL_END_RESET] = DEATH_GUEST_RESET,
		[VMCTL_END_FAILED] = DEATH_MONITOR_FAILED,
		[VMCTL_END_EMULATOR] = DEATH_EMULATOR_DIED,
	};
	struct err ignored = ERR_NONE;
	struct vmctl_reply end;
	int fd, r;

	*w = (struct words){ .cause = DEATH_AGENT_LOST, .exit_status = -1 };
	if (ctl < 0)
		return;
	r = vmclient_receive(ctl, WORDS_TIMEOUT_MS, &end, &fd, &ignored);
	if (r == -ETIMEDOUT)
		return;
	w->cause = DEATH_MONITOR_KILLED;
	close_fd(&fd);
	if (r < 0 || end.kind != VMCTL_EVENT_ENDED || end.code < 0 ||
		(size_t)end.code >= ARRAY_LEN(causes))
		return;
	w->cause = causes[end.code];
	w->exit_status = end.code == VMCTL_END_POWER_OFF ? VMCTL_EXIT_ENDED : VMCTL_EXIT_GUEST;
	memcpy(w->text, end.msg, sizeof(w->text));
	str_blank_controls(w->text);
}

/* The end of the log, from the beginning of a line on where that is near. */
static void read_tail(int log, struct buf *out)
{
	off_t size = log < 0 ? -1 : lseek(log, 0, SEEK_END);

	if (size < 0 || lseek(log, size > TAIL_BYTES ? size - TAIL_BYTES : 0, SEEK_SET) < 0)
		return;
	/* More than was there a moment ago: a monitor that lives goes on writing. */
	(void)!fd_read_to_end(log, 2 * TAIL_BYTES, out);
	for (size_t i = 0; i < out->len; i++)
		if (!out->data[i])
			out->data[i] = ' ';
	if (!buf_str(out))
		out->len = 0;
}

/* Its end, as far as a guest tells the truth about its own. */
static enum death_cause narrow(const struct words *w, const char *tail)
{
	if (w->cause != DEATH_GUEST_RESET || !strstr(tail, "Kernel panic"))
		return w->cause;
	return strstr(tail, "deadlocked on memory") || strstr(tail, "no killable processes")
		       ? DEATH_GUEST_OUT_OF_MEMORY
		       : DEATH_GUEST_PANIC;
}

/* The last lines, or those from a panic on: what a long trace after it says is worth less. */
static void put_log(struct json_out *out, char *tail)
{
	char *lines[DEATH_LOG_LINES], *save = NULL;
	size_t n = 0, end = SIZE_MAX;

	for (char *line = strtok_r(tail, "\r\n", &save); line && n < end;
		line = strtok_r(NULL, "\r\n", &save)) {
		if (end == SIZE_MAX && strstr(line, "Kernel panic"))
			end = n + DEATH_LOG_LINES;
		lines[n++ % DEATH_LOG_LINES] = line;
	}
	json_key(out, "log");
	json_array(out);
	for (size_t i = n > DEATH_LOG_LINES ? n - DEATH_LOG_LINES : 0; i < n; i++) {
		char *line = lines[i % DEATH_LOG_LINES];

		if (strlen(line) > DEATH_LINE_MAX_BYTES)
			line[DEATH_LINE_MAX_BYTES] = '\0';
		str_blank_controls(line);
		json_str(out, line);
	}
	json_end(out);
}

static const char *phase(int record)
{
	if (faccessat(record, "started", F_OK, 0) < 0)
		return "created";
	return faccessat(record, "paused", F_OK, 0) < 0 ? "running" : "paused";
}

static void put_monitor(struct json_out *out, const struct words *w, enum death_cause cause)
{
	json_key(out, "monitor");
	json_object(out);
	json_key(out, "exitStatus");
	if (w->exit_status >= 0)
		json_u64(out, (uint64_t)w->exit_status);
	else
		json_str(out, NULL);
	/* Only its parent could tell, which is not there any more: an OOM kill is known to be one.
	 */
	json_key(out, "signal");
	if (cause == DEATH_MONITOR_OOM_KILLED && w->exit_status < 0)
		json_u64(out, 9);
	else
		json_str(out, NULL);
	json_key_str(out, "words", *w->text ? w->text : NULL);
	json_end(out);
}

void deathnote_write(const struct deathnote *n)
{
	AUTO(buf_done) struct buf tail = { 0 };
	AUTO(buf_done) struct buf note = { 0 };
	struct err ignored = ERR_NONE;
	enum death_cause cause;
	struct json_out out;
	struct words w;

	hear(n->ctl, &w);
	read_tail(n->log, &tail);
	cause = narrow(&w, tail.len ? (const char *)tail.data : "");
	if ((cause == DEATH_MONITOR_KILLED || cause == DEATH_EMULATOR_DIED) &&
		n->oom_killed(n->arg))
		cause = DEATH_MONITOR_OOM_KILLED;
	json_init(&out, &note, true);
	json_object(&out);
	json_key_str(&out, "cause", death_name(cause));
	json_key_str(&out, "message", death_message(cause));
	json_key(&out, "timeNs");
	json_i64(&out, n->at_ns);
	json_key_str(&out, "phase", phase(n->record));
	put_monitor(&out, &w, cause);
	put_log(&out, tail.len ? (char *)tail.data : (char[]){ "" });
	json_end(&out);
	if (json_finish(&out) == 0)
		(void)!file_replace(n->record, DEATH_FILE, note.data, note.len, 0600, &ignored);
}
