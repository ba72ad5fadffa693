/* Capabilities: see capability.h. The raw calls, since libc's would be for all threads. */
#include "base/capability.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t mask_of(bool effective)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { 0 }, { 0 } };

	if (syscall(SYS_capget, &head, data) < 0)
		return 0;
	return effective ? data[0].effective | (uint64_t)data[1].effective << 32
			 : data[0].permitted | (uint64_t)data[1].permitted << 32;
}

bool capability_effective(unsigned cap)
{
	return mask_of(true) >> cap & 1;
}

uint64_t capabilities_permitted(void)
{
	return mask_of(false);
}

int capabilities_keep(uint64_t mask)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = (uint32_t)mask, .permitted = (uint32_t)mask },
		{ .effective = (uint32_t)(mask >> 32), .permitted = (uint32_t)(mask >> 32) },
	};

	return syscall(SYS_capset, &head, data) < 0 ? -errno : 0;
}
