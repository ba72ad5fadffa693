/* Rows of the field table: the linux section but for resources (config-linux.md); see fields.h. */
#include "oci/fields.h"
#include "oci/seccomp.h"

/* One word each for what has one class in common. */
#define NET_DEVICES CLASS_REJECTED

#define HOST_CASE   "the-host-cgroup-holds-the-pod"
#define AS_ASKED    "the-process-is-as-asked" /* the case */

#define BY_SECCOMP  "compiled on the host, loaded by the guest's kernel"
#define BY_MKNOD    "a node in the container's /dev; its driver is the guest's"
#define NOTIFY_CASE "seccomp-agents-of-the-host-are-asked"
#define BY_NOTIFY   "the agent that listens there is asked, by way of a stand-in for the descriptor"

static bool has_user_namespace(const struct json_value *namespaces)
{
	for (size_t i = 0; i < json_count(namespaces); i++)
		if (json_is_str(json_member(json_at(namespaces, i), "type"), "user"))
			return true;
	return false;
}

/*
 * The guest's own network namespace is the pod's; a container in it needs no other, unless it has a
 * user namespace that is to own it.
 */
static void namespace_by_value(struct field_use *use, const struct json_value *namespace)
{
	if (!json_is_str(use->value, "network") || has_user_namespace(json_parent(namespace)))
		return;
	use->class = CLASS_EMULATED;
	use->how = "the pod's, which is the guest's first";
}

static void namespace_path_by_value(struct field_use *use, const struct json_value *namespace)
{
	if (json_is_str(json_member(namespace, "type"), "user")) {
		use->class = CLASS_EMULATED;
		use->how = "one of the guest with the same mappings, which are read from it";
		return;
	}
	if (!json_is_str(json_member(namespace, "type"), "network"))
		return;
	use->class = CLASS_IGNORED;
	use->how = "a guest's network is its own";
}

/* Whether an action keeps a system call from being made. */
static bool denies(const struct json_value *action)
{
	return !json_is_str(action, "SCMP_ACT_ALLOW") && !json_is_str(action, "SCMP_ACT_LOG") &&
	       !json_is_str(action, "SCMP_ACT_TRACE");
}

/* A call that libseccomp cannot name gets the default action, so it would be let through. */
static void syscalls_by_value(struct field_use *use, const struct json_value *rule)
{
	const struct json_value *seccomp = json_parent(json_parent(rule));

	if (denies(json_member(seccomp, "defaultAction")) || !denies(json_member(rule, "action")))
		return;
	for (size_t i = 0; i < json_count(use->value); i++) {
		struct err ignored = ERR_NONE;
		const char *name;

		if (json_get_str(json_at(use->value, i), &name, &ignored) < 0 ||
			seccomp_knows_syscall(name))
			continue;
		use->class = CLASS_IGNORED;
		use->how = "in part: libseccomp does not know all of these system calls";
	}
}

const struct field_row fields_linux[] = {
	ROW_BY_VALUE("linux.namespaces[].type", CLASS_GUEST, FIELD_SECURITY,
		"made in the guest; a container always has a pid, mount and cgroup one",
		namespace_by_value),
	ROW_BY_VALUE("linux.namespaces[].path", CLASS_REJECTED, FIELD_ELSEWHERE,
		"a guest cannot join the host's", namespace_path_by_value),
	ROW("linux.uidMappings[].containerID", CLASS_GUEST, FIELD_SECURITY,
		"of a user namespace in the guest"),
	ROW("linux.uidMappings[].hostID", CLASS_GUEST, FIELD_SECURITY,
		"of a user namespace in the guest"),
	ROW("linux.uidMappings[].size", CLASS_GUEST, FIELD_SECURITY,
		"of a user namespace in the guest"),
	ROW("linux.gidMappings[].containerID", CLASS_GUEST, FIELD_SECURITY,
		"of a user namespace in the guest"),
	ROW("linux.gidMappings[].hostID", CLASS_GUEST, FIELD_SECURITY,
		"of a user namespace in the guest"),
	ROW("linux.gidMappings[].size", CLASS_GUEST, FIELD_SECURITY,
		"of a user namespace in the guest"),
	ROW_SHOWN_BY(
		"linux.timeOffsets", CLASS_GUEST, 0, "of a time namespace in the guest", AS_ASKED),
	ROW_SHOWN_BY("linux.timeOffsets.*.secs", CLASS_GUEST, 0, "of a time namespace in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("linux.timeOffsets.*.nanosecs", CLASS_GUEST, 0,
		"of a time namespace in the guest", AS_ASKED),
	ROW("linux.devices[].path", CLASS_GUEST, FIELD_SECURITY, BY_MKNOD),
	ROW("linux.devices[].type", CLASS_GUEST, FIELD_SECURITY, BY_MKNOD),
	ROW("linux.devices[].major", CLASS_GUEST, FIELD_SECURITY, BY_MKNOD),
	ROW("linux.devices[].minor", CLASS_GUEST, FIELD_SECURITY, BY_MKNOD),
	ROW("linux.devices[].fileMode", CLASS_GUEST, FIELD_SECURITY, BY_MKNOD),
	ROW("linux.devices[].uid", CLASS_GUEST, FIELD_SECURITY, BY_MKNOD),
	ROW("linux.devices[].gid", CLASS_GUEST, FIELD_SECURITY, BY_MKNOD),
	ROW("linux.netDevices", NET_DEVICES, 0,
		"a device of the host cannot be moved into a guest"),
	ROW("linux.netDevices.*.name", NET_DEVICES, 0,
		"a device of the host cannot be moved into a guest"),
	ROW("linux.cgroupsPath", CLASS_HOST, 0,
		"the cgroup of the machine; in the guest a container has one of its own"),
	ROW("linux.sysctl", CLASS_GUEST, 0, "of the guest's kernel"),
	ROW("linux.seccomp.defaultAction", CLASS_GUEST, FIELD_SECURITY, BY_SECCOMP),
	ROW("linux.seccomp.defaultErrnoRet", CLASS_GUEST, FIELD_SECURITY, BY_SECCOMP),
	ROW("linux.seccomp.architectures", CLASS_GUEST, FIELD_SECURITY, BY_SECCOMP),
	ROW("linux.seccomp.flags", CLASS_GUEST, FIELD_SECURITY, BY_SECCOMP),
	ROW_SHOWN_BY(
		"linux.seccomp.listenerPath", CLASS_HOST, FIELD_SECURITY, BY_NOTIFY, NOTIFY_CASE),
	ROW_SHOWN_BY("linux.seccomp.listenerMetadata", CLASS_HOST, 0, BY_NOTIFY, NOTIFY_CASE),
	ROW_BY_VALUE("linux.seccomp.syscalls[].names", CLASS_GUEST, FIELD_SECURITY, BY_SECCOMP,
		syscalls_by_value),
	ROW("linux.seccomp.syscalls[].action", CLASS_GUEST, FIELD_SECURITY, BY_SECCOMP),
	ROW("linux.seccomp.syscalls[].errnoRet", CLASS_GUEST, FIELD_SECURITY, BY_SECCOMP),
	ROW("linux.seccomp.syscalls[].args[].index", CLASS_GUEST, FIELD_SECURITY, BY_SECCOMP),
	ROW("linux.seccomp.syscalls[].args[].value", CLASS_GUEST, FIELD_SECURITY, BY_SECCOMP),
	ROW("linux.seccomp.syscalls[].args[].valueTwo", CLASS_GUEST, FIELD_SECURITY, BY_SECCOMP),
	ROW("linux.seccomp.syscalls[].args[].op", CLASS_GUEST, FIELD_SECURITY, BY_SECCOMP),
	ROW("linux.rootfsPropagation", CLASS_GUEST, 0, "of the container's /"),
	ROW("linux.maskedPaths", CLASS_GUEST, FIELD_SECURITY, "covered in the guest"),
	ROW("linux.readonlyPaths", CLASS_GUEST, FIELD_SECURITY, "mounted read-only in the guest"),
	ROW("linux.mountLabel", CLASS_IGNORED, FIELD_SECURITY, "the VM takes its place"),
	ROW("linux.personality.domain", CLASS_GUEST, 0, "personality(2) in the guest"),
	ROW("linux.personality.flags", CLASS_REJECTED, 0, "the specification names none yet"),
	ROW_SHOWN_BY(
		"linux.memoryPolicy", CLASS_GUEST, 0, "set_mempolicy(2) in the guest", AS_ASKED),
	ROW_SHOWN_BY("linux.memoryPolicy.mode", CLASS_GUEST, 0, "set_mempolicy(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("linux.memoryPolicy.nodes", CLASS_GUEST, 0, "set_mempolicy(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("linux.memoryPolicy.flags", CLASS_GUEST, 0, "set_mempolicy(2) in the guest",
		AS_ASKED),
	ROW_SHOWN_BY("linux.intelRdt", CLASS_HOST, 0, "a resctrl group of the host", HOST_CASE),
	ROW_SHOWN_BY(
		"linux.intelRdt.closID", CLASS_HOST, 0, "a resctrl group of the host", HOST_CASE),
	ROW_SHOWN_BY(
		"linux.intelRdt.schemata", CLASS_HOST, 0, "a resctrl group of the host", HOST_CASE),
	ROW_SHOWN_BY("linux.intelRdt.l3CacheSchema", CLASS_HOST, 0, "a resctrl group of the host",
		HOST_CASE),
	ROW_SHOWN_BY("linux.intelRdt.memBwSchema", CLASS_HOST, 0, "a resctrl group of the host",
		HOST_CASE),
	ROW_SHOWN_BY("linux.intelRdt.enableMonitoring", CLASS_HOST, 0,
		"a resctrl group of the host", HOST_CASE),
	{ 0 },
};
