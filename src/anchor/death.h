/*
 * What a pod can die of. The container's proxy finds the cause and writes it to death.json in the
 * state directory; "vmrun why" reads it.
 *
 *   { "cause": "guest-panic", "message": "...", "timeNs": ..., "phase": "running",
 *     "monitor": { "exitStatus": 4, "signal": null, "words": "guest reset" },
 *     "log": [ "the last lines of console.log, or those from a panic on", ... ] }
 */
#pragma once

enum death_cause {
	DEATH_GUEST_PANIC,
	DEATH_GUEST_OUT_OF_MEMORY, /* a panic, too: nothing was left to kill */
	DEATH_GUEST_RESET,
	DEATH_GUEST_POWER_OFF,
	DEATH_AGENT_LOST,     /* the monitor lives, the agent does not answer */
	DEATH_MONITOR_FAILED, /* and said so */
	DEATH_MONITOR_KILLED, /* and could say nothing: SIGKILL, a crash */
	DEATH_MONITOR_OOM_KILLED,
	DEATH_EMULATOR_DIED,
	DEATH_ANCHOR_KILLED, /* the proxy itself: there is no record then */
	DEATH_CAUSES
};

#define DEATH_FILE	     "death.json"
#define DEATH_LOG_LINES	     40
#define DEATH_LINE_MAX_BYTES 400
#define DEATH_FILE_MAX_BYTES (256 << 10)

const char *death_name(enum death_cause cause);
/* One sentence each, without a full stop: what has happened, and what to do about it. */
const char *death_message(enum death_cause cause);
const char *death_advice(enum death_cause cause);
/* -1: no such cause. */
int death_from_name(const char *name);
