/*
 * Rows of the field table: linux.resources (config-linux.md, "Control groups"); see fields.h. What
 * cgroup v2 lacks is refused by oci/resources.c, with the value that is too much.
 */
#include "oci/fields.h"

#define HOST_CASE    "the-host-cgroup-holds-the-pod"
#define HOST_DEVICE  "of the container's cgroup on the host, by the host's device"
#define BY_BPF	     "an eBPF program of the container's cgroup in the guest"
#define BY_CGROUP(f) f " of the container's cgroup in the guest"
#define NOT_IN_V2    "cgroup v2 has no such thing"

#define THROTTLE(list)                                                                             \
	ROW_SHOWN_BY("linux.resources.blockIO." list "[].major", CLASS_HOST, 0, HOST_DEVICE,       \
		HOST_CASE),                                                                        \
		ROW_SHOWN_BY("linux.resources.blockIO." list "[].minor", CLASS_HOST, 0,            \
			HOST_DEVICE, HOST_CASE),                                                   \
		ROW_SHOWN_BY("linux.resources.blockIO." list "[].rate", CLASS_HOST, 0,             \
			HOST_DEVICE, HOST_CASE)

const struct field_row fields_resources[] = {
	ROW("linux.resources.devices[].allow", CLASS_GUEST, FIELD_SECURITY, BY_BPF),
	ROW("linux.resources.devices[].type", CLASS_GUEST, FIELD_SECURITY, BY_BPF),
	ROW("linux.resources.devices[].major", CLASS_GUEST, FIELD_SECURITY, BY_BPF),
	ROW("linux.resources.devices[].minor", CLASS_GUEST, FIELD_SECURITY, BY_BPF),
	ROW("linux.resources.devices[].access", CLASS_GUEST, FIELD_SECURITY, BY_BPF),
	ROW("linux.resources.memory.limit", CLASS_GUEST, 0,
		BY_CGROUP("memory.max") "; a larger one makes a larger machine"),
	ROW("linux.resources.memory.reservation", CLASS_GUEST, 0, BY_CGROUP("memory.low")),
	ROW("linux.resources.memory.swap", CLASS_GUEST, 0,
		BY_CGROUP("memory.swap.max") ", less the limit"),
	ROW("linux.resources.memory.kernel", CLASS_IGNORED, 0,
		NOT_IN_V2 ", memory.limit counts the kernel's too"),
	ROW("linux.resources.memory.kernelTCP", CLASS_REJECTED, FIELD_ZERO_NONE, NOT_IN_V2),
	ROW("linux.resources.memory.swappiness", CLASS_REJECTED, 0, NOT_IN_V2),
	ROW("linux.resources.memory.disableOOMKiller", CLASS_REJECTED, FIELD_ZERO_NONE, NOT_IN_V2),
	ROW("linux.resources.memory.useHierarchy", CLASS_IGNORED, 0, "cgroup v2 always does"),
	ROW_SHOWN_BY("linux.resources.memory.checkBeforeUpdate", CLASS_GUEST, 0,
		"an update's limit must be above memory.current of the container's cgroup in the "
		"guest",
		"limits-hold"),
	ROW("linux.resources.cpu.shares", CLASS_GUEST, 0, BY_CGROUP("cpu.weight")),
	ROW("linux.resources.cpu.quota", CLASS_GUEST, 0,
		BY_CGROUP("cpu.max") "; a larger one makes a larger machine"),
	ROW("linux.resources.cpu.burst", CLASS_GUEST, 0, BY_CGROUP("cpu.max.burst")),
	ROW("linux.resources.cpu.period", CLASS_GUEST, 0, BY_CGROUP("cpu.max")),
	ROW("linux.resources.cpu.realtimeRuntime", CLASS_REJECTED, FIELD_ZERO_NONE, NOT_IN_V2),
	ROW("linux.resources.cpu.realtimePeriod", CLASS_REJECTED, FIELD_ZERO_NONE, NOT_IN_V2),
	ROW_SHOWN_BY("linux.resources.cpu.cpus", CLASS_HOST, 0,
		"cpuset.cpus of the container's cgroup on the host; the guest has as many",
		HOST_CASE),
	ROW_SHOWN_BY("linux.resources.cpu.mems", CLASS_HOST, 0,
		"cpuset.mems of the container's cgroup on the host", HOST_CASE),
	ROW("linux.resources.cpu.idle", CLASS_GUEST, 0, BY_CGROUP("cpu.idle")),
	ROW("linux.resources.pids.limit", CLASS_GUEST, FIELD_SECURITY, BY_CGROUP("pids.max")),
	ROW_SHOWN_BY("linux.resources.blockIO.weight", CLASS_HOST, 0,
		"io.weight of the container's cgroup on the host", HOST_CASE),
	ROW("linux.resources.blockIO.leafWeight", CLASS_REJECTED, FIELD_ZERO_NONE, NOT_IN_V2),
	ROW_SHOWN_BY("linux.resources.blockIO.weightDevice[].major", CLASS_HOST, 0, HOST_DEVICE,
		HOST_CASE),
	ROW_SHOWN_BY("linux.resources.blockIO.weightDevice[].minor", CLASS_HOST, 0, HOST_DEVICE,
		HOST_CASE),
	ROW_SHOWN_BY("linux.resources.blockIO.weightDevice[].weight", CLASS_HOST, 0, HOST_DEVICE,
		HOST_CASE),
	ROW("linux.resources.blockIO.weightDevice[].leafWeight", CLASS_REJECTED, FIELD_ZERO_NONE,
		NOT_IN_V2),
	THROTTLE("throttleReadBpsDevice"),
	THROTTLE("throttleWriteBpsDevice"),
	THROTTLE("throttleReadIOPSDevice"),
	THROTTLE("throttleWriteIOPSDevice"),
	ROW("linux.resources.hugepageLimits[].pageSize", CLASS_GUEST, 0,
		BY_CGROUP("hugetlb.*") ", where its kernel has pages of that size"),
	ROW("linux.resources.hugepageLimits[].limit", CLASS_GUEST, 0,
		BY_CGROUP("hugetlb.*.max") ", where its kernel has pages of that size"),
	ROW("linux.resources.network.classID", CLASS_REJECTED, FIELD_ZERO_NONE, NOT_IN_V2),
	ROW("linux.resources.network.priorities[].name", CLASS_REJECTED, 0, NOT_IN_V2),
	ROW("linux.resources.network.priorities[].priority", CLASS_REJECTED, 0, NOT_IN_V2),
	ROW_SHOWN_BY("linux.resources.rdma.*.hcaHandles", CLASS_HOST, 0, HOST_DEVICE, HOST_CASE),
	ROW_SHOWN_BY("linux.resources.rdma.*.hcaObjects", CLASS_HOST, 0, HOST_DEVICE, HOST_CASE),
	ROW("linux.resources.unified", CLASS_GUEST, 0,
		"files of the container's cgroup in the guest; those of cpuset, io and rdma on the "
		"host"),
	{ 0 },
};
