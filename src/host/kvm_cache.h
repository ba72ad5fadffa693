/*
 * What the probe of /dev/kvm found out, kept until the host boots or the device changes. One file
 * of the cache folder, written whole; anything odd about it means that there is none.
 */
#pragma once

#include "host/kvm_speed.h"

#include <sys/stat.h>

#define BOOT_ID_MAX 40

/* What the answer depends on. */
struct kvm_cache_key {
	char boot_id[BOOT_ID_MAX]; /* without spaces */
	uint64_t device, inode;
	int64_t changed_s, changed_ns;
};

/* Of this boot and the device with stat. -errno (without message) when the host tells no boot id.
 */
int kvm_cache_key(const struct stat *device, struct kvm_cache_key *ret) CHECKED;

/* True when the folder has an answer for key. dir: an fd of it. */
bool kvm_cache_read(int dir, const struct kvm_cache_key *key, struct kvm_speed *ret);

/* Keeps an answer; that of a KVM that cannot be used is not kept, since that may be mended. */
int kvm_cache_write(int dir, const struct kvm_cache_key *key, const struct kvm_speed *speed,
	struct err *err) CHECKED;
