/*
 * From the host's inotify events to records for the agent (base/shadow.h). One thread, which never
 * waits for the guest: what the agent does not take in time is lost, and said to be.
 */
#pragma once

/* The thread: arg is a struct watch; returns when it is to quit. */
void *notice_run(void *arg);
