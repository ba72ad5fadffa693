/* Rows of the field table: the process section (config.md, "Process"); see fields.h. */
#include "oci/fields.h"

/* One word each for what has one class in common. */
#define SCHEDULER    CLASS_REJECTED
#define IO_PRIORITY  CLASS_REJECTED
#define CPU_AFFINITY CLASS_REJECTED

#define AS_ASKED     "the-process-is-as-asked" /* the case */

#define VM_INSTEAD   "the VM takes its place"

/* "unconfined" is what a guest without AppArmor does. */
static void apparmor_by_value(struct field_use *use, const struct json_value *process)
{
	(void)process;
	if (json_is_str(use->value, "unconfined"))
		use->class = CLASS_DEFAULT;
}

/* The scheduler that every process has anyway is no wish. */
static void scheduler_by_value(struct field_use *use, const struct json_value *process)
{
	struct err ignored = ERR_NONE;
	const struct json_value *nice = json_member(use->value, "nice");
	int64_t number = 0;

	(void)process;
	if (nice && json_get_i64(nice, INT64_MIN, INT64_MAX, &number, &ignored) < 0)
		return;
	if (number == 0 && !json_member(use->value, "flags") &&
		json_is_str(json_member(use->value, "policy"), "SCHED_OTHER"))
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
	ROW("process.rlimits[].type", CLASS_GUEST, 0, "setrlimit(2) in the guest"),
	ROW("process.rlimits[].soft", CLASS_GUEST, 0, "setrlimit(2) in the guest"),
	ROW("process.rlimits[].hard", CLASS_GUEST, 0, "setrlimit(2) in the guest"),
	ROW("process.noNewPrivileges", CLASS_GUEST, FIELD_SECURITY, "prctl(2) in the guest"),
	ROW_BY_VALUE("process.apparmorProfile", CLASS_IGNORED, FIELD_SECURITY, VM_INSTEAD,
		apparmor_by_value),
	ROW("process.selinuxLabel", CLASS_IGNORED, FIELD_SECURITY, VM_INSTEAD),
	ROW("process.oomScoreAdj", CLASS_GUEST, 0, "for the guest's out-of-memory killer"),
	ROW_BY_VALUE("process.scheduler", SCHEDULER, 0, "there is none but the default",
		scheduler_by_value),
	ROW_SHOWN_BY("process.scheduler.policy", SCHEDULER, 0, "sched_setattr(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY(
		"process.scheduler.nice", SCHEDULER, 0, "sched_setattr(2) in the guest", AS_ASKED),
	ROW_SHOWN_BY("process.scheduler.priority", SCHEDULER, 0, "sched_setattr(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY(
		"process.scheduler.flags", SCHEDULER, 0, "sched_setattr(2) in the guest", AS_ASKED),
	ROW_SHOWN_BY("process.scheduler.runtime", SCHEDULER, 0, "sched_setattr(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("process.scheduler.deadline", SCHEDULER, 0, "sched_setattr(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("process.scheduler.period", SCHEDULER, 0, "sched_setattr(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("process.ioPriority", IO_PRIORITY, 0, "a guest has no disks", AS_ASKED),
	ROW_SHOWN_BY(
		"process.ioPriority.class", IO_PRIORITY, 0, "ioprio_set(2) in the guest", AS_ASKED),
	ROW_SHOWN_BY("process.ioPriority.priority", IO_PRIORITY, 0, "ioprio_set(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("process.execCPUAffinity", CPU_AFFINITY, FIELD_ZERO_NONE,
		"processes of exec have all processors", AS_ASKED),
	ROW_SHOWN_BY("process.execCPUAffinity.initial", CPU_AFFINITY, 0,
		"of the guest's processors", AS_ASKED),
	ROW_SHOWN_BY("process.execCPUAffinity.final", CPU_AFFINITY, 0, "of the guest's processors",
		AS_ASKED),
	{ 0 },
};
