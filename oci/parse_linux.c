/* The linux section but for its resources and seccomp (runtime-spec config-linux.md). */
#include "oci/bind.h"

const struct bind_field bind_id_mapping[] = {
	FIELD_N("containerID", struct spec_id_mapping, container_id),
	FIELD_N("hostID", struct spec_id_mapping, host_id),
	FIELD_N("size", struct spec_id_mapping, size),
	FIELD_END,
};

static const struct bind_field namespace[] = {
	FIELD_N("type", struct spec_namespace, type),
	FIELD("path", struct spec_namespace, path),
	FIELD_END,
};

static const struct bind_field time_offset[] = {
	FIELD("secs", struct spec_time_offset, secs),
	FIELD("nanosecs", struct spec_time_offset, nanosecs),
	FIELD_END,
};

static const struct bind_field device[] = {
	FIELD_N("path", struct spec_device, path),
	FIELD_N("type", struct spec_device, type),
	FIELD("major", struct spec_device, major),
	FIELD("minor", struct spec_device, minor),
	FIELD_MAX("fileMode", struct spec_device, file_mode, UINT32_MAX),
	FIELD_MAX("uid", struct spec_device, uid, UINT32_MAX),
	FIELD_MAX("gid", struct spec_device, gid, UINT32_MAX),
	FIELD_END,
};

static const struct bind_field net_device[] = {
	FIELD("name", struct spec_net_device, name),
	FIELD_END,
};

static const struct bind_field personality[] = {
	FIELD_N("domain", struct spec_personality, domain),
	FIELD("flags", struct spec_personality, flags),
	FIELD_END,
};

static const struct bind_field memory_policy[] = {
	FIELD("mode", struct spec_memory_policy, mode),
	FIELD("nodes", struct spec_memory_policy, nodes),
	FIELD("flags", struct spec_memory_policy, flags),
	FIELD_END,
};

static const struct bind_field intel_rdt[] = {
	FIELD("closID", struct spec_intel_rdt, clos_id),
	FIELD("schemata", struct spec_intel_rdt, schemata),
	FIELD("l3CacheSchema", struct spec_intel_rdt, l3_cache_schema),
	FIELD("memBwSchema", struct spec_intel_rdt, mem_bw_schema),
	FIELD("enableMonitoring", struct spec_intel_rdt, enable_monitoring),
	FIELD_END,
};

const struct bind_field bind_linux[] = {
	FIELD_LIST("namespaces", struct spec_linux, namespaces, namespace),
	FIELD_LIST("uidMappings", struct spec_linux, uid_mappings, bind_id_mapping),
	FIELD_LIST("gidMappings", struct spec_linux, gid_mappings, bind_id_mapping),
	FIELD_MAP("timeOffsets", struct spec_linux, time_offsets, time_offset),
	FIELD_LIST("devices", struct spec_linux, devices, device),
	FIELD_MAP("netDevices", struct spec_linux, net_devices, net_device),
	FIELD("cgroupsPath", struct spec_linux, cgroups_path),
	FIELD_EMBED("resources", struct spec_linux, resources, bind_resources),
	FIELD("sysctl", struct spec_linux, sysctl),
	FIELD_OBJECT("seccomp", struct spec_linux, seccomp, bind_seccomp),
	FIELD("rootfsPropagation", struct spec_linux, rootfs_propagation),
	FIELD("maskedPaths", struct spec_linux, masked_paths),
	FIELD("readonlyPaths", struct spec_linux, readonly_paths),
	FIELD("mountLabel", struct spec_linux, mount_label),
	FIELD_OBJECT("personality", struct spec_linux, personality, personality),
	FIELD_OBJECT("memoryPolicy", struct spec_linux, memory_policy, memory_policy),
	FIELD_OBJECT("intelRdt", struct spec_linux, intel_rdt, intel_rdt),
	FIELD_END,
};
