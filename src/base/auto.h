/*
 * Cleanup attributes: every owned fd, allocation or object is released when its variable leaves
 * scope; a transfer of ownership is spelled steal_fd() or steal_ptr().
 */
#pragma once

#include <stdlib.h>
#include <unistd.h>

static inline void auto_free_(void *p)
{
	free(*(void **)p);
}

static inline void auto_close_(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define AUTO_FREE  __attribute__((cleanup(auto_free_)))
#define AUTO_CLOSE __attribute__((cleanup(auto_close_)))

/*
 * DEFINE_AUTO_PTR(foo_free, struct foo) gives AUTO(foo_free) for variables of type "struct foo *".
 * DEFINE_AUTO_VAL(foo_done, struct foo) gives AUTO(foo_done) for variables of type "struct foo".
 * The functions accept NULL, respectively an all-zero value.
 */
#define DEFINE_AUTO_PTR(func, type)                                                                \
	static inline void auto_##func(type **p)                                                   \
	{                                                                                          \
		if (*p)                                                                            \
			func(*p);                                                                  \
	}
#define DEFINE_AUTO_VAL(func, type)                                                                \
	static inline void auto_##func(type *p)                                                    \
	{                                                                                          \
		func(p);                                                                           \
	}
#define AUTO(func) __attribute__((cleanup(auto_##func)))

static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

static inline void *steal_ptr_(void *pp)
{
	void *taken = *(void **)pp;

	*(void **)pp = NULL;
	return taken;
}

#define steal_ptr(pp) ((__typeof__(*(pp)))steal_ptr_(pp))

/* Closes *fd if it is open and marks it closed. */
static inline void close_fd(int *fd)
{
	if (*fd >= 0)
		close(steal_fd(fd));
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
