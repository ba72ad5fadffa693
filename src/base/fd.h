/* File descriptors: whole reads and writes, passing over sockets, reading and replacing files. */
#pragma once

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Writes or reads all len bytes, through EINTR. read returns -EPIPE when the file ends early. */
int fd_write_all(int fd, const void *data, size_t len) CHECKED;
int fd_read_all(int fd, void *data, size_t len) CHECKED;

/* Appends the rest of fd to out; -EFBIG when it has more than max bytes. */
int fd_read_to_end(int fd, size_t max, struct buf *out) CHECKED;

/* Reads the file path (relative to dirfd, or AT_FDCWD); err names the path. */
int file_read(int dirfd, const char *path, size_t max, struct buf *out, struct err *err) CHECKED;

/* Writes a file under a temporary name and renames it over path, so readers see all or nothing. */
int file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode,
	struct err *err) CHECKED;

/* Writes data to an existing file such as one of cgroupfs or procfs. Returns 0 or -errno. */
int file_write_at(int dirfd, const char *path, const char *data) CHECKED;

/* Where fd was opened, as far as this process can see it ("?" when not); for messages only. */
void fd_path(int fd, char *ret, size_t size);

#define FD_PASS_MAX 24

/*
 * One message with n descriptors (n may be 0) over a UNIX socket. The caller keeps its fds.
 * fd_recv: *n is the room in fds on entry and their number on return; they are O_CLOEXEC and owned
 * by the caller. Returns the bytes received (0: peer closed) or -errno; a truncated message or more
 * descriptors than fit is -EMSGSIZE and everything received is closed.
 */
int fd_send(int sock, const void *data, size_t len, const int *fds, unsigned n) CHECKED;
ssize_t fd_recv(int sock, void *data, size_t len, int *fds, unsigned *n) CHECKED;

int fd_set_nonblock(int fd, bool on) CHECKED;
int fd_set_cloexec(int fd, bool on) CHECKED;

/* Sets O_CLOEXEC on (or closes) every descriptor >= first. */
void fds_cloexec_from(int first);
void fds_close_from(int first);
/* Closes every descriptor from first to last. */
void fds_close_range(int first, int last);

/* Opens /dev/null for those of 0, 1 and 2 that are closed, so that nothing else gets their numbers.
 */
int fds_open_stdio(void) CHECKED;

/* Moves fd to a number >= 3 when it is below, O_CLOEXEC set. Consumes fd. */
int fd_move_above_stdio(int fd) CHECKED;
