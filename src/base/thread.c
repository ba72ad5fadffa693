/* Threads with small stacks: see thread.h. */
#include "base/thread.h"

int thread_create(pthread_t *ret, void *(*run)(void *arg), void *arg)
{
	pthread_attr_t attr;
	int r = pthread_attr_init(&attr);

	if (r)
		return -r;
	r = pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
	if (r == 0)
		r = pthread_create(ret, &attr, run, arg);
	pthread_attr_destroy(&attr);
	return -r;
}
