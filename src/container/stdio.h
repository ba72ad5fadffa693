/*
 * The streams of a process: the caller's descriptors become host ends of vsock connections
 * (rpc/vmctl.h), named to the agent by random tokens.
 */
#pragma once

#include "agent/agent.pb-c.h"
#include "base/err.h"
#include "rpc/ports.h"

#include <stdbool.h>
#include <termios.h>

/* Standard streams, and those of further descriptors behind them. */
#define STDIO_STREAMS_MAX 3
#define STREAMS_MAX	  (STDIO_STREAMS_MAX + DESCRIPTORS_MAX)

struct stdio {
	bool terminal;

	struct stream {
		uint64_t token;
		int fd;		/* what vmrun-vm gets */
		uint32_t flags; /* VMCTL_TO_GUEST, VMCTL_FROM_GUEST */
		int done_in;	/* end of file: the stream's last byte is written; or -1 */
		int done_out;
	} stream[STREAMS_MAX];

	unsigned count;
	/* As those of a stream, for all further ones that the guest writes to; or -1. */
	int more_done_in, more_done_out;
	int tty_fd;	      /* the anchor follows its size; -1 without a terminal */
	bool tty_own;	      /* a pty that we made for a console socket */
	bool apart;	      /* input comes from one stream, output goes to another */
	struct termios saved; /* of our own terminal, when raw: tty_fd */
	bool raw;
	uint16_t rows, columns; /* of the terminal, 0 when it does not say */
};

#define STDIO_INIT                                                                                 \
	{                                                                                          \
		.more_done_in = -1, .more_done_out = -1, .tty_fd = -1                              \
	}

/* fds 0, 1 and 2 as three streams. They are open (fds_open_stdio()). */
int stdio_from_caller(struct stdio *s, struct err *err) CHECKED;
/*
 * Sends fd to the UNIX socket at path, in one message with a name that nobody reads (the contract
 * of conmon and containerd). option: what err calls the socket, "--console-socket".
 */
int stdio_hand_out(
	const char *option, const char *path, const char *name, int fd, struct err *err) CHECKED;
/* A new pseudo-terminal, whose master is sent to the UNIX socket `console`. */
int stdio_from_console(struct stdio *s, const char *console, struct err *err) CHECKED;
/*
 * Our own terminal, in raw mode until stdio_done(): the first one of fds 2, 1 and 0, or /dev/tty.
 * As with runc, input comes from fd 0 and output goes to fd 1 even if they are something else.
 */
int stdio_from_terminal(struct stdio *s, struct err *err) CHECKED;

/*
 * One more: fd stays the caller's. readable, writable: for the process in the guest. *token names
 * it to the agent.
 */
int stdio_add(struct stdio *s, int fd, bool readable, bool writable, uint64_t *token,
	struct err *err) CHECKED;

/* Writes the tokens of the standard streams, terminal and size into the message. */
void stdio_describe(const struct stdio *s, Vmrun__Agent__Stdio *ret);

/* Asks vmrun-vm for the connections without waiting; stdio_connected() collects the answers. */
int stdio_connect(struct stdio *s, int ctl, struct err *err) CHECKED;
int stdio_connected(struct stdio *s, int ctl, struct err *err) CHECKED;

/* Closes everything and gives our own terminal back as it was. */
void stdio_done(struct stdio *s);
