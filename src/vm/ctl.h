/* The control connections of vmrun-vm: see rpc/vmctl.h. Main thread. */
#pragma once

#include "vm/vm.h"

/* Serves first_fd, the connection of whoever started us (owned). vm->quit is called at the end. */
int ctl_new(struct vm *vm, int first_fd, struct ctl **ret) CHECKED;
/* Accepts further clients of our own user on listen_fd (owned). */
int ctl_listen(struct ctl *c, int listen_fd, struct err *err) CHECKED;
/* Sends EVENT_PHASE, or EVENT_READY with fd (owned), on the first connection. */
void ctl_tell_phase(struct ctl *c, enum vmctl_phase phase, int fd);
/* Sends EVENT_ENDED to those who watch: the process ends next. */
void ctl_tell_end(struct ctl *c, enum vmctl_end why, const char *words);
