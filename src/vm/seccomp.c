/* Entering filters: see seccomp.h; compile_filters.c says what they allow. */
#include "vm/seccomp.h"

#include "base/auto.h"
#include "vm/filters.inc"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct sock_fprog filters[THREAD_ROLES] = {
	[THREAD_MAIN] = { ARRAY_LEN(main_filter), (struct sock_filter *)(uintptr_t)main_filter },
	[THREAD_VCPU] = { ARRAY_LEN(vcpu_filter), (struct sock_filter *)(uintptr_t)vcpu_filter },
	[THREAD_FS] = { ARRAY_LEN(fs_filter), (struct sock_filter *)(uintptr_t)fs_filter },
};

int seccomp_enter(enum thread_role role)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filters[role]) < 0 ? -errno : 0;
}
