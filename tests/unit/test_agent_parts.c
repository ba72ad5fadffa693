/* Parts of the agent on their own: device rules, program look-up, stream tokens, pumps. */
#include "agent/device_filter.h"
#include "agent/filesystem.h"
#include "agent/program.h"
#include "agent/pump.h"
#include "agent/stream.h"
#include "base/fd.h"
#include "base/str.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define BLOCK 1
#define CHAR  2
#define M     1
#define R     2
#define W     4

/* Runs the program on one access: the few instructions the compiler uses. */
static int evaluate(const struct bpf_program *prog, struct bpf_cgroup_dev_ctx ctx)
{
	uint64_t reg[11] = { 0 };

	for (size_t pc = 0; pc < prog->count; pc++) {
		const struct bpf_insn *i = &prog->insns[pc];
		bool jump;

		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(i->src_reg, BPF_REG_1);
			memcpy(&reg[i->dst_reg], (const char *)&ctx + i->off, 4);
			continue;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			reg[i->dst_reg] = reg[i->src_reg];
			continue;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			reg[i->dst_reg] = (uint64_t)(int64_t)i->imm;
			continue;
		case BPF_ALU | BPF_AND | BPF_K:
			reg[i->dst_reg] = (uint32_t)reg[i->dst_reg] & (uint32_t)i->imm;
			continue;
		case BPF_ALU | BPF_RSH | BPF_K:
			reg[i->dst_reg] = (uint32_t)reg[i->dst_reg] >> i->imm;
			continue;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			jump = (uint32_t)reg[i->dst_reg] != (uint32_t)i->imm;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			jump = (uint32_t)reg[i->dst_reg] == (uint32_t)i->imm;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)reg[0];
		default:
			fail_msg("instruction %zu: code %x", pc, i->code);
			return -1;
		}
		pc += jump ? (size_t)i->off : 0;
	}
	fail_msg("the program runs over its end");
	return -1;
}

struct rule {
	bool allow;
	const char *type;
	int64_t major, minor;
	const char *access;
};

static void compile(const struct rule *rules, size_t count, struct bpf_program *prog)
{
	Vmrun__Agent__DeviceRule messages[8];
	const Vmrun__Agent__DeviceRule *list[8];
	struct err err = ERR_NONE;

	for (size_t i = 0; i < count; i++) {
		vmrun__agent__device_rule__init(&messages[i]);
		messages[i].allow = rules[i].allow;
		messages[i].type = (char *)(uintptr_t)rules[i].type;
		messages[i].major = rules[i].major;
		messages[i].minor = rules[i].minor;
		messages[i].access = (char *)(uintptr_t)rules[i].access;
		list[i] = &messages[i];
	}
	assert_int_equal(device_filter_compile(list, count, prog, &err), 0);
}

static int allowed(const struct bpf_program *prog, uint32_t type, uint32_t access, uint32_t major,
	uint32_t minor)
{
	return evaluate(prog, (struct bpf_cgroup_dev_ctx){ access << 16 | type, major, minor });
}

static void test_device_none(void **state)
{
	AUTO(bpf_program_done) struct bpf_program prog = { 0 };

	(void)state;
	compile(NULL, 0, &prog);
	assert_int_equal(allowed(&prog, CHAR, R, 1, 3), 0);
	assert_int_equal(allowed(&prog, CHAR, M, 1, 3), 0);
	assert_int_equal(allowed(&prog, BLOCK, R, 8, 0), 0);
}

static void test_device_order(void **state)
{
	static const struct rule rules[] = {
		{ false, "a", -1, -1, "rwm" },
		{ true, "c", 10, -1, "rw" },
		{ false, "c", 10, 229, "w" },
		{ true, "b", 8, 0, "r" },
		{ true, "b", 8, 0, "w" },
	};
	AUTO(bpf_program_done) struct bpf_program prog = { 0 };

	(void)state;
	compile(rules, ARRAY_LEN(rules), &prog);
	assert_int_equal(allowed(&prog, CHAR, R | W, 10, 1), 1);
	assert_int_equal(allowed(&prog, CHAR, R, 10, 229), 1);
	assert_int_equal(allowed(&prog, CHAR, R | W, 10, 229), 0);
	/* Bits of one access may be granted by several rules. */
	assert_int_equal(allowed(&prog, BLOCK, R | W, 8, 0), 1);
	assert_int_equal(allowed(&prog, BLOCK, R | W, 8, 1), 0);
	assert_int_equal(allowed(&prog, CHAR, R, 5, 2), 0);
}

static void test_device_allow_all(void **state)
{
	static const struct rule rules[] = { { true, "a", -1, -1, "rwm" } };
	AUTO(bpf_program_done) struct bpf_program prog = { 0 };

	(void)state;
	compile(rules, 1, &prog);
	assert_int_equal(allowed(&prog, BLOCK, R | W | M, 253, 7), 1);
	assert_int_equal(allowed(&prog, CHAR, R | W, 1, 1), 1);
}

static void test_device_bad_rules(void **state)
{
	static const struct rule bad[] = {
		{ true, "x", -1, -1, "r" },
		{ true, "cb", -1, -1, "r" },
		{ true, "c", -2, -1, "r" },
		{ true, "c", -1, (int64_t)1 << 40, "r" },
		{ true, "c", -1, -1, "" },
		{ true, "c", -1, -1, "rx" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(bpf_program_done) struct bpf_program prog = { 0 };
		Vmrun__Agent__DeviceRule m = VMRUN__AGENT__DEVICE_RULE__INIT;
		const Vmrun__Agent__DeviceRule *list[] = { &m };
		struct err err = ERR_NONE;

		m.allow = true;
		m.type = (char *)(uintptr_t)bad[i].type;
		m.access = (char *)(uintptr_t)bad[i].access;
		m.major = bad[i].major;
		m.minor = bad[i].minor;
		assert_int_equal(device_filter_compile(list, 1, &prog, &err), -EINVAL);
	}
}

static void test_program_find(void **state)
{
	char dir[] = "/tmp/vmrun-program-XXXXXX", path[64], env[64], found[PATH_MAX];
	char *envs[] = { (char *)(uintptr_t) "A=b", env };
	struct err err = ERR_NONE;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/tool", dir);
	snprintf(env, sizeof(env), "PATH=/nonexistent:%s:/bin", dir);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	/* There but not executable: the search goes on, and fails. */
	assert_int_equal(program_find("tool", envs, 2, found, &err), -EINVAL);
	assert_string_equal(err.msg, "exec: \"tool\": executable file not found in $PATH");
	err_clear(&err);
	assert_int_equal(program_find(path, envs, 2, found, &err), -EACCES);
	err_clear(&err);
	chmod(path, 0755);
	assert_int_equal(program_find("tool", envs, 2, found, &err), 0);
	assert_string_equal(found, path);
	assert_int_equal(program_find(path, NULL, 0, found, &err), 0);
	assert_int_equal(program_find("sh", NULL, 0, found, &err), 0); /* the default PATH */
	assert_int_equal(program_find("", envs, 2, found, &err), -EINVAL);
	err_clear(&err);
	assert_int_equal(program_find(dir, envs, 2, found, &err), -EACCES);
	err_clear(&err);
	assert_int_equal(program_find("../x", envs, 2, found, &err), -EINVAL);
	assert_string_equal(err.msg, "exec: \"../x\": stat ../x: no such file or directory");
	assert_int_equal(chdir(dir), 0);
	snprintf(env, sizeof(env), "PATH=/nonexistent:");
	envs[1] = env;
	err_clear(&err);
	assert_int_equal(program_find("tool", envs, 2, found, &err), -EINVAL);
	unlink(path);
	rmdir(dir);
}

static void test_home(void **state)
{
	char home[PATH_MAX];

	(void)state;
	program_home(0, home);
	assert_string_equal(home, "/root");
	program_home(4000000000U, home);
	assert_string_equal(home, "/");
}

static void test_mount_attributes(void **state)
{
	struct mount_attr a = mount_attr_from_flags(MS_RDONLY | MS_NOSUID, MS_NODEV | MS_RDONLY);

	(void)state;
	assert_int_equal(a.attr_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	assert_int_equal(a.attr_clr, MOUNT_ATTR_NODEV);
	a = mount_attr_from_flags(MS_NOATIME, 0);
	assert_int_equal(a.attr_set, MOUNT_ATTR_NOATIME);
	assert_int_equal(a.attr_clr, MOUNT_ATTR__ATIME);
	a = mount_attr_from_flags(0, MS_NOATIME);
	assert_int_equal(a.attr_set, 0);
	assert_int_equal(a.attr_clr, MOUNT_ATTR__ATIME);
	a = mount_attr_from_flags(MS_BIND | MS_REC, 0);
	assert_int_equal(a.attr_set | a.attr_clr, 0);
}

static struct loop *loop;
static int claimed_fd;
static struct stream_claim *claim;

static void on_claim(void *arg, int fd)
{
	claimed_fd = fd;
	assert_null(claim);
	assert_ptr_equal(arg, loop);
	loop_quit(loop);
}

/* A connection whose other end has sent the bytes. */
static int connection(struct stream_hub *hub, const void *bytes, size_t len)
{
	int pair[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(fd_write_all(pair[1], bytes, len), 0);
	assert_int_equal(stream_hub_add(hub, pair[0]), 0);
	return pair[1];
}

static void on_timer(void *arg)
{
	(void)arg;
	loop_quit(loop);
}

/* quit is sticky, so each run has a loop of its own; a timer ends those in which nothing comes. */
static void with_hub(void (*fn)(struct stream_hub *hub))
{
	struct stream_hub *hub;
	struct loop_timer *timer;

	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(stream_hub_new(loop, &hub), 0);
	assert_int_equal(loop_timer_new(loop, on_timer, NULL, &timer), 0);
	assert_int_equal(loop_timer_set(timer, 200), 0);
	claimed_fd = -1;
	fn(hub);
	loop_timer_free(timer);
	stream_hub_free(hub);
	loop_free(loop);
}

static void claim_first(struct stream_hub *hub)
{
	int peer;
	char byte;

	assert_int_equal(stream_claim(hub, 0x0807060504030201, on_claim, loop, &claim), 0);
	assert_non_null(claim);
	assert_int_equal(stream_claim(hub, 0x0807060504030201, on_claim, loop, &claim), -EEXIST);
	peer = connection(hub, "\1\2\3\4\5\6\7\10x", 9);
	assert_int_equal(loop_run(loop), 0);
	assert_true(claimed_fd >= 0);
	/* What follows the token is the stream's. */
	assert_int_equal(read(claimed_fd, &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close(peer);
	close(claimed_fd);
}

static void claim_late(struct stream_hub *hub)
{
	int other = connection(hub, "\2\2\3\4\5\6\7\10", 8);
	int peer = connection(hub, "\1\2\3\4", 4);

	assert_int_equal(fd_write_all(peer, "\5\6\7\10", 4), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(claimed_fd, -1);
	assert_int_equal(stream_claim(hub, 0x0807060504030201, on_claim, loop, &claim), 0);
	assert_null(claim);
	assert_true(claimed_fd >= 0);
	close(peer);
	close(other);
	close(claimed_fd);
}

static void too_many(struct stream_hub *hub)
{
	int peers[70];
	char byte;

	for (size_t i = 0; i < ARRAY_LEN(peers); i++) {
		uint64_t token = i + 1;

		peers[i] = connection(hub, &token, sizeof(token));
	}
	assert_int_equal(loop_run(loop), 0);
	/* The oldest are gone, the others wait. */
	for (size_t i = 0; i < ARRAY_LEN(peers); i++) {
		ssize_t n = read(peers[i], &byte, 1);

		assert_true(i < ARRAY_LEN(peers) - 64 ? n <= 0 && errno != EAGAIN
						      : n < 0 && errno == EAGAIN);
		close(peers[i]);
		errno = 0;
	}
}

static void test_streams(void **state)
{
	(void)state;
	with_hub(claim_first);
	with_hub(claim_late);
	errno = 0;
	with_hub(too_many);
}

static void on_pump_end(void *arg)
{
	*(struct pump **)arg = NULL;
	loop_quit(loop);
}

/* More than pipe, pump and socket can hold together, from a process to another. */
static void test_pump(void **state)
{
	static uint8_t data[1 << 20];
	AUTO(buf_done) struct buf got = { 0 };
	struct pump *pump;
	int in[2], out[2];
	pid_t writer, reader;

	(void)state;
	memset(data, 0x5a, sizeof(data));
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, out), 0);
	writer = fork();
	if (writer == 0) {
		close(in[0]);
		_exit(fd_write_all(in[1], data, sizeof(data)) < 0);
	}
	reader = fork();
	if (reader == 0) {
		close(out[1]);
		close(in[1]);
		_exit(fd_read_to_end(out[0], sizeof(data), &got) < 0 || got.len != sizeof(data) ||
			memcmp(got.data, data, sizeof(data)) != 0);
	}
	close(in[1]);
	close(out[0]);
	assert_int_equal(fd_set_nonblock(in[0], true), 0);
	assert_int_equal(fd_set_nonblock(out[1], true), 0);
	assert_int_equal(pump_new(loop, in[0], out[1], on_pump_end, &pump, &pump), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_null(pump);
	for (int i = 0; i < 2; i++) {
		int status;

		assert_int_equal(waitpid(i ? writer : reader, &status, 0), i ? writer : reader);
		assert_int_equal(status, 0);
	}
	loop_free(loop);
}

static void test_pump_reader_gone(void **state)
{
	struct pump *pump;
	int in[2], out[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(pipe2(in, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, out), 0);
	close(out[0]);
	assert_int_equal(write(in[1], "x", 1), 1);
	assert_int_equal(pump_new(loop, in[0], out[1], on_pump_end, &pump, &pump), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_null(pump);
	assert_int_equal(write(in[1], "x", 1), -1);
	assert_int_equal(errno, EPIPE);
	close(in[1]);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device_none),
		cmocka_unit_test(test_device_order),
		cmocka_unit_test(test_device_allow_all),
		cmocka_unit_test(test_device_bad_rules),
		cmocka_unit_test(test_program_find),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_mount_attributes),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_pump),
		cmocka_unit_test(test_pump_reader_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
