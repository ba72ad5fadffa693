/* Seccomp: the programs are run by an interpreter of classic BPF, for system calls of our making.
 */
#include "oci/check.h"
#include "oci/seccomp.h"
#include "tests/unit/oci_text.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#define X32_BIT 0x40000000

/* i386 and x32 have numbers of their own. */
#define I386_READ      3
#define I386_WAITPID   7
#define X32_BIT_GETPID (X32_BIT | SYS_getpid)

static bool jump_taken(const struct sock_filter *f, uint32_t a)
{
	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		return a == f->k;
	case BPF_JGT:
		return a > f->k;
	case BPF_JGE:
		return a >= f->k;
	case BPF_JSET:
		return (a & f->k) != 0;
	default:
		fail_msg("jump %#x", f->code);
		return false;
	}
}

/* The part of classic BPF that libseccomp emits. */
static uint32_t run(const struct buf *program, const struct seccomp_data *data)
{
	const struct sock_filter *f = (const struct sock_filter *)(const void *)program->data;
	size_t n = program->len / sizeof(*f);
	uint32_t a = 0;

	for (size_t pc = 0; pc < n; pc++, f++) {
		size_t skip = 0;

		switch (BPF_CLASS(f->code)) {
		case BPF_LD:
			assert_int_equal(f->code, BPF_LD | BPF_W | BPF_ABS);
			assert_true(f->k <= sizeof(*data) - sizeof(a));
			memcpy(&a, (const char *)data + f->k, sizeof(a));
			break;
		case BPF_ALU:
			assert_int_equal(f->code, BPF_ALU | BPF_AND | BPF_K);
			a &= f->k;
			break;
		case BPF_JMP:
			if (BPF_OP(f->code) == BPF_JA)
				skip = f->k;
			else
				skip = jump_taken(f, a) ? f->jt : f->jf;
			break;
		case BPF_RET:
			return f->k;
		default:
			fail_msg("instruction %#x", f->code);
		}
		pc += skip;
		f += skip;
	}
	fail_msg("the program does not end");
	return 0;
}

static struct buf compile(const char *section, uint32_t *ret_flags)
{
	char text[4096];
	AUTO(spec_free) struct spec *spec = NULL;
	struct err err = ERR_NONE;
	struct buf program = { 0 };

	snprintf(text, sizeof(text), CONFIG_LINUX("'seccomp':{%s}"), section);
	spec = spec_of(text);
	if (spec_check(spec, NULL, &err) < 0 ||
		seccomp_compile(spec->linux.seccomp, "config.json", &program, ret_flags, &err) < 0)
		fail_msg("%s: %s", section, err.msg);
	assert_int_equal(program.len % sizeof(struct sock_filter), 0);
	assert_true(program.len > 0);
	return program;
}

static uint32_t verdict(const struct buf *program, int nr, uint64_t arg0, uint64_t arg1)
{
	struct seccomp_data data = {
		.nr = nr,
		.arch = AUDIT_ARCH_X86_64,
		.args = { arg0, arg1 },
	};

	return run(program, &data);
}

static void allow_list(void **state)
{
	uint32_t flags = 99;
	AUTO(buf_done)
	struct buf p =
		compile("'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38,'syscalls':["
			"{'names':['read','write','no_such_call'],'action':'SCMP_ACT_ALLOW'},"
			"{'names':['ptrace'],'action':'SCMP_ACT_ERRNO','errnoRet':1},"
			"{'names':['reboot'],'action':'SCMP_ACT_ERRNO'}]",
			&flags);

	(void)state;
	assert_int_equal(flags, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	assert_int_equal(verdict(&p, SYS_read, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, SYS_write, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, SYS_ptrace, 0, 0), SECCOMP_RET_ERRNO | 1);
	assert_int_equal(verdict(&p, SYS_reboot, 0, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(verdict(&p, SYS_open, 0, 0), SECCOMP_RET_ERRNO | 38);
}

static void all_actions(void **state)
{
	uint32_t flags;
	AUTO(buf_done)
	struct buf p = compile("'defaultAction':'SCMP_ACT_ALLOW','syscalls':["
			       "{'names':['getpid'],'action':'SCMP_ACT_KILL'},"
			       "{'names':['getppid'],'action':'SCMP_ACT_KILL_PROCESS'},"
			       "{'names':['getuid'],'action':'SCMP_ACT_KILL_THREAD'},"
			       "{'names':['getgid'],'action':'SCMP_ACT_TRAP'},"
			       "{'names':['geteuid'],'action':'SCMP_ACT_TRACE','errnoRet':65535},"
			       "{'names':['getegid'],'action':'SCMP_ACT_LOG'},"
			       "{'names':['gettid'],'action':'SCMP_ACT_ALLOW'},"
			       "{'names':['getpgid'],'action':'SCMP_ACT_ERRNO','errnoRet':4094}]",
		&flags);

	(void)state;
	assert_int_equal(verdict(&p, SYS_getpid, 0, 0), SECCOMP_RET_KILL_THREAD);
	assert_int_equal(verdict(&p, SYS_getppid, 0, 0), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(verdict(&p, SYS_getuid, 0, 0), SECCOMP_RET_KILL_THREAD);
	assert_int_equal(verdict(&p, SYS_getgid, 0, 0), SECCOMP_RET_TRAP);
	assert_int_equal(verdict(&p, SYS_geteuid, 0, 0), SECCOMP_RET_TRACE | 65535);
	assert_int_equal(verdict(&p, SYS_getegid, 0, 0), SECCOMP_RET_LOG);
	assert_int_equal(verdict(&p, SYS_gettid, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&p, SYS_getpgid, 0, 0), SECCOMP_RET_ERRNO | 4094);
}

/* One rule on the first argument of personality(2). */
static bool matches(const char *op, uint64_t value, uint64_t two, uint64_t arg)
{
	char text[512];
	uint32_t flags;
	AUTO(buf_done) struct buf p = { 0 };

	snprintf(text, sizeof(text),
		"'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['personality'],"
		"'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':%llu,'valueTwo':%llu,"
		"'op':'SCMP_CMP_%s'}]}]",
		(unsigned long long)value, (unsigned long long)two, op);
	p = compile(text, &flags);
	return verdict(&p, SYS_personality, arg, 0) == SECCOMP_RET_ALLOW;
}

static void all_operators(void **state)
{
	const uint64_t big = UINT64_C(0x100000000);

	(void)state;
	assert_true(matches("EQ", 8, 0, 8));
	assert_false(matches("EQ", 8, 0, 8 + big));
	assert_true(matches("NE", 8, 0, 9));
	assert_false(matches("NE", 8, 0, 8));
	assert_true(matches("LT", 8, 0, 7));
	assert_false(matches("LT", 8, 0, 8));
	assert_true(matches("LE", 8, 0, 8));
	assert_false(matches("LE", 8, 0, big));
	assert_true(matches("GT", 8, 0, big));
	assert_false(matches("GT", 8, 0, 8));
	assert_true(matches("GE", 8, 0, 8));
	assert_false(matches("GE", 8, 0, 7));
	assert_true(matches("MASKED_EQ", 0x7e020000, 0, 0x11));
	assert_false(matches("MASKED_EQ", 0x7e020000, 0, 0x20000));
	assert_true(matches("MASKED_EQ", 0xff, 0x12, 0xff12));
}

static void several_arguments(void **state)
{
	uint32_t flags;
	AUTO(buf_done)
	struct buf both = compile("'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':['kill'],"
				  "'action':'SCMP_ACT_ALLOW','args':["
				  "{'index':0,'value':5,'op':'SCMP_CMP_EQ'},"
				  "{'index':1,'value':9,'op':'SCMP_CMP_EQ'}]}]",
		&flags);
	AUTO(buf_done)
	struct buf either = compile("'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'names':["
				    "'kill'],'action':'SCMP_ACT_ALLOW','args':["
				    "{'index':0,'value':5,'op':'SCMP_CMP_EQ'},"
				    "{'index':0,'value':6,'op':'SCMP_CMP_EQ'}]}]",
		&flags);

	(void)state;
	assert_int_equal(verdict(&both, SYS_kill, 5, 9), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&both, SYS_kill, 5, 8), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(verdict(&both, SYS_kill, 4, 9), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(verdict(&either, SYS_kill, 5, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&either, SYS_kill, 6, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&either, SYS_kill, 7, 0), SECCOMP_RET_ERRNO | EPERM);
}

static void architectures(void **state)
{
	uint32_t flags;
	AUTO(buf_done)
	struct buf all = compile("'defaultAction':'SCMP_ACT_ERRNO','architectures':["
				 "'SCMP_ARCH_X86_64','SCMP_ARCH_X86','SCMP_ARCH_X32',"
				 "'SCMP_ARCH_S390X','SCMP_ARCH_AARCH64'],'syscalls':["
				 "{'names':['read','getpid'],'action':'SCMP_ACT_ALLOW'},"
				 "{'names':['waitpid'],'action':'SCMP_ACT_LOG'}]",
		&flags);
	AUTO(buf_done)
	struct buf native = compile("'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':"
				    "['read'],'action':'SCMP_ACT_LOG'}]",
		&flags);
	struct seccomp_data i386 = { .nr = I386_READ, .arch = AUDIT_ARCH_I386 };

	(void)state;
	assert_int_equal(run(&all, &i386), SECCOMP_RET_ALLOW);
	i386.nr = I386_WAITPID;
	assert_int_equal(run(&all, &i386), SECCOMP_RET_LOG);
	assert_int_equal(verdict(&all, X32_BIT_GETPID, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&all, SYS_getpid, 0, 0), SECCOMP_RET_ALLOW);
	/* What is not listed must not be a way around the filter. */
	assert_int_equal(run(&native, &i386), SECCOMP_RET_KILL_THREAD);
	assert_int_equal(verdict(&native, X32_BIT_GETPID, 0, 0), SECCOMP_RET_KILL_THREAD);
}

static void filter_flags(void **state)
{
	uint32_t flags = 0;
	AUTO(buf_done)
	struct buf p = compile("'defaultAction':'SCMP_ACT_ALLOW','flags':["
			       "'SECCOMP_FILTER_FLAG_LOG','SECCOMP_FILTER_FLAG_SPEC_ALLOW',"
			       "'SECCOMP_FILTER_FLAG_TSYNC']",
		&flags);

	(void)state;
	assert_int_equal(flags, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |
					SECCOMP_FILTER_FLAG_TSYNC);
	assert_int_equal(verdict(&p, SYS_read, 0, 0), SECCOMP_RET_ALLOW);
}

/* Absent flags are those of other runtimes: a filter is no reason to slow the process down. */
static void flags_that_are_absent(void **state)
{
	uint32_t absent = 0, none = 99;
	AUTO(buf_done) struct buf p = compile("'defaultAction':'SCMP_ACT_ALLOW'", &absent);
	AUTO(buf_done) struct buf q = compile("'defaultAction':'SCMP_ACT_ALLOW','flags':[]", &none);

	(void)state;
	assert_int_equal(absent, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	assert_int_equal(none, 0);
	assert_int_equal(verdict(&p, SYS_read, 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(verdict(&q, SYS_read, 0, 0), SECCOMP_RET_ALLOW);
}

/* Some versions of libseccomp cannot make a binary tree of nothing. */
static void without_rules_the_default_holds(void **state)
{
	static const struct {
		const char *section;
		uint32_t wanted;
	} cases[] = {
		{ "'defaultAction':'SCMP_ACT_ALLOW'", SECCOMP_RET_ALLOW },
		{ "'defaultAction':'SCMP_ACT_LOG','syscalls':[]", SECCOMP_RET_LOG },
		{ "'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38,'syscalls':["
		  "{'names':['no_such_call'],'action':'SCMP_ACT_ALLOW'}]",
			SECCOMP_RET_ERRNO | 38 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint32_t flags;
		AUTO(buf_done) struct buf p = compile(cases[i].section, &flags);

		assert_int_equal(verdict(&p, SYS_read, 0, 0), cases[i].wanted);
		assert_int_equal(verdict(&p, SYS_clone, 0, 0), cases[i].wanted);
		assert_int_equal(verdict(&p, 400, 0, 0), cases[i].wanted);
	}
}

static void tables(void **state)
{
	(void)state;
	for (int t = 0; t < SECCOMP_TABLES; t++)
		for (size_t i = 0; seccomp_row(t, i); i++)
			assert_ptr_equal(
				seccomp_find(t, seccomp_row(t, i)->name), seccomp_row(t, i));
	assert_null(seccomp_find(SECCOMP_ACTIONS, ""));
}

static void listeners(void **state)
{
	uint32_t flags;
	AUTO(buf_done)
	struct buf p = compile("'defaultAction':'SCMP_ACT_ALLOW','listenerPath':'/s',"
			       "'flags':['SECCOMP_FILTER_FLAG_TSYNC','SECCOMP_FILTER_FLAG_LOG'],"
			       "'syscalls':[{'names':['mkdir'],'action':'SCMP_ACT_NOTIFY'}]",
		&flags);

	(void)state;
	assert_int_equal(flags, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_LOG);
	assert_int_equal(verdict(&p, SYS_mkdir, 0, 0), SECCOMP_RET_USER_NOTIF);
	assert_int_equal(verdict(&p, SYS_rmdir, 0, 0), SECCOMP_RET_ALLOW);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allow_list),
		cmocka_unit_test(all_actions),
		cmocka_unit_test(all_operators),
		cmocka_unit_test(several_arguments),
		cmocka_unit_test(architectures),
		cmocka_unit_test(filter_flags),
		cmocka_unit_test(flags_that_are_absent),
		cmocka_unit_test(without_rules_the_default_holds),
		cmocka_unit_test(tables),
		cmocka_unit_test(listeners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
