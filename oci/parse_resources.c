/* linux.resources (runtime-spec config-linux.md, "Control groups"); also update's file. */
#include "oci/bind.h"

static const struct bind_field device_rule[] = {
	FIELD_N("allow", struct spec_device_rule, allow),
	FIELD("type", struct spec_device_rule, type),
	FIELD("major", struct spec_device_rule, major),
	FIELD("minor", struct spec_device_rule, minor),
	FIELD("access", struct spec_device_rule, access),
	FIELD_END,
};

static const struct bind_field memory[] = {
	FIELD("limit", struct spec_memory, limit_bytes),
	FIELD("reservation", struct spec_memory, reservation_bytes),
	FIELD("swap", struct spec_memory, swap_bytes),
	FIELD("kernel", struct spec_memory, kernel_bytes),
	FIELD("kernelTCP", struct spec_memory, kernel_tcp_bytes),
	FIELD("swappiness", struct spec_memory, swappiness),
	FIELD("disableOOMKiller", struct spec_memory, disable_oom_killer),
	FIELD("useHierarchy", struct spec_memory, use_hierarchy),
	FIELD("checkBeforeUpdate", struct spec_memory, check_before_update),
	FIELD_END,
};

static const struct bind_field cpu[] = {
	FIELD("shares", struct spec_cpu, shares),
	FIELD("quota", struct spec_cpu, quota_us),
	FIELD("burst", struct spec_cpu, burst_us),
	FIELD("period", struct spec_cpu, period_us),
	FIELD("realtimeRuntime", struct spec_cpu, realtime_runtime_us),
	FIELD("realtimePeriod", struct spec_cpu, realtime_period_us),
	FIELD("cpus", struct spec_cpu, cpus),
	FIELD("mems", struct spec_cpu, mems),
	FIELD("idle", struct spec_cpu, idle),
	FIELD_END,
};

static const struct bind_field pids[] = {
	FIELD("limit", struct spec_resources, pids_limit),
	FIELD_END,
};

static const struct bind_field weight_device[] = {
	FIELD_N("major", struct spec_weight_device, major),
	FIELD_N("minor", struct spec_weight_device, minor),
	FIELD_MAX("weight", struct spec_weight_device, weight, UINT16_MAX),
	FIELD_MAX("leafWeight", struct spec_weight_device, leaf_weight, UINT16_MAX),
	FIELD_END,
};

static const struct bind_field throttle_device[] = {
	FIELD_N("major", struct spec_throttle_device, major),
	FIELD_N("minor", struct spec_throttle_device, minor),
	FIELD("rate", struct spec_throttle_device, rate),
	FIELD_END,
};

static const struct bind_field block_io[] = {
	FIELD_MAX("weight", struct spec_block_io, weight, UINT16_MAX),
	FIELD_MAX("leafWeight", struct spec_block_io, leaf_weight, UINT16_MAX),
	FIELD_LIST("weightDevice", struct spec_block_io, weight_device, weight_device),
	FIELD_LIST(
		"throttleReadBpsDevice", struct spec_block_io, throttle_read_bps, throttle_device),
	FIELD_LIST("throttleWriteBpsDevice", struct spec_block_io, throttle_write_bps,
		throttle_device),
	FIELD_LIST("throttleReadIOPSDevice", struct spec_block_io, throttle_read_iops,
		throttle_device),
	FIELD_LIST("throttleWriteIOPSDevice", struct spec_block_io, throttle_write_iops,
		throttle_device),
	FIELD_END,
};

static const struct bind_field hugepage_limit[] = {
	FIELD_N("pageSize", struct spec_hugepage_limit, page_size),
	FIELD_N("limit", struct spec_hugepage_limit, limit_bytes),
	FIELD_END,
};

static const struct bind_field interface_priority[] = {
	FIELD_N("name", struct spec_interface_priority, name),
	FIELD_N("priority", struct spec_interface_priority, priority),
	FIELD_END,
};

static const struct bind_field network[] = {
	FIELD_MAX("classID", struct spec_network, class_id, UINT32_MAX),
	FIELD_LIST("priorities", struct spec_network, priorities, interface_priority),
	FIELD_END,
};

static const struct bind_field rdma[] = {
	FIELD_MAX("hcaHandles", struct spec_rdma, hca_handles, UINT32_MAX),
	FIELD_MAX("hcaObjects", struct spec_rdma, hca_objects, UINT32_MAX),
	FIELD_END,
};

const struct bind_field bind_resources[] = {
	FIELD_LIST("devices", struct spec_resources, devices, device_rule),
	FIELD_EMBED("memory", struct spec_resources, memory, memory),
	FIELD_EMBED("cpu", struct spec_resources, cpu, cpu),
	FIELD_INLINE("pids", pids),
	FIELD_EMBED("blockIO", struct spec_resources, block_io, block_io),
	FIELD_LIST("hugepageLimits", struct spec_resources, hugepage_limits, hugepage_limit),
	FIELD_EMBED("network", struct spec_resources, network, network),
	FIELD_MAP("rdma", struct spec_resources, rdma, rdma),
	FIELD("unified", struct spec_resources, unified),
	FIELD_END,
};
