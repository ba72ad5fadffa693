/* Time and entropy: see clock.h. */
#include "agent/clock.h"

#include "base/auto.h"

#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#define ENTROPY_MAX 512

int clock_set_realtime(int64_t ns, struct err *err)
{
	struct timespec ts = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	if (ns < 0)
		return err_set(err, EINVAL, "a time before 1970");
	return clock_settime(CLOCK_REALTIME, &ts) < 0 ? err_sys(err, errno, "clock") : 0;
}

int entropy_add(const void *data, size_t len, struct err *err)
{
	union {
		struct rand_pool_info info;
		char bytes[sizeof(struct rand_pool_info) + ENTROPY_MAX];
	} pool;

	AUTO_CLOSE int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(err, errno, "/dev/urandom");
	if (len > ENTROPY_MAX)
		len = ENTROPY_MAX;
	pool.info.entropy_count = (int)len * 8;
	pool.info.buf_size = (int)len;
	memcpy(pool.bytes + sizeof(pool.info), data, len);
	if (ioctl(fd, RNDADDENTROPY, &pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
		return err_sys(err, errno, "entropy");
	return 0;
}
