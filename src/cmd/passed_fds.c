/* Passed descriptors: see passed_fds.h. */
#include "cmd/passed_fds.h"

#include "base/fd.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(DESCRIPTORS_MAX < 64, "a bit for each");

/* Bit i: DESCRIPTOR_FIRST + i was open when we were started. */
static uint64_t open_at_start;

/* As sd_listen_fds(3): what is in the environment may be for one of our ancestors. */
static uint64_t listen_count(void)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	uint64_t p, n;

	if (!pid || !count || str_to_u64(pid, &p) < 0 || p != (uint64_t)getpid() ||
		str_to_u64(count, &n) < 0)
		return 0;
	return n;
}

/* Whatever stands there, before options are read: a number too many does no harm. */
static uint64_t preserve_count(int argc, char *const *argv)
{
	static const char option[] = "--preserve-fds";
	uint64_t most = 0, n;

	for (int i = 1; i < argc; i++) {
		const char *value = str_after(argv[i], option);

		if (value && *value == '=')
			value++;
		else
			value = value && !*value ? argv[i + 1] : NULL;
		if (value && str_to_u64(value, &n) == 0 && n > most)
			most = n;
	}
	return most;
}

static uint64_t at_most(uint64_t n, uint64_t max)
{
	return n < max ? n : max;
}

/*
 * The lowest descriptor, from first on, that the command line names as a file: /dev/fd/63, which is
 * what shells make of <(...). -1: none.
 */
static int next_named(int argc, char *const *argv, int first)
{
	static const char *const places[] = { "/dev/fd/", "/proc/self/fd/" };
	int found = -1;

	for (int i = 1; i < argc; i++) {
		const char *value = argv[i][0] == '-' ? strchr(argv[i], '=') : argv[i];

		value = value && *value == '=' ? value + 1 : value;
		for (size_t k = 0; value && k < ARRAY_LEN(places); k++) {
			const char *number = str_after(value, places[k]);
			uint64_t n;

			if (number && str_to_u64(number, &n) == 0 && n <= INT_MAX &&
				(int)n >= first && (found < 0 || (int)n < found))
				found = (int)n;
		}
	}
	return found;
}

static void close_unnamed_from(int first, int argc, char *const *argv)
{
	int named;

	while ((named = next_named(argc, argv, first)) >= 0) {
		fds_close_range(first, named - 1);
		(void)!fd_set_cloexec(named, true);
		if (named == INT_MAX)
			return;
		first = named + 1;
	}
	fds_close_from(first);
}

void passed_fds_keep(int argc, char *const *argv)
{
	uint64_t n = at_most(listen_count(), DESCRIPTORS_MAX) +
		     at_most(preserve_count(argc, argv), DESCRIPTORS_MAX);
	int count = (int)at_most(n, DESCRIPTORS_MAX);

	close_unnamed_from(DESCRIPTOR_FIRST + count, argc, argv);
	for (int i = 0; i < count; i++)
		if (fd_set_cloexec(DESCRIPTOR_FIRST + i, true) == 0)
			open_at_start |= 1ULL << i;
}

int passed_fds(uint64_t preserve, bool with_listen, struct passed_fds *ret, struct err *err)
{
	uint64_t listen = with_listen ? listen_count() : 0;

	if (listen > DESCRIPTORS_MAX || preserve > DESCRIPTORS_MAX - listen)
		return err_set(err, E2BIG,
			"--preserve-fds: no more than %d descriptors can be passed, those of "
			"LISTEN_FDS included",
			DESCRIPTORS_MAX);
	*ret = (struct passed_fds){
		.listen = (unsigned)listen,
		.count = (unsigned)(listen + preserve),
		.names = listen ? getenv("LISTEN_FDNAMES") : NULL,
	};
	for (unsigned i = 0; i < ret->count; i++)
		if (!(open_at_start >> i & 1))
			return err_set(err, EBADF, "%s: descriptor %u is not open",
				passed_fds_source(ret, i), DESCRIPTOR_FIRST + i);
	return 0;
}
