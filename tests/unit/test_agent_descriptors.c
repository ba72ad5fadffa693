/* Descriptors that a process is given beside its standard streams, and its notify socket. */
#include "agent/calls.h"
#include "base/fd.h"
#include "rpc/ports.h"
#include "tests/unit/agent_box.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define TOKEN 0x1122334455667788

struct given {
	struct box_request r;
	Vmrun__Agent__Descriptor d[2], *list[2];
	Vmrun__Agent__ShareRef share;
};

/* A container with one descriptor, or more; none of its standard streams. */
static void given_init(struct given *g, const char *script, int kind)
{
	request_init(&g->r, "c", script);
	vmrun__agent__share_ref__init(&g->share);
	for (size_t i = 0; i < ARRAY_LEN(g->d); i++) {
		vmrun__agent__descriptor__init(&g->d[i]);
		g->list[i] = &g->d[i];
	}
	g->d[0].kind = (Vmrun__Agent__Descriptor__Kind)kind;
	g->r.process.descriptors = g->list;
	g->r.process.n_descriptors = 1;
}

static void given_start(struct given *g)
{
	Vmrun__Agent__StartContainerRequest start = VMRUN__AGENT__START_CONTAINER_REQUEST__INIT;

	g->r.stdio.stdin = g->r.stdio.stdout = g->r.stdio.stderr = 0;
	start.container = g->r.create.container;
	box_call(&box, create_container, &g->r.create);
	box_call(&box, start_container, &start);
}

static void pipes_reach_the_host(void **state)
{
	AUTO_CLOSE int in = box_stream(&box, TOKEN);
	AUTO_CLOSE int out = -1;
	struct given g;
	char got[16] = "";

	(void)state;
	given_init(&g, "tr a-z A-Z <&3 >&4; exec 4>&-; sleep 1000",
		VMRUN__AGENT__DESCRIPTOR__KIND__STREAM);
	g.r.process.n_descriptors = 2;
	g.d[0].token = TOKEN;
	g.d[0].from_host = true;
	g.d[1].token = TOKEN + 1;
	g.d[1].to_host = true;
	given_start(&g);
	out = box_stream(&box, TOKEN + 1);
	assert_int_equal(fd_write_all(in, "question", 8), 0);
	shutdown(in, SHUT_WR);
	assert_int_equal(fd_read_all(out, got, 8), 0);
	assert_string_equal(got, "QUESTION");
	/* Closed in the container, which goes on. */
	assert_int_equal(read(out, got, 1), 0);
	box_delete(&box, "c");
}

static void a_socket_has_two_directions(void **state)
{
	AUTO_CLOSE int host = -1;
	struct given g;
	char got[16] = "";

	(void)state;
	given_init(
		&g, "cat <&3 >&3; exec 3>&-; sleep 1000", VMRUN__AGENT__DESCRIPTOR__KIND__STREAM);
	g.d[0].token = TOKEN;
	g.d[0].from_host = g.d[0].to_host = true;
	given_start(&g);
	host = box_stream(&box, TOKEN);
	assert_int_equal(fd_write_all(host, "there", 5), 0);
	assert_int_equal(fd_read_all(host, got, 5), 0);
	assert_string_equal(got, "there");
	shutdown(host, SHUT_WR);
	assert_int_equal(read(host, got, 1), 0);
	box_delete(&box, "c");
}

/* The answer of Wait comes when all is passed on. */
static void the_last_bytes_come(void **state)
{
	AUTO_CLOSE int out = -1;
	struct given g;
	char got[8] = "";

	(void)state;
	given_init(&g, "echo last >&3", VMRUN__AGENT__DESCRIPTOR__KIND__STREAM);
	g.d[0].token = TOKEN;
	g.d[0].to_host = true;
	given_start(&g);
	out = box_stream(&box, TOKEN);
	assert_int_equal(box_wait(&box, "c", ""), 0);
	assert_int_equal(recv(out, got, sizeof(got), MSG_DONTWAIT), 5);
	assert_string_equal(got, "last\n");
	box_delete(&box, "c");
}

static void files_are_opened_where_they_were(void **state)
{
	struct box_result res;
	struct given g;

	(void)state;
	given_init(&g, "cat <&3; head -c 2 <&4 | wc -c", VMRUN__AGENT__DESCRIPTOR__KIND__FILE);
	g.r.process.n_descriptors = 2;
	g.share.share = (char *)(uintptr_t) "1";
	g.share.path = (char *)(uintptr_t) "file";
	g.d[0].file = &g.share;
	g.d[0].offset = 5;
	g.d[1].kind = VMRUN__AGENT__DESCRIPTOR__KIND__DEVICE;
	g.d[1].minor = 5;
	g.d[1].flags = O_RDONLY;
	box_run(&box, &g.r, &res);
	assert_string_equal(res.out, "share 1\n2\n");
	result_done(&res);
}

/* Of a directory there is no way up, to other shares. */
static void directories_are_no_way_out(void **state)
{
	struct box_result res;
	struct given g;

	(void)state;
	given_init(&g, "ls /proc/self/fd/3; ls /proc/self/fd/3/../..",
		VMRUN__AGENT__DESCRIPTOR__KIND__FILE);
	g.share.share = (char *)(uintptr_t) "1";
	g.d[0].file = &g.share;
	g.d[0].flags = O_RDONLY | O_DIRECTORY;
	box_run(&box, &g.r, &res);
	assert_string_equal(res.out, "file\nfile\n");
	result_done(&res);
}

static void connect_socket(unsigned number, uint64_t token)
{
	Vmrun__Agent__ConnectSocketRequest in = VMRUN__AGENT__CONNECT_SOCKET_REQUEST__INIT;

	in.container = (char *)(uintptr_t) "c";
	in.number = number;
	in.token = token;
	box_call(&box, connect_socket, &in);
}

/* The container keeps it open and never accepts: connections wait in its kernel. */
static void listeners_are_connected(void **state)
{
	static const struct sockaddr_un name = { AF_UNIX, "/some/where/s.sock" };
	Vmrun__Agent__ConnectSocketRequest in = VMRUN__AGENT__CONNECT_SOCKET_REQUEST__INIT;
	struct sockaddr_in inet = { .sin_family = AF_INET, .sin_port = 0 };
	AUTO_CLOSE int one = -1;
	AUTO_CLOSE int two = -1;
	struct given g;
	char byte;

	(void)state;
	/* An address of a documentation network, which nobody has. */
	inet.sin_addr.s_addr = htonl(0xc0000201);
	given_init(&g, "sleep 1000", VMRUN__AGENT__DESCRIPTOR__KIND__LISTENER);
	g.r.process.n_descriptors = 2;
	g.d[0].address.data = (uint8_t *)(uintptr_t)&name;
	g.d[0].address.len = offsetof(struct sockaddr_un, sun_path) + strlen(name.sun_path) + 1;
	g.d[1].kind = VMRUN__AGENT__DESCRIPTOR__KIND__LISTENER;
	g.d[1].address.data = (uint8_t *)&inet;
	g.d[1].address.len = sizeof(inet);
	given_start(&g);
	connect_socket(3, TOKEN);
	connect_socket(4, TOKEN + 1);
	one = box_stream(&box, TOKEN);
	two = box_stream(&box, TOKEN + 1);
	assert_int_equal(fd_write_all(one, "x", 1), 0);
	assert_int_equal(fd_write_all(two, "x", 1), 0);
	in.container = (char *)(uintptr_t) "c";
	in.number = 5;
	box_fails(&box, connect_socket, &in, "descriptor 5 is no listening socket");
	/* Its end is theirs. */
	box_delete(&box, "c");
	assert_true(read(one, &byte, 1) <= 0);
	assert_true(read(two, &byte, 1) <= 0);
}

static void a_listener_has_the_hosts_name(void **state)
{
	static const struct sockaddr_un name = { AF_UNIX, "/some/where/s.sock" };
	struct box_result res;
	struct given g;

	(void)state;
	given_init(&g, "grep -c ' /some/where/s.sock$' /proc/net/unix; ls /some /dir 2>/dev/null",
		VMRUN__AGENT__DESCRIPTOR__KIND__LISTENER);
	g.r.create.n_namespaces = 4; /* the agent's network */
	g.d[0].address.data = (uint8_t *)(uintptr_t)&name;
	g.d[0].address.len = offsetof(struct sockaddr_un, sun_path) + strlen(name.sun_path) + 1;
	box_run(&box, &g.r, &res);
	assert_string_equal(res.out, "1\n/dir:\n");
	result_done(&res);
}

static void bad_ones_are_refused(void **state)
{
	struct given g;

	(void)state;
	given_init(&g, "true", 17);
	g.r.stdio.stdin = g.r.stdio.stdout = g.r.stdio.stderr = 0;
	box_fails(&box, create_container, &g.r.create, "descriptor 3: unknown kind 17");
	g.d[0].kind = VMRUN__AGENT__DESCRIPTOR__KIND__STREAM;
	box_fails(&box, create_container, &g.r.create, "without direction or token");
	g.d[0].kind = VMRUN__AGENT__DESCRIPTOR__KIND__DEVICE;
	g.d[0].minor = 1;
	box_fails(&box, create_container, &g.r.create, "descriptor 3: memory device 1");
	g.d[0].kind = VMRUN__AGENT__DESCRIPTOR__KIND__LISTENER;
	box_fails(&box, create_container, &g.r.create, "an address of 0 bytes");
	g.d[0].kind = VMRUN__AGENT__DESCRIPTOR__KIND__FILE;
	g.share.share = (char *)(uintptr_t) "nosuch";
	g.d[0].file = &g.share;
	box_fails(&box, create_container, &g.r.create, "share \"nosuch\"");
}

static void sd_notify_in(const char *text)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/scratch/c/notify.sock", box.dir);
	assert_int_equal(sendto(fd, text, strlen(text), 0, (struct sockaddr *)&addr, sizeof(addr)),
		(ssize_t)strlen(text));
}

static void next_is(const char *text)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	Vmrun__Agent__NextSdNotifyResponse *out;
	struct err err = ERR_NONE;

	in.container = (char *)(uintptr_t) "c";
	if (agent_call_next_sd_notify(box.client, &in, 10000, &out, &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(out->datagram.len, strlen(text));
	assert_memory_equal(out->datagram.data, text, strlen(text));
	vmrun__agent__next_sd_notify_response__free_unpacked(out, NULL);
}

static void notifications_come_in_order(void **state)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	char text[SD_NOTIFY_MAX + 8], most[SD_NOTIFY_MAX + 1] = "";
	struct given g;

	(void)state;
	given_init(&g, "stat -c '%F %a' /run/notify/notify.sock >/tmp/seen; sleep 1000", 0);
	g.r.process.n_descriptors = 0;
	g.r.create.sd_notify_path = (char *)(uintptr_t) "/run/notify/notify.sock";
	given_start(&g);
	sd_notify_in("STATUS=one");
	sd_notify_in("STATUS=two\nREADY=1\n");
	next_is("STATUS=one");
	next_is("STATUS=two\nREADY=1\n");
	in.container = (char *)(uintptr_t) "c";
	box_call(&box, wait_ready, &in);
	/* What is too long loses the line that is cut. */
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	text[100] = '\n';
	memcpy(most, text, 100);
	sd_notify_in(text);
	next_is(most);
	box_delete(&box, "c");
	given_start(&g);
	sd_notify_in("STOPPING=1");
	{
		Vmrun__Agent__SignalRequest kill = VMRUN__AGENT__SIGNAL_REQUEST__INIT;

		kill.container = in.container;
		kill.signal = 9;
		box_call(&box, signal, &kill);
	}
	assert_int_equal(box_wait(&box, "c", ""), 137);
	next_is("STOPPING=1");
	box_fails(&box, next_sd_notify, &in, "the container has ended");
	box_fails(&box, wait_ready, &in, "the container has ended");
	box_delete(&box, "c");
}

static void others_have_none(void **state)
{
	Vmrun__Agent__ContainerRequest in = VMRUN__AGENT__CONTAINER_REQUEST__INIT;
	struct given g;

	(void)state;
	given_init(&g, "sleep 1000", 0);
	g.r.process.n_descriptors = 0;
	given_start(&g);
	in.container = (char *)(uintptr_t) "c";
	box_fails(&box, next_sd_notify, &in, "no notify socket");
	box_fails(&box, wait_ready, &in, "no notify socket");
	box_delete(&box, "c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pipes_reach_the_host),
		cmocka_unit_test(a_socket_has_two_directions),
		cmocka_unit_test(the_last_bytes_come),
		cmocka_unit_test(files_are_opened_where_they_were),
		cmocka_unit_test(directories_are_no_way_out),
		cmocka_unit_test(listeners_are_connected),
		cmocka_unit_test(a_listener_has_the_hosts_name),
		cmocka_unit_test(bad_ones_are_refused),
		cmocka_unit_test(notifications_come_in_order),
		cmocka_unit_test(others_have_none),
	};

	if (!box_possible())
		return 77; /* automake: skipped */
	return cmocka_run_group_tests(tests, box_set_up, box_tear_down);
}
