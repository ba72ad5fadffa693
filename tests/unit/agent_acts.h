/* What tests of the agent do again and again, in the box of their program. */
#pragma once

#include "tests/unit/agent_box.h"

/* The output has such a line, or the test fails. */
void has_line(const struct box_result *res, const char *line);

/* Runs sh -c script in a container "c" to its end. */
void run_script(const char *script, struct box_result *res);

/* StartContainer and Signal; process "": the first one. */
void start(const char *id);
void send_signal(const char *id, const char *process, uint32_t signal, bool all);

/* A container whose streams go nowhere. */
void run_detached(const char *id, const char *script);

/* Runs sh -c script beside it. */
void exec_in(const char *id, const char *script, struct box_result *res);

/* CreateContainer fails with such a message, and leaves nothing. */
void create_fails(struct box_request *r, const char *pattern);

/* NextEvents: those after a sequence number; the caller frees the message. */
void next_events(uint64_t after, Vmrun__Agent__NextEventsResponse **ret);

/* A test's tear-down: deletes what a failed one has left, "c" and "pod". */
int clean_up(void **state);
