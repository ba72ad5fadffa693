/* Compiles linux.seccomp with libseccomp; holds the tables of its names. Called by to_agent.c. */
#include "oci/seccomp.h"

#include "base/fd.h"
#include "base/str.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>

/* Newer than some headers; the value is the kernel's ABI. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define SECCOMP_ARGS_MAX       6u
#define SECCOMP_OPTIMIZE_BY_NR 2u /* a binary tree of syscall numbers */
/* KILL_PROCESS, LOG, SSB and NOTIFY are there. The guest's kernel decides, not the host's. */
#define SECCOMP_API_LEVEL   5u
#define SECCOMP_PROGRAM_MAX ((size_t)BPF_MAXINSNS * sizeof(struct sock_filter))

static const struct seccomp_name actions[] = {
	{ .name = "SCMP_ACT_ALLOW", .value = SCMP_ACT_ALLOW },
	{ .name = "SCMP_ACT_ERRNO", .value = SCMP_ACT_ERRNO(0), .has_errno = true },
	{ .name = "SCMP_ACT_KILL", .value = SCMP_ACT_KILL },
	{ .name = "SCMP_ACT_KILL_PROCESS", .value = SCMP_ACT_KILL_PROCESS },
	{ .name = "SCMP_ACT_KILL_THREAD", .value = SCMP_ACT_KILL_THREAD },
	{ .name = "SCMP_ACT_LOG", .value = SCMP_ACT_LOG },
	{ .name = "SCMP_ACT_NOTIFY", .value = SCMP_ACT_NOTIFY, .notifying = true },
	{ .name = "SCMP_ACT_TRACE", .value = SCMP_ACT_TRACE(0), .has_errno = true },
	{ .name = "SCMP_ACT_TRAP", .value = SCMP_ACT_TRAP },
	{ .name = NULL },
};

static const struct seccomp_name operators[] = {
	{ .name = "SCMP_CMP_EQ", .value = SCMP_CMP_EQ },
	{ .name = "SCMP_CMP_GE", .value = SCMP_CMP_GE },
	{ .name = "SCMP_CMP_GT", .value = SCMP_CMP_GT },
	{ .name = "SCMP_CMP_LE", .value = SCMP_CMP_LE },
	{ .name = "SCMP_CMP_LT", .value = SCMP_CMP_LT },
	{ .name = "SCMP_CMP_MASKED_EQ", .value = SCMP_CMP_MASKED_EQ },
	{ .name = "SCMP_CMP_NE", .value = SCMP_CMP_NE },
	{ .name = NULL },
};

#define FOREIGN(name_)                                                                             \
	{                                                                                          \
		name_, .foreign = true                                                             \
	}

static const struct seccomp_name archs[] = {
	FOREIGN("SCMP_ARCH_AARCH64"),
	FOREIGN("SCMP_ARCH_ARM"),
	FOREIGN("SCMP_ARCH_LOONGARCH64"),
	FOREIGN("SCMP_ARCH_M68K"),
	FOREIGN("SCMP_ARCH_MIPS"),
	FOREIGN("SCMP_ARCH_MIPS64"),
	FOREIGN("SCMP_ARCH_MIPS64N32"),
	FOREIGN("SCMP_ARCH_MIPSEL"),
	FOREIGN("SCMP_ARCH_MIPSEL64"),
	FOREIGN("SCMP_ARCH_MIPSEL64N32"),
	FOREIGN("SCMP_ARCH_PARISC"),
	FOREIGN("SCMP_ARCH_PARISC64"),
	FOREIGN("SCMP_ARCH_PPC"),
	FOREIGN("SCMP_ARCH_PPC64"),
	FOREIGN("SCMP_ARCH_PPC64LE"),
	FOREIGN("SCMP_ARCH_RISCV64"),
	FOREIGN("SCMP_ARCH_S390"),
	FOREIGN("SCMP_ARCH_S390X"),
	FOREIGN("SCMP_ARCH_SH"),
	FOREIGN("SCMP_ARCH_SHEB"),
	{ .name = "SCMP_ARCH_X32", .value = SCMP_ARCH_X32 },
	{ .name = "SCMP_ARCH_X86", .value = SCMP_ARCH_X86 },
	{ .name = "SCMP_ARCH_X86_64", .value = SCMP_ARCH_X86_64 },
	{ .name = NULL },
};

static const struct seccomp_name flags[] = {
	{ .name = "SECCOMP_FILTER_FLAG_LOG", .value = SECCOMP_FILTER_FLAG_LOG },
	{ .name = "SECCOMP_FILTER_FLAG_SPEC_ALLOW", .value = SECCOMP_FILTER_FLAG_SPEC_ALLOW },
	{ .name = "SECCOMP_FILTER_FLAG_TSYNC", .value = SECCOMP_FILTER_FLAG_TSYNC },
	{ .name = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
		.value = SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		.notifying = true },
	{ .name = NULL },
};

static const struct seccomp_name *const tables[SECCOMP_TABLES] = {
	[SECCOMP_ACTIONS] = actions,
	[SECCOMP_OPERATORS] = operators,
	[SECCOMP_ARCHS] = archs,
	[SECCOMP_FLAGS] = flags,
};

const struct seccomp_name *seccomp_find(enum seccomp_table table, const char *name)
{
	for (const struct seccomp_name *row = tables[table]; row->name; row++)
		if (streq(row->name, name))
			return row;
	return NULL;
}

const struct seccomp_name *seccomp_row(enum seccomp_table table, size_t i)
{
	const struct seccomp_name *row = tables[table];

	while (row->name && i-- > 0)
		row++;
	return row->name ? row : NULL;
}

bool seccomp_notifies(const struct spec_seccomp *s)
{
	for (size_t i = 0; i < s->syscalls.n; i++) {
		const struct seccomp_name *row =
			seccomp_find(SECCOMP_ACTIONS, s->syscalls.v[i].action);

		if (row && row->notifying)
			return true;
	}
	return false;
}

bool seccomp_knows_syscall(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

/* One compilation. */
struct compiler {
	scmp_filter_ctx ctx;
	uint32_t default_action;
	const char *file;
	struct err *err;
};

/* The action with its errno, EPERM where none is given (config-linux.md, "defaultErrnoRet"). */
static uint32_t action_value(const char *name, const struct opt_u64 *errno_ret)
{
	const struct seccomp_name *row = seccomp_find(SECCOMP_ACTIONS, name);
	uint64_t number = errno_ret->is_set ? errno_ret->value : EPERM;

	/* The checks come first; killing is what an unknown action must not turn into less than. */
	if (!row)
		return SCMP_ACT_KILL_PROCESS;
	return row->has_errno ? row->value | (uint32_t)(number & SECCOMP_DATA_MAX) : row->value;
}

static int add_archs(struct compiler *c, const struct spec_seccomp *s)
{
	for (size_t i = 0; i < s->architectures.n; i++) {
		const struct seccomp_name *row = seccomp_find(SECCOMP_ARCHS, s->architectures.v[i]);
		int r;

		if (!row || row->foreign)
			continue;
		r = seccomp_arch_add(c->ctx, row->value);
		if (r < 0 && r != -EEXIST)
			return err_sys(
				c->err, -r, "%s: linux.seccomp.architectures[%zu]", c->file, i);
	}
	return 0;
}

static struct scmp_arg_cmp comparison(const struct spec_seccomp_arg *arg)
{
	const struct seccomp_name *op = seccomp_find(SECCOMP_OPERATORS, arg->op);

	/* For MASKED_EQ the first datum is the mask, for the others the second one is not used. */
	return (struct scmp_arg_cmp){
		.arg = arg->index,
		.op = op ? (enum scmp_compare)op->value : SCMP_CMP_EQ,
		.datum_a = arg->value,
		.datum_b = arg->value_two,
	};
}

/*
 * Conditions of different arguments must all hold. Several on one argument cannot be in one rule of
 * libseccomp; like other runtimes we make a rule of each then, so any of them is enough.
 */
static int add_rule(struct compiler *c, int nr, uint32_t action, const struct spec_syscall *rule)
{
	struct scmp_arg_cmp cmp[SECCOMP_ARGS_MAX];
	unsigned seen = 0, n = 0;
	bool twice = false;
	int r = 0;

	for (size_t i = 0; i < rule->args.n; i++) {
		twice = twice || (seen & 1u << rule->args.v[i].index);
		seen |= 1u << rule->args.v[i].index;
	}
	if (!twice) {
		for (size_t i = 0; i < rule->args.n; i++)
			cmp[n++] = comparison(&rule->args.v[i]);
		return seccomp_rule_add_array(c->ctx, action, nr, n, cmp);
	}
	for (size_t i = 0; i < rule->args.n && (r == 0 || r == -EEXIST); i++) {
		cmp[0] = comparison(&rule->args.v[i]);
		r = seccomp_rule_add_array(c->ctx, action, nr, 1, cmp);
	}
	return r;
}

static int add_syscalls(struct compiler *c, size_t i, const struct spec_syscall *rule)
{
	uint32_t action = action_value(rule->action, &rule->errno_ret);

	/* libseccomp refuses rules that say what happens anyway. */
	if (action == c->default_action)
		return 0;
	for (size_t k = 0; k < rule->names.n; k++) {
		int nr = seccomp_syscall_resolve_name(rule->names.v[k]);
		int r = nr == __NR_SCMP_ERROR ? 0 : add_rule(c, nr, action, rule);

		if (r < 0 && r != -EEXIST)
			return err_sys(c->err, -r, "%s: linux.seccomp.syscalls[%zu] (%.40s)",
				c->file, i, rule->names.v[k]);
	}
	return 0;
}

static int export_program(struct compiler *c, struct buf *program)
{
	AUTO_CLOSE int fd = memfd_create("vmrun-seccomp", MFD_CLOEXEC);
	size_t before = program->len;
	int r;

	if (fd < 0)
		return err_sys(c->err, errno, "%s: linux.seccomp: memfd_create", c->file);
	r = seccomp_export_bpf(c->ctx, fd);
	if (r < 0)
		return err_sys(c->err, -r, "%s: linux.seccomp: seccomp_export_bpf", c->file);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(c->err, errno, "%s: linux.seccomp", c->file);
	r = fd_read_to_end(fd, SECCOMP_PROGRAM_MAX, program);
	if (r == -EFBIG) {
		program->len = before;
		return err_set(c->err, EINVAL,
			"%s: linux.seccomp: the filter has more than the kernel's %d instructions",
			c->file, BPF_MAXINSNS);
	}
	return r < 0 ? err_sys(c->err, -r, "%s: linux.seccomp", c->file) : 0;
}

static int compile(struct compiler *c, const struct spec_seccomp *s, struct buf *program)
{
	int r = add_archs(c, s);

	/*
	 * Without it the filter is a chain through all syscalls: slower, but right. Libseccomp
	 * before 2.5.5 makes mistakes with trees of no rules.
	 */
	if (s->syscalls.n > 0)
		(void)seccomp_attr_set(c->ctx, SCMP_FLTATR_CTL_OPTIMIZE, SECCOMP_OPTIMIZE_BY_NR);
	for (size_t i = 0; r == 0 && i < s->syscalls.n; i++)
		r = add_syscalls(c, i, &s->syscalls.v[i]);
	return r == 0 ? export_program(c, program) : r;
}

int seccomp_compile(const struct spec_seccomp *s, const char *file, struct buf *program,
	uint32_t *ret_flags, struct err *err)
{
	struct compiler c = { .file = file, .err = err };
	/* As with other runtimes, absent flags are not none: [] is. */
	uint32_t bits = s->flags.v ? 0 : SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	int r;

	for (size_t i = 0; i < s->flags.n; i++) {
		const struct seccomp_name *row = seccomp_find(SECCOMP_FLAGS, s->flags.v[i]);

		bits |= row ? row->value : 0;
	}
	/* The kernel has no listener beside TSYNC, which has nothing to do: there is one thread. */
	if (seccomp_notifies(s))
		bits = (bits & ~(uint32_t)SECCOMP_FILTER_FLAG_TSYNC) |
		       SECCOMP_FILTER_FLAG_NEW_LISTENER;
	(void)seccomp_api_set(SECCOMP_API_LEVEL);
	c.default_action = action_value(s->default_action, &s->default_errno_ret);
	c.ctx = seccomp_init(c.default_action);
	if (!c.ctx)
		return err_set(err, ENOMEM, "%s: linux.seccomp: out of memory", file);
	r = compile(&c, s, program);
	seccomp_release(c.ctx);
	if (r == 0)
		*ret_flags = bits;
	return r;
}
