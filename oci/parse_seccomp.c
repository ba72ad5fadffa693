/* linux.seccomp (runtime-spec config-linux.md, "Seccomp"). */
#include "oci/bind.h"

static const struct bind_field arg[] = {
	FIELD_N("index", struct spec_seccomp_arg, index),
	FIELD_N("value", struct spec_seccomp_arg, value),
	FIELD("valueTwo", struct spec_seccomp_arg, value_two),
	FIELD_N("op", struct spec_seccomp_arg, op),
	FIELD_END,
};

static const struct bind_field syscall_rule[] = {
	FIELD_N("names", struct spec_syscall, names),
	FIELD_N("action", struct spec_syscall, action),
	FIELD_MAX("errnoRet", struct spec_syscall, errno_ret, UINT32_MAX),
	FIELD_LIST("args", struct spec_syscall, args, arg),
	FIELD_END,
};

const struct bind_field bind_seccomp[] = {
	FIELD_N("defaultAction", struct spec_seccomp, default_action),
	FIELD_MAX("defaultErrnoRet", struct spec_seccomp, default_errno_ret, UINT32_MAX),
	FIELD("architectures", struct spec_seccomp, architectures),
	FIELD("flags", struct spec_seccomp, flags),
	FIELD("listenerPath", struct spec_seccomp, listener_path),
	FIELD("listenerMetadata", struct spec_seccomp, listener_metadata),
	FIELD_LIST("syscalls", struct spec_seccomp, syscalls, syscall_rule),
	FIELD_END,
};
