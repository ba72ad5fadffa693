/*
 * Locks a file, on the host or in a container, and says what came of it:
 *
 *   locks flock|posix|ofd FILE r|w START LENGTH WORD...
 *
 *   wait    until it is free; else it is tried once
 *   alarm   a signal comes after a second, which is caught
 *   reopen  opens and closes the file once more, which frees what POSIX locks there are
 *   hold    keeps it until the process is killed
 *   all     the three kinds, one after the other (KIND is of no use then)
 *
 * "got", "busy", "interrupted", or an error. Static: cases copy it into bundles.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int n_words;
static char **words;

static bool has(const char *word)
{
	for (int i = 0; i < n_words; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

static void caught(int signal)
{
	(void)signal;
}

static int lock(const char *kind, int fd, bool write, off_t start, off_t length, bool wait)
{
	struct flock fl = {
		.l_type = write ? F_WRLCK : F_RDLCK,
		.l_start = start,
		.l_len = length,
	};

	if (strcmp(kind, "flock") == 0)
		return flock(fd, (write ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB));
	if (strcmp(kind, "ofd") == 0)
		return fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &fl);
	return fcntl(fd, wait ? F_SETLKW : F_SETLK, &fl);
}

static const char *outcome(int r)
{
	if (r == 0)
		return "got";
	if (errno == EAGAIN || errno == EACCES)
		return "busy";
	return errno == EINTR ? "interrupted" : strerror(errno);
}

int main(int argc, char **argv)
{
	static const char *const kinds[] = { "flock", "posix", "ofd" };
	struct sigaction on_alarm = { .sa_handler = caught };
	bool write;
	int fd;

	if (argc < 6)
		return 2;
	n_words = argc - 6;
	words = argv + 6;
	write = argv[3][0] == 'w';
	fd = open(argv[2], write ? O_RDWR | O_CREAT : O_RDONLY, 0666);
	if (fd < 0) {
		perror(argv[2]);
		return 1;
	}
	if (has("alarm")) {
		sigaction(SIGALRM, &on_alarm, NULL);
		alarm(1);
	}
	for (int i = 0; i < 3; i++) {
		const char *kind = has("all") ? kinds[i] : argv[1];
		off_t start = atol(argv[4]), length = atol(argv[5]);

		/* Those of one process and its open file would be in each other's way. */
		if (has("all") && i == 2)
			start += length;
		puts(outcome(lock(kind, fd, write, start, length, has("wait"))));
		if (!has("all"))
			break;
	}
	if (has("reopen"))
		close(open(argv[2], O_RDONLY));
	fflush(stdout);
	while (has("hold"))
		pause();
	return 0;
}
