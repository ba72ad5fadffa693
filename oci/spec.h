/*
 * The container configuration of the OCI runtime-spec 1.3 (config.json) as C structs: what
 * oci/parse.h fills, oci/check.h judges and oci/to_agent.h translates. Field names are the
 * specification's, in our spelling. Absent strings are NULL, absent lists have n == 0, absent
 * objects are NULL; where zero and absent differ, the field is an opt_*. Everything a struct spec
 * points to is owned by it and lives until spec_free().
 */
#pragma once

#include "base/auto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* GNU C predefines it; here it is the name of a section. */
#undef linux

struct json_doc;

struct opt_bool {
	bool is_set;
	bool value;
};

struct opt_i64 {
	bool is_set;
	int64_t value;
};

struct opt_u64 {
	bool is_set;
	uint64_t value;
};

/* n items at v; v is NULL when n is 0. */
#define SPEC_LIST(type)                                                                            \
	struct {                                                                                   \
		type *v;                                                                           \
		size_t n;                                                                          \
	}

/* One member of an object whose keys are free, in the order of the file. */
struct spec_pair {
	const char *key;
	const char *value;
};

struct spec_strings {
	const char **v; /* v[n] is NULL; v is NULL when the list is absent */
	size_t n;
};

struct spec_pairs {
	struct spec_pair *v;
	size_t n;
};

struct spec_id_mapping {
	uint32_t container_id;
	uint32_t host_id;
	uint32_t size;
};

struct spec_id_mappings {
	struct spec_id_mapping *v;
	size_t n;
};

struct spec_root {
	const char *path; /* absolute or relative to the bundle */
	bool readonly;
};

struct spec_mount {
	const char *destination;
	const char *type;
	const char *source;
	struct spec_strings options;
	struct spec_id_mappings uid_mappings;
	struct spec_id_mappings gid_mappings;
};

/* process (config.md, "Process") */

struct spec_console_size {
	uint32_t height; /* rows */
	uint32_t width;	 /* columns */
};

struct spec_user {
	uint32_t uid;
	uint32_t gid;
	struct opt_u64 umask;
	SPEC_LIST(uint32_t) additional_gids;
	const char *username; /* Windows only, ignored */
};

struct spec_capabilities {
	struct spec_strings bounding;
	struct spec_strings effective;
	struct spec_strings inheritable;
	struct spec_strings permitted;
	struct spec_strings ambient;
};

struct spec_rlimit {
	const char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft;
	uint64_t hard;
};

struct spec_scheduler {
	const char *policy; /* "SCHED_FIFO" */
	int32_t nice;
	int32_t priority;
	struct spec_strings flags;
	uint64_t runtime_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};

struct spec_io_priority {
	const char *class; /* "IOPRIO_CLASS_BE" */
	int32_t priority;
};

struct spec_cpu_affinity {
	const char *initial; /* "0-3,7" */
	const char *final;
};

struct spec_process {
	bool terminal;
	struct spec_console_size *console_size;
	struct spec_user user;
	struct spec_strings args;
	const char *command_line; /* Windows only, ignored */
	struct spec_strings env;
	const char *cwd;
	struct spec_capabilities *capabilities;
	SPEC_LIST(struct spec_rlimit) rlimits;
	bool no_new_privileges;
	const char *apparmor_profile;
	const char *selinux_label;
	struct opt_i64 oom_score_adj;
	struct spec_scheduler *scheduler;
	struct spec_io_priority *io_priority;
	struct spec_cpu_affinity *exec_cpu_affinity;
};

/* hooks (config.md, "POSIX-platform Hooks") */

struct spec_hook {
	const char *path;
	struct spec_strings args; /* as execv(3): args.v[0] is the name; may be empty */
	struct spec_strings env;  /* absent: that of the runtime or the container */
	struct opt_i64 timeout_s;
};

struct spec_hook_list {
	struct spec_hook *v;
	size_t n;
};

struct spec_hooks {
	struct spec_hook_list prestart;
	struct spec_hook_list create_runtime;
	struct spec_hook_list create_container;
	struct spec_hook_list start_container;
	struct spec_hook_list poststart;
	struct spec_hook_list poststop;
};

/* linux (config-linux.md) */

struct spec_namespace {
	const char *type; /* "pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time" */
	const char *path; /* NULL: a new one */
};

struct spec_time_offset {
	const char *clock; /* "boottime" or "monotonic" */
	int64_t secs;
	uint32_t nanosecs;
};

struct spec_device {
	const char *path;
	const char *type; /* "c", "b", "u", "p" */
	struct opt_i64 major;
	struct opt_i64 minor;
	struct opt_u64 file_mode;
	struct opt_u64 uid;
	struct opt_u64 gid;
};

struct spec_net_device {
	const char *host_name; /* the key */
	const char *name;      /* in the container; NULL: the same */
};

struct spec_device_rule {
	bool allow;
	const char *type; /* "a", "c", "b"; NULL: "a" */
	struct opt_i64 major;
	struct opt_i64 minor;
	const char *access; /* of "rwm" */
};

struct spec_memory {
	struct opt_i64 limit_bytes; /* -1: none */
	struct opt_i64 reservation_bytes;
	struct opt_i64 swap_bytes; /* memory and swap together, cgroup v1's meaning */
	struct opt_i64 kernel_bytes;
	struct opt_i64 kernel_tcp_bytes;
	struct opt_u64 swappiness;
	struct opt_bool disable_oom_killer;
	struct opt_bool use_hierarchy;
	struct opt_bool check_before_update;
};

struct spec_cpu {
	struct opt_u64 shares;
	struct opt_i64 quota_us; /* <= 0: none */
	struct opt_u64 burst_us;
	struct opt_u64 period_us;
	struct opt_i64 realtime_runtime_us;
	struct opt_u64 realtime_period_us;
	const char *cpus; /* "0-3,7" */
	const char *mems;
	struct opt_i64 idle;
};

struct spec_weight_device {
	int64_t major;
	int64_t minor;
	struct opt_u64 weight;
	struct opt_u64 leaf_weight;
};

struct spec_throttle_device {
	int64_t major;
	int64_t minor;
	uint64_t rate; /* bytes or operations a second */
};

struct spec_throttle_devices {
	struct spec_throttle_device *v;
	size_t n;
};

struct spec_block_io {
	struct opt_u64 weight;
	struct opt_u64 leaf_weight;
	SPEC_LIST(struct spec_weight_device) weight_device;
	struct spec_throttle_devices throttle_read_bps;
	struct spec_throttle_devices throttle_write_bps;
	struct spec_throttle_devices throttle_read_iops;
	struct spec_throttle_devices throttle_write_iops;
};

struct spec_hugepage_limit {
	const char *page_size; /* "2MB" */
	uint64_t limit_bytes;
};

struct spec_interface_priority {
	const char *name;
	uint32_t priority;
};

struct spec_network {
	struct opt_u64 class_id;
	SPEC_LIST(struct spec_interface_priority) priorities;
};

struct spec_rdma {
	const char *device; /* the key */
	struct opt_u64 hca_handles;
	struct opt_u64 hca_objects;
};

struct spec_resources {
	SPEC_LIST(struct spec_device_rule) devices;
	struct spec_memory memory;
	struct spec_cpu cpu;
	struct opt_i64 pids_limit; /* <= 0: none */
	struct spec_block_io block_io;
	SPEC_LIST(struct spec_hugepage_limit) hugepage_limits;
	struct spec_network network;
	SPEC_LIST(struct spec_rdma) rdma;
	struct spec_pairs unified;
};

struct spec_seccomp_arg {
	uint32_t index;
	uint64_t value;
	uint64_t value_two;
	const char *op; /* "SCMP_CMP_EQ" */
};

struct spec_syscall {
	struct spec_strings names;
	const char *action;
	struct opt_u64 errno_ret;
	SPEC_LIST(struct spec_seccomp_arg) args;
};

struct spec_seccomp {
	const char *default_action;
	struct opt_u64 default_errno_ret;
	struct spec_strings architectures;
	struct spec_strings flags;
	const char *listener_path;
	const char *listener_metadata;
	SPEC_LIST(struct spec_syscall) syscalls;
};

struct spec_personality {
	const char *domain; /* "LINUX" or "LINUX32" */
	struct spec_strings flags;
};

struct spec_memory_policy {
	const char *mode; /* "MPOL_BIND" */
	const char *nodes;
	struct spec_strings flags;
};

struct spec_intel_rdt {
	const char *clos_id;
	struct spec_strings schemata;
	const char *l3_cache_schema;
	const char *mem_bw_schema;
	bool enable_monitoring;
};

struct spec_linux {
	SPEC_LIST(struct spec_namespace) namespaces;
	struct spec_id_mappings uid_mappings;
	struct spec_id_mappings gid_mappings;
	SPEC_LIST(struct spec_time_offset) time_offsets;
	SPEC_LIST(struct spec_device) devices;
	SPEC_LIST(struct spec_net_device) net_devices;
	const char *cgroups_path;
	struct spec_resources resources;
	struct spec_pairs sysctl;
	struct spec_seccomp *seccomp;
	const char *rootfs_propagation; /* "private", "rslave", ... */
	struct spec_strings masked_paths;
	struct spec_strings readonly_paths;
	const char *mount_label;
	struct spec_personality *personality;
	struct spec_memory_policy *memory_policy;
	struct spec_intel_rdt *intel_rdt;
};

/* vm (config-vm.md) */

struct spec_vm_hypervisor {
	const char *path;
	struct spec_strings parameters;
};

struct spec_vm_kernel {
	const char *path;
	struct spec_strings parameters;
	const char *initrd;
};

struct spec_vm_image {
	const char *path;
	const char *format;
};

struct spec_vm_iomem {
	struct opt_u64 first_gfn;
	uint64_t first_mfn;
	uint64_t nr_mfns;
};

struct spec_vm_hw_config {
	const char *device_tree;
	struct opt_u64 vcpus;
	struct opt_u64 memory_bytes;
	struct spec_strings dtdevs;
	SPEC_LIST(struct spec_vm_iomem) iomems;
	SPEC_LIST(uint32_t) irqs;
};

struct spec_vm {
	struct spec_vm_hypervisor *hypervisor;
	struct spec_vm_kernel *kernel;
	struct spec_vm_image *image;
	struct spec_vm_hw_config *hw_config;
};

struct spec {
	struct json_doc *doc; /* owns all of this */
	const char *file;     /* the name in error messages: "config.json" */

	const char *oci_version;
	struct spec_root *root;
	struct spec_process *process;
	const char *hostname;
	const char *domainname;
	SPEC_LIST(struct spec_mount) mounts;
	struct spec_hooks hooks;
	struct spec_pairs annotations;
	struct spec_linux linux;
	struct spec_vm *vm;
};

/* A process object by itself: the file of exec's --process. */
struct spec_process_file {
	struct json_doc *doc; /* owns all of this */
	const char *file;
	struct spec_process process;
};

/* A linux.resources object by itself: the file of update's --resources. */
struct spec_resources_file {
	struct json_doc *doc; /* owns all of this */
	const char *file;
	struct spec_resources resources;
};

/* All accept NULL. */
void spec_free(struct spec *spec);
void spec_process_file_free(struct spec_process_file *pf);
void spec_resources_file_free(struct spec_resources_file *rf);

/* The value of an annotation, or NULL. */
const char *spec_annotation(const struct spec *spec, const char *key);

DEFINE_AUTO_PTR(spec_free, struct spec)
DEFINE_AUTO_PTR(spec_process_file_free, struct spec_process_file)
DEFINE_AUTO_PTR(spec_resources_file_free, struct spec_resources_file)
