/*
 * Device rules to eBPF: see device_filter.h.
 *
 * The program keeps in R5 the access bits that no rule has decided yet and walks the rules from the
 * last to the first: a deny of an undecided bit denies, an allow decides its bits, and when none is
 * left the access is allowed. So every single bit is decided by the last rule that names it.
 */
#include "agent/device_filter.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

#define ALL (-1)

struct rule {
	bool allow;
	char type; /* 'a', 'c', 'b' */
	int64_t major, minor;
	uint32_t access; /* BPF_DEVCG_ACC_* */
};

void bpf_program_done(struct bpf_program *prog)
{
	free(prog->insns);
	*prog = (struct bpf_program){ 0 };
}

static int emit(
	struct bpf_program *prog, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	if (prog->count == prog->room) {
		size_t room = prog->room ? prog->room * 2 : 64;
		struct bpf_insn *insns = realloc(prog->insns, room * sizeof(*insns));

		if (!insns)
			return -ENOMEM;
		prog->insns = insns;
		prog->room = room;
	}
	prog->insns[prog->count++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm
	};
	return 0;
}

static int emit_return(struct bpf_program *prog, int value)
{
	int r = emit(prog, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value);

	return r < 0 ? r : emit(prog, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* R2 type, R5 undecided access bits, R3 major, R4 minor. */
static int emit_prologue(struct bpf_program *prog)
{
	static const struct bpf_insn load[] = {
		{ BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
			offsetof(struct bpf_cgroup_dev_ctx, access_type), 0 },
		{ BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_5, BPF_REG_2, 0, 0 },
		{ BPF_ALU | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff },
		{ BPF_ALU | BPF_RSH | BPF_K, BPF_REG_5, 0, 0, 16 },
		{ BPF_LDX | BPF_MEM | BPF_W, BPF_REG_3, BPF_REG_1,
			offsetof(struct bpf_cgroup_dev_ctx, major), 0 },
		{ BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1,
			offsetof(struct bpf_cgroup_dev_ctx, minor), 0 },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(load); i++)
		r = emit(prog, load[i].code, load[i].dst_reg, load[i].src_reg, load[i].off,
			load[i].imm);
	return r;
}

/* "Unless reg is value, on to the next rule"; the distance is filled in when it is known. */
static int emit_match(struct bpf_program *prog, uint8_t reg, int64_t value)
{
	return emit(prog, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, INT16_MAX, (int32_t)value);
}

static void patch_jumps(struct bpf_program *prog, size_t first)
{
	for (size_t i = first; i < prog->count; i++)
		if (prog->insns[i].off == INT16_MAX)
			prog->insns[i].off = (int16_t)(prog->count - i - 1);
}

static int emit_verdict(struct bpf_program *prog, const struct rule *rule)
{
	int r;

	if (rule->allow) {
		r = emit(prog, BPF_ALU | BPF_AND | BPF_K, BPF_REG_5, 0, 0, (int32_t)~rule->access);
		if (r == 0) /* something is undecided still: next rule */
			r = emit(prog, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_5, 0, INT16_MAX, 0);
		return r < 0 ? r : emit_return(prog, 1);
	}
	r = emit(prog, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, BPF_REG_5, 0, 0);
	if (r == 0)
		r = emit(prog, BPF_ALU | BPF_AND | BPF_K, BPF_REG_1, 0, 0, (int32_t)rule->access);
	if (r == 0)
		r = emit(prog, BPF_JMP32 | BPF_JEQ | BPF_K, BPF_REG_1, 0, INT16_MAX, 0);
	return r < 0 ? r : emit_return(prog, 0);
}

static int emit_rule(struct bpf_program *prog, const struct rule *rule)
{
	size_t first = prog->count;
	int r = 0;

	if (rule->type != 'a')
		r = emit_match(prog, BPF_REG_2,
			rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (r == 0 && rule->major != ALL)
		r = emit_match(prog, BPF_REG_3, rule->major);
	if (r == 0 && rule->minor != ALL)
		r = emit_match(prog, BPF_REG_4, rule->minor);
	if (r == 0)
		r = emit_verdict(prog, rule);
	patch_jumps(prog, first);
	return r;
}

/* Returns the bits, or 0 when a letter is unknown or there is none. */
static uint32_t parse_access(const char *access)
{
	uint32_t bits = 0;

	for (; *access; access++) {
		if (*access == 'r')
			bits |= BPF_DEVCG_ACC_READ;
		else if (*access == 'w')
			bits |= BPF_DEVCG_ACC_WRITE;
		else if (*access == 'm')
			bits |= BPF_DEVCG_ACC_MKNOD;
		else
			return 0;
	}
	return bits;
}

static bool parse_rule(const Vmrun__Agent__DeviceRule *from, struct rule *rule)
{
	*rule = (struct rule){
		.allow = from->allow,
		.type = from->type[0] ? from->type[0] : 'a',
		.major = from->major,
		.minor = from->minor,
		.access = parse_access(from->access),
	};
	return strchr("acb", rule->type) && strlen(from->type) <= 1 && rule->access &&
	       rule->major >= ALL && rule->major <= INT32_MAX && rule->minor >= ALL &&
	       rule->minor <= INT32_MAX;
}

int device_filter_compile(const Vmrun__Agent__DeviceRule *const *rules, size_t count,
	struct bpf_program *ret, struct err *err)
{
	AUTO(bpf_program_done) struct bpf_program prog = { 0 };
	int r = emit_prologue(&prog);

	for (size_t i = count; r == 0 && i-- > 0;) {
		struct rule rule;

		if (!parse_rule(rules[i], &rule))
			return err_set(err, EINVAL, "device rule %zu: \"%s %lld:%lld %s\" is wrong",
				i, rules[i]->type, (long long)rules[i]->major,
				(long long)rules[i]->minor, rules[i]->access);
		r = emit_rule(&prog, &rule);
	}
	if (r == 0)
		r = emit_return(&prog, 0);
	if (r < 0)
		return err_sys(err, -r, "device rules");
	*ret = prog;
	prog = (struct bpf_program){ 0 };
	return 0;
}

static int bpf(int cmd, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

static int load(const struct bpf_program *prog, struct err *err)
{
	static const char license[] = "GPL";
	union bpf_attr attr;
	int r;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)prog->insns;
	attr.insn_cnt = (uint32_t)prog->count;
	attr.license = (uint64_t)(uintptr_t)license;
	r = bpf(BPF_PROG_LOAD, &attr);
	return r < 0 ? err_sys(err, -r, "device rules: load of the eBPF program") : r;
}

int device_filter_attach(const struct bpf_program *prog, int cgroup_fd, int *fd, struct err *err)
{
	AUTO_CLOSE int new = load(prog, err);
	union bpf_attr attr;
	int r;

	if (new < 0)
		return new;
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t) new;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (*fd >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)*fd;
	}
	r = bpf(BPF_PROG_ATTACH, &attr);
	if (r < 0)
		return err_sys(err, -r, "device rules: attach of the eBPF program");
	close_fd(fd);
	*fd = steal_fd(&new);
	return 0;
}
