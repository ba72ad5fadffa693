/* The features document, from the tables that the parser and the translation work by. */
#include "oci/features.h"

#include "base/json_out.h"
#include "oci/annotations.h"
#include "oci/caps.h"
#include "oci/fields.h"
#include "oci/hooks.h"
#include "oci/mounts.h"
#include "oci/namespaces.h"
#include "oci/parse.h"
#include "oci/pod_name.h"
#include "oci/scheduling.h"
#include "oci/seccomp.h"

#include <seccomp.h>

static void print_hooks(struct json_out *out)
{
	json_key(out, "hooks");
	json_array(out);
	for (size_t i = 0; i < HOOK_KINDS; i++)
		json_str(out, hook_kinds[i].name);
	json_end(out);
}

static void print_mount_options(struct json_out *out)
{
	json_key(out, "mountOptions");
	json_array(out);
	for (size_t i = 0; i < mount_option_count(); i++)
		json_str(out, mount_option_name(i));
	json_end(out);
}

static void print_namespaces(struct json_out *out)
{
	json_key(out, "namespaces");
	json_array(out);
	for (size_t i = 0; namespace_name(i); i++)
		json_str(out, namespace_name(i));
	json_end(out);
}

static void print_capabilities(struct json_out *out)
{
	json_key(out, "capabilities");
	json_array(out);
	for (unsigned i = 0; cap_name(i); i++)
		json_str(out, cap_name(i));
	json_end(out);
}

static void print_flag(struct json_out *out, const char *key, bool value)
{
	json_key(out, key);
	json_bool(out, value);
}

/* A section that consists of "enabled": whether the field table's row of a path has an effect. */
static void print_enabled(struct json_out *out, const char *key, const char *path)
{
	json_key(out, key);
	json_object(out);
	print_flag(out, "enabled", field_is_honoured(path));
	json_end(out);
}

static void print_cgroup(struct json_out *out)
{
	json_key(out, "cgroup");
	json_object(out);
	print_flag(out, "v1", false);
	print_flag(out, "v2", true);
	print_flag(out, "systemd", false);
	print_flag(out, "systemdUser", false);
	print_flag(out, "rdma", field_is_honoured("linux.resources.rdma.*.hcaHandles"));
	json_end(out);
}

static void print_names(struct json_out *out, const char *key, enum seccomp_table table)
{
	const struct seccomp_name *row;

	json_key(out, key);
	json_array(out);
	for (size_t i = 0; (row = seccomp_row(table, i)); i++)
		json_str(out, row->name);
	json_end(out);
}

static void print_seccomp(struct json_out *out)
{
	json_key(out, "seccomp");
	json_object(out);
	print_flag(out, "enabled", true);
	print_names(out, "actions", SECCOMP_ACTIONS);
	print_names(out, "operators", SECCOMP_OPERATORS);
	print_names(out, "archs", SECCOMP_ARCHS);
	print_names(out, "knownFlags", SECCOMP_FLAGS);
	print_names(out, "supportedFlags", SECCOMP_FLAGS);
	json_end(out);
}

static void print_memory_policy(struct json_out *out)
{
	json_key(out, "memoryPolicy");
	json_object(out);
	json_key(out, "modes");
	json_array(out);
	for (size_t i = 0; scheduling_name(MEMORY_MODES, i); i++)
		json_str(out, scheduling_name(MEMORY_MODES, i));
	json_end(out);
	json_key(out, "flags");
	json_array(out);
	for (size_t i = 0; scheduling_name(MEMORY_FLAGS, i); i++)
		json_str(out, scheduling_name(MEMORY_FLAGS, i));
	json_end(out);
	json_end(out);
}

static void print_intel_rdt(struct json_out *out)
{
	json_key(out, "intelRdt");
	json_object(out);
	print_flag(out, "enabled", field_is_honoured("linux.intelRdt.closID"));
	print_flag(out, "schemata", field_is_honoured("linux.intelRdt.schemata"));
	print_flag(out, "monitoring", field_is_honoured("linux.intelRdt.enableMonitoring"));
	json_end(out);
}

static void print_linux(struct json_out *out)
{
	json_key(out, "linux");
	json_object(out);
	print_namespaces(out);
	print_capabilities(out);
	print_cgroup(out);
	print_seccomp(out);
	print_enabled(out, "apparmor", "process.apparmorProfile");
	print_enabled(out, "selinux", "process.selinuxLabel");
	print_memory_policy(out);
	print_intel_rdt(out);
	json_key(out, "mountExtensions");
	json_object(out);
	print_enabled(out, "idmap", "mounts[].uidMappings[].containerID");
	json_end(out);
	print_enabled(out, "netDevices", "linux.netDevices.*.name");
	json_end(out);
}

/* What runs containers here, and the library that decides which syscall names are known. */
static void print_annotations(struct json_out *out, const char *version, const char *libseccomp)
{
	json_key(out, "annotations");
	json_object(out);
	json_key_str(out, "io.github.seccomp.libseccomp.version", libseccomp);
	json_key_str(out, "io.vmrun.version", version);
	json_end(out);
}

/* Annotations that change the machine, or which one it is, so callers should know whom they let set
 * them. */
static void print_unsafe_annotations(struct json_out *out)
{
	json_key(out, "potentiallyUnsafeConfigAnnotations");
	json_array(out);
	for (size_t i = 0; machine_annotation_name(i); i++)
		json_str(out, machine_annotation_name(i));
	for (size_t i = 0; pod_annotation_name(i); i++)
		json_str(out, pod_annotation_name(i));
	json_end(out);
}

int features_print(const char *version, struct buf *out)
{
	AUTO(buf_done) struct buf libseccomp = { 0 };
	const struct scmp_version *scmp = seccomp_version();
	struct json_out json;
	int r;

	r = buf_printf(&libseccomp, "%u.%u.%u", scmp->major, scmp->minor, scmp->micro);
	if (r < 0)
		return r;
	json_init(&json, out, true);
	json_object(&json);
	json_key_str(&json, "ociVersionMin", OCI_VERSION_MIN);
	json_key_str(&json, "ociVersionMax", OCI_VERSION_MAX);
	print_hooks(&json);
	print_mount_options(&json);
	print_linux(&json);
	print_annotations(&json, version, buf_str(&libseccomp));
	print_unsafe_annotations(&json);
	json_end(&json);
	r = json_finish(&json);
	return r < 0 ? r : buf_append_str(out, "\n");
}
