/* Bound sockets of the agent: connections are told once, streams join them, both ends end. */
#include "agent/calls.h"
#include "base/fd.h"
#include "tests/unit/agent_box.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static size_t mount_index;

static int set_up(void **state)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)box_set_up(state);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/shares/sock", box.dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(chmod(addr.sun_path, 0640), 0);
	assert_int_equal(chown(addr.sun_path, 7, 8), 0);
	return 0;
}

static void create(const char *script)
{
	Vmrun__Agent__ShareRef share = VMRUN__AGENT__SHARE_REF__INIT;
	struct box_request r;
	Vmrun__Agent__Mount *m;

	request_init(&r, "c", script);
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	share.share = (char *)(uintptr_t) "sock";
	m = request_mount(&r, "bind", "/run/s");
	m->flags = MS_BIND;
	m->share = &share;
	mount_index = r.create.n_mounts - 1;
	box_call(&box, create_container, &r.create);
}

/* As a process of the container would. */
static int connect_in(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/scratch/c/s%zu", box.dir, mount_index);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static uint64_t next(uint64_t refused)
{
	Vmrun__Agent__NextSocketRequest in = VMRUN__AGENT__NEXT_SOCKET_REQUEST__INIT;
	Vmrun__Agent__NextSocketResponse *out;
	struct err err = ERR_NONE;
	uint64_t token;

	in.container = (char *)(uintptr_t) "c";
	in.refused = refused;
	if (agent_call_next_socket(box.client, &in, 10000, &out, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(out->share, "sock");
	token = out->token;
	vmrun__agent__next_socket_response__free_unpacked(out, NULL);
	return token;
}

static void passes(int from, int to, const char *text)
{
	char got[64];

	assert_int_equal(fd_write_all(from, text, strlen(text)), 0);
	assert_int_equal(fd_read_all(to, got, strlen(text)), 0);
	assert_memory_equal(got, text, strlen(text));
}

static void ended(int fd)
{
	char byte;

	assert_true(read(fd, &byte, 1) <= 0);
}

static void streams_join_connections(void **state)
{
	AUTO_CLOSE int one = -1;
	AUTO_CLOSE int two = -1;
	AUTO_CLOSE int host = -1;
	AUTO_CLOSE int host_two = -1;
	uint64_t token;

	(void)state;
	create("sleep 1000");
	one = connect_in();
	two = connect_in();
	token = next(0);
	host = box_stream(&box, token);
	passes(one, host, "question");
	passes(host, one, "answer");
	shutdown(one, SHUT_WR);
	ended(host);
	passes(host, one, "still there");
	shutdown(host, SHUT_WR);
	ended(one);
	token = next(0);
	host_two = box_stream(&box, token);
	passes(two, host_two, "the second");
	/* Gone for good, not only silent. */
	close_fd(&two);
	ended(host_two);
	close_fd(&one);
	one = connect_in();
	token = next(0);
	two = connect_in();
	assert_true(next(token) != token);
	ended(one);
	box_delete(&box, "c");
	ended(two);
}

static void looks_like_the_hosts(void **state)
{
	struct box_result res;
	struct box_request r;
	Vmrun__Agent__ShareRef share = VMRUN__AGENT__SHARE_REF__INIT;
	Vmrun__Agent__Mount *m;

	(void)state;
	request_init(&r, "c", "stat -c '%F %a %u %g' /run/s");
	share.share = (char *)(uintptr_t) "sock";
	m = request_mount(&r, "bind", "/run/s");
	m->flags = MS_BIND | MS_RDONLY;
	m->share = &share;
	box_run(&box, &r, &res);
	assert_string_equal(res.out, "socket 640 7 8\n");
	result_done(&res);
}

static void others_have_none(void **state)
{
	Vmrun__Agent__NextSocketRequest in = VMRUN__AGENT__NEXT_SOCKET_REQUEST__INIT;
	struct box_request r;

	(void)state;
	request_init(&r, "c", "true");
	r.stdio.stdin = r.stdio.stdout = r.stdio.stderr = 0;
	box_call(&box, create_container, &r.create);
	in.container = (char *)(uintptr_t) "c";
	box_fails(&box, next_socket, &in, "no bound sockets");
	in.container = (char *)(uintptr_t) "nosuch";
	box_fails(&box, next_socket, &in, "nosuch");
	box_delete(&box, "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(streams_join_connections),
		cmocka_unit_test(looks_like_the_hosts),
		cmocka_unit_test(others_have_none),
	};

	if (!box_possible())
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, set_up, box_tear_down);
}
