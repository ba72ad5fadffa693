/* Device rules of a container as an eBPF program of type BPF_PROG_TYPE_CGROUP_DEVICE. */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/auto.h"
#include "base/err.h"

#include <linux/bpf.h>
#include <stddef.h>

struct bpf_program {
	struct bpf_insn *insns;
	size_t count, room;
};

/*
 * Compiles the rules, of which later ones win. What no rule names is denied. err names the rule
 * that is wrong.
 */
int device_filter_compile(const Vmrun__Agent__DeviceRule *const *rules, size_t count,
	struct bpf_program *ret, struct err *err) CHECKED;
void bpf_program_done(struct bpf_program *prog);

/*
 * Loads the program and attaches it to a cgroup v2 directory, where it lives as long as the cgroup.
 * *fd: the one that is attached there, which it replaces in one step, or -1; becomes the new one,
 * which is the caller's. On failure both are as they were.
 */
int device_filter_attach(
	const struct bpf_program *prog, int cgroup_fd, int *fd, struct err *err) CHECKED;

DEFINE_AUTO_VAL(bpf_program_done, struct bpf_program)
