/*
 * Inode numbers as the guest sees them. They are unique per file system of the host, but all that
 * one device serves is one file system to the guest. So the files of the first one have the numbers
 * that they have on the host, and those of others differ in bits that hardly any file system uses:
 * numbers below 2^27 stay below 2^32, as programs without large-file support need it.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>

#define NUMBERED_MAX 32 /* file systems of the host that are told apart within 32 bits */

struct numbers {
	pthread_mutex_t lock;
	unsigned count;
	uint64_t dev[NUMBERED_MAX];
};

void numbers_init(struct numbers *t);
void numbers_done(struct numbers *t);
/* The guest's number for inode number ino of device dev. Any thread. */
uint64_t number_of(struct numbers *t, uint64_t dev, uint64_t ino);
