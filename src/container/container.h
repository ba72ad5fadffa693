/*
 * The lifecycle of containers, as the OCI runtime specification's operations. The only place that
 * knows it; commands (and later the shim) call it.
 */
#pragma once

#include "base/err.h"
#include "base/str.h"
#include "container/descriptors.h"
#include "container/state.h"
#include "pod/runtime.h"

#include <stdbool.h>
#include <sys/types.h>

struct create_options {
	const char *bundle;	    /* a directory */
	const char *config;	    /* NULL: config.json; its path from the bundle on */
	const char *pid_file;	    /* or NULL */
	const char *console_socket; /* or NULL */
	const char *pidfd_socket;   /* or NULL */
	bool foreground;	    /* a terminal may be our own; the anchor stays our child */
	const struct passed_fds *passed;
	const char *notify_socket; /* of the service manager, or NULL */
};

/* What a create leaves for a start in the same process: it need not be looked up again. */
struct fresh {
	struct state *state; /* locked; NULL: there is nothing */
	struct spec *spec;
	struct rpc_client *agent;
};

/* The process that stands for one in the guest, and what must last as long as it is waited for. */
struct attached {
	pid_t anchor;
	bool foreground;
	struct stdio *stdio;
	struct ready *ready; /* what attached_wait() also waits for, or NULL */
	struct fresh fresh;  /* of a container; a start takes it */
};

/*
 * Makes a container up to, not including, its start. Descriptors that are passed on are closed.
 * On failure nothing is left. ret (may be NULL): for who starts it, or waits for it, in this
 * process; released with attached_done().
 */
int container_create(const struct runtime *rt, const char *id, const struct create_options *options,
	struct attached *ret, struct err *err) CHECKED;
void attached_done(struct attached *a);

/*
 * notify_socket: of the service manager, or NULL. When the container was created with one, too, it
 * is told when the container is ready: before this returns, or in the foreground while it is waited
 * for. a: of the create in this process, or NULL.
 */
int container_start(const struct runtime *rt, const char *id, const char *notify_socket,
	struct attached *a, struct err *err) CHECKED;
int container_kill(
	const struct runtime *rt, const char *id, int signal, bool all, struct err *err) CHECKED;
/*
 * One that is stopped, or that was created and never started: the specification has only the
 * former, runc and crun both. force: whatever its state, and also when there is none.
 */
int container_delete(const struct runtime *rt, const char *id, bool force, struct err *err) CHECKED;
int container_pause(const struct runtime *rt, const char *id, bool pause, struct err *err) CHECKED;

/*
 * Changes the limits of a container that is not stopped. text: a linux.resources object in JSON,
 * file its name in errors.
 */
int container_update(const struct runtime *rt, const char *id, const char *file,
	const struct buf *text, struct err *err) CHECKED;

/* For commands that look: without lock, whatever its status. */
int container_open(
	const struct runtime *rt, const char *id, struct state **ret, struct err *err) CHECKED;
/* The ids below the root, sorted; none when there is no root, unless somebody has given it. */
int container_list(const struct runtime *rt, struct strv *ret, struct err *err) CHECKED;

/* A process in the guest. */
struct process_info {
	uint32_t pid, ppid, uid;
	uint64_t cpu_ms;
	int64_t started_at_ns; /* CLOCK_REALTIME */
	uint32_t threads;
	char state;	/* as in proc(5) */
	char *terminal; /* "pts/0"; "" for none */
	char *command;
	char *name, *wait_channel;
	uint32_t pgid, sid, euid, gid, egid;
	int32_t tpgid, priority, nice;
	uint32_t rt_priority, policy, processor, flags;
	uint64_t minor_faults, major_faults;
	uint64_t virtual_bytes, resident_bytes, text_bytes;
	bool locked; /* memory of it is */
	uint64_t pending_signals, blocked_signals, ignored_signals, caught_signals;
};

struct process_list {
	pid_t anchor; /* the container's process on the host; 0: it has ended */
	struct process_info *v;
	size_t n;
	uint64_t memory_bytes; /* the machine's */
};

/* The processes of a container; one that is stopped has none. */
int container_processes(const struct runtime *rt, const char *id, struct process_list *ret,
	struct err *err) CHECKED;
void process_list_done(struct process_list *list);

DEFINE_AUTO_VAL(process_list_done, struct process_list)

struct exec_options {
	const char *process_file; /* a JSON process object; the fields below are not used then */
	const struct strv *args;
	const struct strv *env; /* added to the container's */
	const char *cwd;	/* NULL: the container's */
	bool has_user;
	uint32_t uid, gid;
	bool terminal; /* or what the process file says */
	bool no_new_privs;
	const struct strv *caps; /* added to all sets */
	const uint32_t *additional_gids;
	size_t additional_gid_count; /* 0: those of the container, or none where has_user is set */
	bool ignore_paused;	     /* returns when the container is resumed */
	const char *cgroup; /* one below the container's, in the guest; NULL: the container's */
	bool detach;
	const char *pid_file, *console_socket, *pidfd_socket;
	const struct passed_fds *passed;
};

/* Runs another process in a running container. ret as in container_create(). */
int container_exec(const struct runtime *rt, const char *id, const struct exec_options *options,
	struct attached *ret, struct err *err) CHECKED;

/*
 * Waits for an anchor that is our child, passing on the signals that we get. Returns its status.
 */
int attached_wait(struct attached *a);
