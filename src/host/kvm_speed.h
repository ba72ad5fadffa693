/*
 * Is the KVM of this host usable, and at what speed does it run a guest's kernel? There are back
 * ends that need no VMX or SVM but emulate ring 0: a thousand times too slow, and incomplete.
 */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define KVM_DEVICE "/dev/kvm"

/* Below this many instructions a second of ring 0 the guest's kernel is emulated. */
#define KVM_CRAWL_RATE 20000000ULL

/* What is known of the host's KVM. */
struct kvm_speed {
	int code;      /* 0, or the positive errno value for which it cannot be used at all */
	bool lacks;    /* works, but lacks a capability that our own monitor needs */
	uint64_t rate; /* instructions a second of ring 0; 0 when code is set */
	char why[200]; /* of code and lacks: one line for the user */
};

/* Opens /dev/kvm. Returns an fd, the caller's, or -errno with err saying what to do. */
int kvm_device_open(struct err *err) CHECKED;

/*
 * Examines the open /dev/kvm: API, capabilities, and the time that a loop takes in a virtual
 * machine of its own, made by a child process that is killed when it takes too long. Takes a
 * millisecond or two where KVM is fast, about 50 to 100 where it crawls, and never more than
 * about ten seconds.
 */
void kvm_speed_probe(int kvm, struct kvm_speed *ret);

static inline bool kvm_crawls(const struct kvm_speed *s)
{
	return s->code == 0 && s->rate < KVM_CRAWL_RATE;
}

/* Works at the speed of hardware, whether or not our own monitor can use it. */
static inline bool kvm_is_fast(const struct kvm_speed *s)
{
	return s->code == 0 && s->rate >= KVM_CRAWL_RATE;
}
