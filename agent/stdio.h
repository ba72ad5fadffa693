/*
 * The agent's side of a process's streams: pipes (or a terminal's master) on one side, stream
 * connections on the other, pumps between them. Beside the standard ones there are those of further
 * descriptors (descriptors.h).
 */
#pragma once

#include "agent/agent.h"
#include "agent/agent.pb-c.h"
#include "agent/stream.h"
#include "rpc/ports.h"

#include <stdbool.h>

struct duplex;
struct pump;

/* One direction between a process and a stream connection. */
struct stdio_stream {
	struct stdio *io;
	bool output; /* from the process */
	int fd;	     /* our end of the pipe until a pump owns it, or -1 */
	struct stream_claim *claim;
	struct pump *pump;
};

/* A further descriptor's. */
struct stdio_more {
	struct stdio *io;
	struct duplex *duplex; /* NULL: it has ended */
};

struct stdio {
	struct loop *loop;
	struct stdio_stream in, out, error;
	/* Of a terminal: `in` and `out` are its two directions, on one stream connection or two. */
	bool terminal;
	bool own_input;	       /* a connection of its own, claimed by in.claim */
	int tty;	       /* the master, kept for the window size */
	int connection, input; /* came before the master did */
	struct stream_claim *tty_claim;
	struct stdio_more more[DESCRIPTORS_MAX];
	unsigned more_count;
	bool ended;		  /* the process has ended */
	bool drained;		  /* and told() was called */
	struct loop_timer *grace; /* bounds how long output may follow the end */
	void (*told)(void *arg);
	void *arg;
};

/*
 * Makes the pipes and claims the tokens. child[3]: the process's ends, owned by the caller; -1
 * where it gets /dev/null, and everywhere for a terminal. told(arg) is called once, from the loop,
 * when the process has ended and its output was passed on.
 */
int stdio_init(struct stdio *io, struct loop *loop, struct stream_hub *hub,
	const Vmrun__Agent__Stdio *spec, void (*told)(void *arg), void *arg, int child[3],
	struct err *err) CHECKED;

/*
 * Joins fd, our end of a pipe or a pair of sockets (non-blocking, taken also on failure), to the
 * stream with the token; directions as for duplex_new(). 0 or -errno.
 */
int stdio_add(
	struct stdio *io, struct agent *a, int fd, uint64_t token, unsigned directions) CHECKED;

/* The terminal's master, owned by io from here on. */
void stdio_set_terminal(struct stdio *io, int master);

/* 0, -ENOTTY without a terminal, or -errno. */
int stdio_resize(struct stdio *io, uint32_t rows, uint32_t columns) CHECKED;

/* The process has ended: no more input, and output for two seconds at most. */
void stdio_process_ended(struct stdio *io);

/* Closes everything; told is not called. */
void stdio_done(struct stdio *io);
