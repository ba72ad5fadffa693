/* Giving up privileges: see confine.h. Called once, from main.c. */
#include "proxy/confine.h"

#include "base/auto.h"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Allowed when (argument `arg` & mask) == value; mask 0: always. Only low halves are looked at. */
struct rule {
	uint32_t nr;
	unsigned arg;
	uint32_t mask, value;
};

static const struct rule allowed[] = {
	{ SYS_read, 0, 0, 0 },
	{ SYS_close, 0, 0, 0 },
	{ SYS_poll, 0, 0, 0 },
	{ SYS_recvfrom, 0, 0, 0 },
	{ SYS_recvmsg, 0, 0, 0 },
	{ SYS_sendto, 0, 0, 0 },
	{ SYS_sendmsg, 0, 0, 0 },
	{ SYS_ioctl, 1, UINT32_MAX, TIOCGWINSZ },
	{ SYS_prctl, 0, UINT32_MAX, PR_SET_PDEATHSIG },
	/* the exit record */
	{ SYS_openat, 0, 0, 0 },
	{ SYS_write, 0, 0, 0 },
	{ SYS_renameat, 0, 0, 0 },
	{ SYS_unlinkat, 0, 0, 0 },
	{ SYS_getpid, 0, 0, 0 },
	/* relays, whose time is over */
	{ SYS_kill, 1, UINT32_MAX, SIGKILL },
	/* the death record: how far the container had come, the end of the log */
	{ SYS_faccessat, 0, 0, 0 },
	{ SYS_faccessat2, 0, 0, 0 },
	{ SYS_lseek, 0, 0, 0 },
	/* memory, never executable */
	{ SYS_brk, 0, 0, 0 },
	{ SYS_mmap, 2, PROT_EXEC, 0 },
	{ SYS_mremap, 0, 0, 0 },
	{ SYS_munmap, 0, 0, 0 },
	{ SYS_madvise, 0, 0, 0 },
	/* the C library: the clock where the vDSO has none, the end, a failed assertion */
	{ SYS_clock_gettime, 0, 0, 0 },
	{ SYS_restart_syscall, 0, 0, 0 },
	{ SYS_rt_sigprocmask, 0, 0, 0 },
	{ SYS_rt_sigreturn, 0, 0, 0 },
	{ SYS_gettid, 0, 0, 0 },
	{ SYS_tgkill, 0, 0, 0 },
	{ SYS_exit_group, 0, 0, 0 },
};

/* The relay's besides. */
static const struct rule allowed_to_relay[] = {
	{ SYS_socket, 0, UINT32_MAX, AF_UNIX },
	{ SYS_setsockopt, 2, UINT32_MAX, SO_SNDTIMEO },
	{ SYS_connect, 0, 0, 0 },
	{ SYS_accept4, 0, 0, 0 },
	{ SYS_getrandom, 0, 0, 0 },
};

/* What clone(2) may do when a process is forked: tell of it in the child's memory. */
#define FORK_FLAGS ((uint32_t)(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID) | CSIGNAL)

/* The listener's server, and the stand-ins that it forks. */
static const struct rule allowed_to_notify[] = {
	{ SYS_clone, 0, ~FORK_FLAGS, 0 },
	{ SYS_set_robust_list, 0, 0, 0 },
	{ SYS_rseq, 0, 0, 0 },
	{ SYS_prctl, 0, UINT32_MAX, PR_SET_NAME },
	{ SYS_getrandom, 0, 0, 0 },
	{ SYS_socketpair, 0, UINT32_MAX, AF_UNIX },
	{ SYS_readlinkat, 0, 0, 0 },
	{ SYS_dup2, 0, 0, 0 },
	{ SYS_close_range, 0, 0, 0 },
	{ SYS_chdir, 0, 0, 0 },
	{ SYS_kill, 0, 0, 0 },
};

/* Who gives up: what else it may call, the capabilities that it keeps. */
struct role {
	const struct rule *more;
	size_t count;
	uint32_t kept;
};

static const struct role proxy_role = { NULL, 0, 0 };
static const struct role relay_role = {
	allowed_to_relay,
	ARRAY_LEN(allowed_to_relay),
	1U << CAP_DAC_OVERRIDE,
};
static const struct role notify_role = { allowed_to_notify, ARRAY_LEN(allowed_to_notify), 0 };

#define INSNS_PER_ROW 5
#define ROWS_MAX      (ARRAY_LEN(allowed) + ARRAY_LEN(allowed_to_notify))
#define INSNS_MAX     (5 + INSNS_PER_ROW * ROWS_MAX)

_Static_assert(ARRAY_LEN(allowed_to_relay) <= ARRAY_LEN(allowed_to_notify), "the longest counts");
_Static_assert(INSNS_MAX < UINT8_MAX, "a jump past all rows has 8 bits");

/* left: rows behind this one. */
static unsigned add_row(struct sock_filter *at, const struct rule *rule, size_t left)
{
	const struct sock_filter insns[INSNS_PER_ROW] = {
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->nr, 0, INSNS_PER_ROW - 1),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			(uint32_t)offsetof(struct seccomp_data, args) + 8 * rule->arg),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule->mask),
		/* Another value: past all rows, since the number is not loaded any more. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule->value, 0,
			(uint8_t)(left * INSNS_PER_ROW + 1)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	for (unsigned i = 0; i < INSNS_PER_ROW; i++)
		at[i] = insns[i];
	return INSNS_PER_ROW;
}

static int filter_syscalls(const struct role *role)
{
	size_t more = role->count;
	struct sock_filter insns[INSNS_MAX] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	unsigned n = 4;
	struct sock_fprog program;

	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		n += add_row(insns + n, &allowed[i], ARRAY_LEN(allowed) - i - 1 + more);
	for (size_t i = 0; i < more; i++)
		n += add_row(insns + n, &role->more[i], more - i - 1);
	insns[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	program = (struct sock_fprog){ .len = (unsigned short)n, .filter = insns };
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0 ? -errno : 0;
}

static int restrict_files(int record_dir_fd)
{
	const struct landlock_ruleset_attr all = {
		/* Everything that the first version of Landlock knows. */
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	const struct landlock_path_beneath_attr record = {
		/* file_replace(): a temporary name, renamed. */
		.allowed_access = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
				  LANDLOCK_ACCESS_FS_REMOVE_FILE,
		.parent_fd = record_dir_fd,
	};
	AUTO_CLOSE int rules = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);

	if (rules < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;
	if (record_dir_fd >= 0 &&
		syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &record, 0) < 0)
		return -errno;
	return syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? -errno : 0;
}

static int drop_capabilities(const struct role *role)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct kept[2] = { { 0 }, { 0 } };

	kept[0].effective = kept[0].permitted = role->kept;
	return syscall(SYS_capset, &head, kept) < 0 ? -errno : 0;
}

static int give_up(int record_dir_fd, const struct role *role, struct err *err)
{
	int r;

	/* First: without capabilities the other two are allowed only to who can gain none. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "no_new_privs");
	r = drop_capabilities(role);
	if (r < 0)
		return err_sys(err, -r, "cannot drop capabilities");
	r = restrict_files(record_dir_fd);
	if (r < 0)
		return err_sys(err, -r, "Landlock");
	r = filter_syscalls(role);
	return r < 0 ? err_sys(err, -r, "seccomp") : 0;
}

int confine(int record_dir_fd, struct err *err)
{
	return give_up(record_dir_fd, &proxy_role, err);
}

int confine_relay(struct err *err)
{
	return give_up(-1, &relay_role, err);
}

int confine_notify(struct err *err)
{
	return give_up(-1, &notify_role, err);
}
