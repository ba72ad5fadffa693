/* Ids that a user may use besides his own: subuid(5), subgid(5). */
#pragma once

#include "base/id_map.h"

/*
 * The map of a user namespace whose root is the user: his own id, then what the text of /etc/subuid
 * or /etc/subgid gives him from 1 on. He is known there by the number uid, by his names in the text
 * of /etc/passwd, or by user (may be NULL). own: his uid or gid. The caller frees *ret. 0 or
 * -ENOMEM.
 */
int subids_map(const char *text, const char *passwd, const char *user, uid_t uid, uint32_t own,
	struct id_range **ret, size_t *ret_count) CHECKED;
