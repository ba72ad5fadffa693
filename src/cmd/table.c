/* The commands of vmrun. */
#include "cmd/cmd.h"

const struct cmd *const commands[] = {
	&cmd_check,
	&cmd_create,
	&cmd_delete,
	&cmd_events,
	&cmd_exec,
	&cmd_explain,
	&cmd_features,
	&cmd_kill,
	&cmd_list,
	&cmd_pause,
	&cmd_ps,
	&cmd_resume,
	&cmd_run,
	&cmd_spec,
	&cmd_start,
	&cmd_state,
	&cmd_update,
	&cmd_why,
	NULL,
};
