/* Rows of the field table: what all platforms have but for the process; see fields.h. */
#include "oci/fields.h"

#define OTHER_PLATFORM "the section of another platform"

#define BY_IDMAP       "of the files of a bind mount, by the host's kernel"

#define HOOKS_CASE     "hooks-run-where-and-when-the-spec-says"
#define IDMAPS_CASE    "ids-of-bound-files-are-mapped"

#define HOOK(kind, class)                                                                          \
	ROW_SHOWN_BY("hooks." kind, class, 0, "run as the lifecycle says", HOOKS_CASE),            \
		ROW_SHOWN_BY("hooks." kind "[].path", class, 0, "the hook's program", HOOKS_CASE), \
		ROW_SHOWN_BY("hooks." kind "[].args", class, 0, "its name first", HOOKS_CASE),     \
		ROW_SHOWN_BY("hooks." kind "[].env", class, 0, "all it gets", HOOKS_CASE),         \
		ROW_SHOWN_BY(                                                                      \
			"hooks." kind "[].timeout", class, 0, "then it is killed", HOOKS_CASE)

#define MAPPING(list)                                                                              \
	ROW_SHOWN_BY(list "[].containerID", CLASS_HOST, 0, BY_IDMAP ": those on its disk",         \
		IDMAPS_CASE),                                                                      \
		ROW_SHOWN_BY(list "[].hostID", CLASS_HOST, 0,                                      \
			BY_IDMAP ": those that the guest sees", IDMAPS_CASE),                      \
		ROW_SHOWN_BY(list "[].size", CLASS_HOST, 0, BY_IDMAP, IDMAPS_CASE)

/* What a bind mount binds is the host's; the source of a file system is a name in the guest. */
static void source_by_value(struct field_use *use, const struct json_value *mount)
{
	const struct json_value *options = json_member(mount, "options");
	bool bind = json_is_str(json_member(mount, "type"), "bind");

	for (size_t i = 0; !bind && options && i < json_count(options); i++)
		bind = json_is_str(json_at(options, i), "bind") ||
		       json_is_str(json_at(options, i), "rbind");
	if (bind)
		return;
	use->class = CLASS_GUEST;
	use->how = "the name that the mount has in the guest";
}

const struct field_row fields_common[] = {
	ROW("ociVersion", CLASS_HOST, 0, "any 1.x up to 1.3 is read, others are refused"),
	ROW("root.path", CLASS_HOST, 0, "opened by the host and shared with the guest"),
	ROW("root.readonly", CLASS_GUEST, FIELD_SECURITY, "the container's / is mounted read-only"),
	ROW("hostname", CLASS_GUEST, 0, "of the container's uts namespace"),
	ROW("domainname", CLASS_GUEST, 0, "of the container's uts namespace"),
	ROW("mounts[].destination", CLASS_GUEST, 0, "found below the container's /, links too"),
	ROW("mounts[].type", CLASS_GUEST, 0, "mounted by the guest's kernel; cgroup is cgroup2"),
	ROW_BY_VALUE("mounts[].source", CLASS_HOST, 0,
		"opened by the host and shared with the guest", source_by_value),
	ROW("mounts[].options", CLASS_GUEST, FIELD_SECURITY,
		"by the guest's kernel; a read-only bind is shared read-only, ids are mapped by "
		"the host"),
	MAPPING("mounts[].uidMappings"),
	MAPPING("mounts[].gidMappings"),
	HOOK("prestart", CLASS_HOST),
	HOOK("createRuntime", CLASS_HOST),
	HOOK("createContainer", CLASS_HOST),
	HOOK("startContainer", CLASS_GUEST),
	HOOK("poststart", CLASS_HOST),
	HOOK("poststop", CLASS_HOST),
	ROW("annotations", CLASS_HOST, 0, "kept in the state; io.vmrun.* shape the machine"),
	ROW("windows", CLASS_IGNORED, 0, OTHER_PLATFORM),
	ROW("solaris", CLASS_IGNORED, 0, OTHER_PLATFORM),
	ROW("zos", CLASS_IGNORED, 0, OTHER_PLATFORM),
	ROW("freebsd", CLASS_IGNORED, 0, OTHER_PLATFORM),
	{ 0 },
};
