/*
 * A command of vmrun: one file and one row in table.c. Parsing fills values; run() acts and
 * never parses.
 */
#pragma once

#include "base/str.h"
#include "cmd/opt.h"
#include "container/container.h"

struct cmd {
	const char *name;
	const char *arguments;	   /* for the usage line: "ID [SIGNAL]" */
	const char *help;	   /* one line */
	const struct opt *options; /* ends with a row without name; NULL: none */
	unsigned args_min, args_max;
	bool passes_arguments; /* everything after the first argument is the command's, options too
				*/
	int failure_status;    /* exit status on an error; 0: 1 */
	/*
	 * values: as the options' rows say. args: the positional arguments. Returns the exit status
	 * of the program, or a negative errno with err filled.
	 */
	int (*run)(const struct runtime *rt, const union opt_value *values, const struct strv *args,
		struct err *err);
};

/* The program's own, with a NULL at its end. */
extern const struct cmd *const commands[];

/* Our arguments as main() has got them, for those who hand all over to another program. */
extern char **cmd_argv;

extern const struct cmd cmd_check, cmd_create, cmd_delete, cmd_events, cmd_exec, cmd_explain,
	cmd_features, cmd_kill, cmd_list, cmd_pause, cmd_ps, cmd_resume, cmd_run, cmd_spec,
	cmd_start, cmd_state, cmd_update, cmd_why;
