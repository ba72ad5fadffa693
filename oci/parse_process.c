/* The process section, and hooks (runtime-spec config.md). */
#include "oci/bind.h"

static const struct bind_field console_size[] = {
	FIELD_N("height", struct spec_console_size, height),
	FIELD_N("width", struct spec_console_size, width),
	FIELD_END,
};

static const struct bind_field user[] = {
	FIELD("uid", struct spec_user, uid),
	FIELD("gid", struct spec_user, gid),
	FIELD_MAX("umask", struct spec_user, umask, UINT32_MAX),
	FIELD_U32S("additionalGids", struct spec_user, additional_gids),
	FIELD("username", struct spec_user, username),
	FIELD_END,
};

static const struct bind_field capabilities[] = {
	FIELD("bounding", struct spec_capabilities, bounding),
	FIELD("effective", struct spec_capabilities, effective),
	FIELD("inheritable", struct spec_capabilities, inheritable),
	FIELD("permitted", struct spec_capabilities, permitted),
	FIELD("ambient", struct spec_capabilities, ambient),
	FIELD_END,
};

static const struct bind_field rlimit[] = {
	FIELD_N("type", struct spec_rlimit, type),
	FIELD_N("soft", struct spec_rlimit, soft),
	FIELD_N("hard", struct spec_rlimit, hard),
	FIELD_END,
};

static const struct bind_field scheduler[] = {
	FIELD_N("policy", struct spec_scheduler, policy),
	FIELD("nice", struct spec_scheduler, nice),
	FIELD("priority", struct spec_scheduler, priority),
	FIELD("flags", struct spec_scheduler, flags),
	FIELD("runtime", struct spec_scheduler, runtime_ns),
	FIELD("deadline", struct spec_scheduler, deadline_ns),
	FIELD("period", struct spec_scheduler, period_ns),
	FIELD_END,
};

static const struct bind_field io_priority[] = {
	FIELD_N("class", struct spec_io_priority, class),
	FIELD("priority", struct spec_io_priority, priority),
	FIELD_END,
};

static const struct bind_field cpu_affinity[] = {
	FIELD("initial", struct spec_cpu_affinity, initial),
	FIELD("final", struct spec_cpu_affinity, final),
	FIELD_END,
};

const struct bind_field bind_process[] = {
	FIELD("terminal", struct spec_process, terminal),
	FIELD_OBJECT("consoleSize", struct spec_process, console_size, console_size),
	FIELD_EMBED("user", struct spec_process, user, user),
	FIELD("args", struct spec_process, args),
	FIELD("commandLine", struct spec_process, command_line),
	FIELD("env", struct spec_process, env),
	FIELD_N("cwd", struct spec_process, cwd),
	FIELD_OBJECT("capabilities", struct spec_process, capabilities, capabilities),
	FIELD_LIST("rlimits", struct spec_process, rlimits, rlimit),
	FIELD("noNewPrivileges", struct spec_process, no_new_privileges),
	FIELD("apparmorProfile", struct spec_process, apparmor_profile),
	FIELD("selinuxLabel", struct spec_process, selinux_label),
	FIELD("oomScoreAdj", struct spec_process, oom_score_adj),
	FIELD_OBJECT("scheduler", struct spec_process, scheduler, scheduler),
	FIELD_OBJECT("ioPriority", struct spec_process, io_priority, io_priority),
	FIELD_OBJECT("execCPUAffinity", struct spec_process, exec_cpu_affinity, cpu_affinity),
	FIELD_END,
};

static const struct bind_field hook[] = {
	FIELD_N("path", struct spec_hook, path),
	FIELD("args", struct spec_hook, args),
	FIELD("env", struct spec_hook, env),
	FIELD("timeout", struct spec_hook, timeout_s),
	FIELD_END,
};

const struct bind_field bind_hooks[] = {
	FIELD_LIST("prestart", struct spec_hooks, prestart, hook),
	FIELD_LIST("createRuntime", struct spec_hooks, create_runtime, hook),
	FIELD_LIST("createContainer", struct spec_hooks, create_container, hook),
	FIELD_LIST("startContainer", struct spec_hooks, start_container, hook),
	FIELD_LIST("poststart", struct spec_hooks, poststart, hook),
	FIELD_LIST("poststop", struct spec_hooks, poststop, hook),
	FIELD_END,
};
