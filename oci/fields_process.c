/* Rows of the field table: the process section (config.md, "Process"); see fields.h. */
#include "oci/fields.h"

#define AS_ASKED   "the-process-is-as-asked" /* the case */

#define VM_INSTEAD "the VM takes its place"

/* "unconfined" is what a guest without AppArmor does. */
static void apparmor_by_value(struct field_use *use, const struct json_value *process)
{
	(void)process;
	if (json_is_str(use->value, "unconfined"))
		use->class = CLASS_DEFAULT;
}

const struct field_row fields_process[] = {
	ROW_SHOWN_BY("process.terminal", CLASS_GUEST, 0,
		"a pseudo-terminal of the guest, passed to the host", "terminals-work"),
	ROW("process.consoleSize.height", CLASS_GUEST, 0, "rows of the terminal"),
	ROW("process.consoleSize.width", CLASS_GUEST, 0, "columns of the terminal"),
	ROW("process.user.uid", CLASS_GUEST, FIELD_SECURITY, "set by the agent"),
	ROW("process.user.gid", CLASS_GUEST, FIELD_SECURITY, "set by the agent"),
	ROW("process.user.umask", CLASS_GUEST, 0, "set by the agent"),
	ROW("process.user.additionalGids", CLASS_GUEST, FIELD_SECURITY, "set by the agent"),
	ROW("process.user.username", CLASS_IGNORED, 0, "for Windows"),
	ROW("process.args", CLASS_GUEST, 0, "the program and its arguments"),
	ROW("process.commandLine", CLASS_IGNORED, 0, "for Windows"),
	ROW("process.env", CLASS_GUEST, 0, "the whole environment"),
	ROW("process.cwd", CLASS_GUEST, 0, "entered with the user's rights"),
	ROW("process.capabilities.bounding", CLASS_GUEST, FIELD_SECURITY, "of the guest's kernel"),
	ROW("process.capabilities.effective", CLASS_GUEST, FIELD_SECURITY, "of the guest's kernel"),
	ROW("process.capabilities.inheritable", CLASS_GUEST, FIELD_SECURITY,
		"of the guest's kernel"),
	ROW("process.capabilities.permitted", CLASS_GUEST, FIELD_SECURITY, "of the guest's kernel"),
	ROW("process.capabilities.ambient", CLASS_GUEST, FIELD_SECURITY,
		"those that are permitted and inheritable, as the kernel demands"),
	ROW("process.rlimits[].type", CLASS_GUEST, 0,
		"setrlimit(2) in the guest; those that are not named are the caller's"),
	ROW("process.rlimits[].soft", CLASS_GUEST, 0, "setrlimit(2) in the guest"),
	ROW("process.rlimits[].hard", CLASS_GUEST, 0, "setrlimit(2) in the guest"),
	ROW("process.noNewPrivileges", CLASS_GUEST, FIELD_SECURITY, "prctl(2) in the guest"),
	ROW_BY_VALUE("process.apparmorProfile", CLASS_IGNORED, FIELD_SECURITY, VM_INSTEAD,
		apparmor_by_value),
	ROW("process.selinuxLabel", CLASS_IGNORED, FIELD_SECURITY, VM_INSTEAD),
	ROW("process.oomScoreAdj", CLASS_GUEST, 0, "for the guest's out-of-memory killer"),
	ROW_SHOWN_BY(
		"process.scheduler", CLASS_GUEST, 0, "sched_setattr(2) in the guest", AS_ASKED),
	ROW_SHOWN_BY("process.scheduler.policy", CLASS_GUEST, 0, "sched_setattr(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("process.scheduler.nice", CLASS_GUEST, 0, "sched_setattr(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("process.scheduler.priority", CLASS_GUEST, 0, "sched_setattr(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("process.scheduler.flags", CLASS_GUEST, 0, "sched_setattr(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("process.scheduler.runtime", CLASS_GUEST, 0, "sched_setattr(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("process.scheduler.deadline", CLASS_GUEST, 0, "sched_setattr(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("process.scheduler.period", CLASS_GUEST, 0, "sched_setattr(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("process.ioPriority", CLASS_GUEST, 0, "ioprio_set(2) in the guest", AS_ASKED),
	ROW_SHOWN_BY(
		"process.ioPriority.class", CLASS_GUEST, 0, "ioprio_set(2) in the guest", AS_ASKED),
	ROW_SHOWN_BY("process.ioPriority.priority", CLASS_GUEST, 0, "ioprio_set(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("process.execCPUAffinity", CLASS_GUEST, FIELD_ZERO_NONE,
		"processes of exec have all processors", AS_ASKED),
	ROW_SHOWN_BY("process.execCPUAffinity.initial", CLASS_GUEST, 0, "of the guest's processors",
		AS_ASKED),
	ROW_SHOWN_BY("process.execCPUAffinity.final", CLASS_GUEST, 0, "of the guest's processors",
		AS_ASKED),
	{ 0 },
};
