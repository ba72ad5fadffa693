/* See agent_acts.h. */
#include "tests/unit/agent_acts.h"

#include "agent/calls.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

void has_line(const struct box_result *res, const char *line)
{
	AUTO_FREE char *text = NULL, *wanted = NULL;

	assert_true(asprintf(&text, "\n%s", res->out) >= 0);
	assert_true(asprintf(&wanted, "\n%s\n", line) >= 0);
	if (!strstr(text, wanted))
		fail_msg("no line \"%s\" in:\n%s\n%s", line, res->out, res->error);
}

void run_script(const char *script, struct box_result *res)
{
	struct box_request r;

	request_init(&r, "c", script);
	box_run(&box, &r, res);
}

void start(const char *id)
{
	Vmrun__Agent__StartContainerRequest request = VMRUN__AGENT__START_CONTAINER_REQUEST__INIT;

	request.container = (char *)(uintptr_t)id;
	box_call(&box, start_container, &request);
}

void send_signal(const char *id, const char *process, uint32_t signal, bool all)
{
	Vmrun__Agent__SignalRequest request = VMRUN__AGENT__SIGNAL_REQUEST__INIT;

	request.container = (char *)(uintptr_t)id;
	request.process = (char *)(uintptr_t)process;
	request.signal = signal;
	request.all = all;
	box_call(&box, signal, &request);
}

void run_detached(const char *id, const char *script)
{
	struct box_request r;

	request_init(&r, id, script);
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	box_call(&box, create_container, &r.create);
	start(id);
}

void exec_in(const char *id, const char *script, struct box_result *res)
{
	struct box_request r;

	request_init(&r, "unused", script);
	box_exec(&box, id, &r.process, res);
}

void create_fails(struct box_request *r, const char *pattern)
{
	struct box_result res;

	box_fails(&box, create_container, &r->create, pattern);
	/* Everything is undone: the same id works at once. */
	run_script("echo again", &res);
	assert_string_equal(res.out, "again\n");
	result_done(&res);
}

void next_events(uint64_t after, Vmrun__Agent__NextEventsResponse **ret)
{
	Vmrun__Agent__NextEventsRequest next = VMRUN__AGENT__NEXT_EVENTS_REQUEST__INIT;
	struct err err = ERR_NONE;

	next.after = after;
	if (agent_call_next_events(box.client, &next, 10000, ret, &err) < 0)
		fail_msg("NextEvents: %s", err.msg);
}

int clean_up(void **state)
{
	static const char *const ids[] = { "c", "pod" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		Vmrun__Agent__ContainerRequest request = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
		struct err ignored = ERR_NONE;

		request.container = (char *)(uintptr_t)ids[i];
		(void)!agent_call_delete_container(box.client, &request, 10000, NULL, &ignored);
	}
	return 0;
}
