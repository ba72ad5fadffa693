/*
 * Stand-ins: see standin.h. A child moves a page of code to where nothing of the guest's process
 * is, jumps there and leaves the rest to its parent, which sends it system calls over a socket
 * pair: all other memory goes first, that of the C library too.
 */
#include "proxy/standin.h"

#include "base/auto.h"

#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/rseq.h>
#include <sys/socket.h>
#include <sys/syscall.h>

/* Code, the call at work, a path. */
#define OWN_BYTES (3ULL * STANDIN_PAGE)
/* Programs, their heaps and what mmap() gives out are all far away from these. */
#define PLACE_FIRST 0x100000000000ULL
#define PLACE_LAST  0x4ffffffff000ULL

/* What the code reads from descriptor 0: the result goes back the same way, in the first member. */
struct call {
	uint64_t nr, args[6];
};

_Static_assert(sizeof(struct call) == 56, "as the code has it");

/* rbx: where the call is read to. One that is not whole is the parent's end, and ours. */
__asm__(".pushsection .text.standin_code, \"ax\", @progbits\n"
	".balign 4096\n"
	"standin_code:\n"
	"1:	xor %eax, %eax\n" /* read */
	"	xor %edi, %edi\n"
	"	mov %rbx, %rsi\n"
	"	mov $56, %edx\n"
	"	syscall\n"
	"	cmp $56, %rax\n"
	"	jne 2f\n"
	"	mov (%rbx), %rax\n"
	"	mov 8(%rbx), %rdi\n"
	"	mov 16(%rbx), %rsi\n"
	"	mov 24(%rbx), %rdx\n"
	"	mov 32(%rbx), %r10\n"
	"	mov 40(%rbx), %r8\n"
	"	mov 48(%rbx), %r9\n"
	"	syscall\n"
	"	mov %rax, (%rbx)\n"
	"	mov $1, %eax\n" /* write */
	"	xor %edi, %edi\n"
	"	mov %rbx, %rsi\n"
	"	mov $8, %edx\n"
	"	syscall\n"
	"	jmp 1b\n"
	"2:	mov $231, %eax\n" /* exit_group */
	"	xor %edi, %edi\n"
	"	syscall\n"
	".balign 4096\n"
	".popsection\n");

extern const char standin_code[];

uint64_t standin_place(uint64_t random, const struct standin_area *areas, unsigned count)
{
	uint64_t places = (PLACE_LAST - PLACE_FIRST) / OWN_BYTES;
	uint64_t at = PLACE_FIRST + random % places * OWN_BYTES;

	for (unsigned i = 0; i < count; i++) {
		uint64_t end = areas[i].address + areas[i].len;

		if (areas[i].address >= at + OWN_BYTES || end <= at)
			continue;
		/* Behind it, or at the beginning, and then it is looked at again. */
		at = end < PLACE_LAST - 2 * OWN_BYTES
			     ? (end + STANDIN_PAGE - 1) & ~(uint64_t)(STANDIN_PAGE - 1)
			     : PLACE_FIRST;
		i = UINT_MAX;
	}
	return at;
}

/* The kernel writes to the C library's area whenever it has moved us to another CPU. */
static void leave_rseq(void)
{
	const size_t least = 32;

	if (__rseq_size)
		syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset,
			__rseq_size > least ? __rseq_size : least, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

/* Descriptor 0 is all that it has. */
static noreturn void child(int sock, int proc, uint64_t place)
{
	void *own = (void *)(uintptr_t)place;
	char pid[16] = "";

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "vmrun-target");
	if (readlinkat(proc, "self", pid, sizeof(pid) - 1) <= 0 ||
		write(sock, pid, sizeof(pid)) != sizeof(pid) || dup2(sock, 0) < 0 || chdir("/") < 0)
		_exit(1);
	syscall(SYS_close_range, 1, ~0U, 0);
	if (mmap(own, OWN_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != own ||
		mremap((void *)(uintptr_t)standin_code, STANDIN_PAGE, STANDIN_PAGE,
			MREMAP_MAYMOVE | MREMAP_FIXED, own) != own)
		_exit(1);
	leave_rseq();
	__asm__ volatile("jmp *%0" : : "r"(own), "b"(place + STANDIN_PAGE));
	__builtin_unreachable();
}

/* Lets it make a system call; *payload (may be NULL) is what the call reads from the socket. */
static int64_t call(const struct standin *s, const struct call *c, const void *payload, size_t len)
{
	int64_t result;

	if (send(s->sock, c, sizeof(*c), MSG_NOSIGNAL) != sizeof(*c) ||
		(payload && send(s->sock, payload, len, MSG_NOSIGNAL) != (ssize_t)len) ||
		recv(s->sock, &result, sizeof(result), 0) != sizeof(result))
		return -EPIPE;
	return result;
}

static int64_t unmap(const struct standin *s, uint64_t from, uint64_t to)
{
	const struct call c = { SYS_munmap, { from, to - from } };

	return call(s, &c, NULL, 0);
}

static int64_t copy_in(const struct standin *s, uint64_t to, const void *data, size_t len)
{
	const struct call c = { SYS_read, { 0, to, len } };

	return call(s, &c, data, len);
}

/* The code's write(2) is a message before its result. */
int standin_read(const struct standin *s, uint64_t from, void *to, size_t len)
{
	const struct call c = { SYS_write, { 0, from, len } };
	int64_t result;

	if (send(s->sock, &c, sizeof(c), MSG_NOSIGNAL) != sizeof(c) ||
		recv(s->sock, to, len, 0) != (ssize_t)len ||
		recv(s->sock, &result, sizeof(result), 0) != sizeof(result))
		return -EPIPE;
	return 0;
}

/* 0: it cannot have it. */
static int64_t add_area(const struct standin *s, const struct standin_area *area)
{
	const struct call c = { SYS_mmap,
		{ area->address, area->len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, UINT64_MAX, 0 } };
	int64_t r = call(s, &c, NULL, 0);

	if (r != (int64_t)area->address)
		return r == -EPIPE ? r : 0;
	return copy_in(s, area->address, area->data, area->len);
}

static int64_t enter_cwd(const struct standin *s, uint64_t path_at, const char *cwd)
{
	const struct call c = { SYS_chdir, { path_at } };
	int64_t r = copy_in(s, path_at, cwd, strlen(cwd) + 1);

	return r < 0 ? r : call(s, &c, NULL, 0);
}

static int furnish(struct standin *s, uint64_t place, const struct standin_area *areas,
	unsigned count, const char *cwd)
{
	int64_t r = unmap(s, 0, place);

	if (r != -EPIPE)
		r = unmap(s, place + OWN_BYTES, STANDIN_TOP);
	for (unsigned i = 0; i < count && r != -EPIPE; i++) {
		r = add_area(s, &areas[i]);
		s->present |= r > 0 ? 1U << i : 0;
	}
	if (r != -EPIPE && *cwd)
		r = enter_cwd(s, place + 2ULL * STANDIN_PAGE, cwd);
	return r == -EPIPE ? -EPIPE : 0;
}

/* Digits, of our own child. */
static pid_t read_pid(int sock)
{
	char text[16];
	pid_t pid = 0;

	if (recv(sock, text, sizeof(text), 0) != sizeof(text))
		return 0;
	for (size_t i = 0; text[i] >= '0' && text[i] <= '9' && i < 9; i++)
		pid = pid * 10 + (text[i] - '0');
	return pid;
}

int standin_start(int proc, const struct standin_area *areas, unsigned count, const char *cwd,
	struct standin *ret)
{
	uint64_t random, place;
	int pair[2], r;

	*ret = (struct standin){ 0 };
	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random) ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	place = standin_place(random, areas, count);
	ret->sock = pair[0];
	ret->pid = fork();
	if (ret->pid == 0)
		child(pair[1], proc, place);
	close(pair[1]);
	if (ret->pid < 0) {
		ret->pid = 0;
		close(pair[0]);
		return -EAGAIN;
	}
	ret->host_pid = read_pid(ret->sock);
	r = ret->host_pid ? furnish(ret, place, areas, count, cwd) : -EPIPE;
	if (r < 0)
		standin_end(ret);
	return r;
}

void standin_end(struct standin *s)
{
	if (s->pid == 0)
		return;
	kill(s->pid, SIGKILL);
	close(s->sock);
	*s = (struct standin){ 0 };
}
