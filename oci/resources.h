/*
 * linux.resources, whose terms are cgroup v1's, to the files of a cgroup v2. For the guest's cgroup
 * of a container, and for the pod's on the host.
 */
#pragma once

#include "base/err.h"
#include "oci/spec.h"

struct cgroup_setting {
	char *file;    /* "memory.max"; never with a '/' */
	char *value;   /* to be written whole, in one write */
	bool optional; /* a kernel without the file is no error */
};

/* In the order in which they are to be written. */
struct cgroup_settings {
	struct cgroup_setting *v;
	size_t n;
};

/*
 * Where the cgroup is. CPU, memory node, block device and RDMA device numbers are the host's, so
 * what names them is left out for a guest; there pids and memory are limited by the guest's kernel.
 */
enum cgroup_place {
	CGROUP_GUEST,
	CGROUP_HOST,
};

/*
 * Translates everything but devices (an eBPF program's job). file is what errors begin with and
 * prefix goes in front of the fields: "linux.resources." or "". Appends to ret, which is zeroed or
 * holds earlier settings; on failure it stays valid. Errors: -EINVAL, -ENOTSUP, -ENOMEM.
 */
int resources_to_cgroup(const struct spec_resources *resources, enum cgroup_place place,
	const char *file, const char *prefix, struct cgroup_settings *ret, struct err *err) CHECKED;

/* Appends one; the value is printed. Returns 0 or -ENOMEM. */
int cgroup_settings_add(struct cgroup_settings *settings, const char *file, bool optional,
	const char *fmt, ...) PRINTF_LIKE(4, 5) CHECKED;

void cgroup_settings_done(struct cgroup_settings *settings);

/* Files whose values name CPUs, nodes or devices by the host's numbers, so that no guest has them.
 */
bool cgroup_file_is_of_host(const char *file);

DEFINE_AUTO_VAL(cgroup_settings_done, struct cgroup_settings)
