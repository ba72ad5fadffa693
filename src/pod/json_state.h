/* Members of the JSON files of the state directory: what the readers and the writers have in
 * common.
 */
#pragma once

#include "base/json_out.h"
#include "base/pidref.h"
#include "base/str.h"
#include "oci/json.h"

/* Of an object, which must have the member. The string is the caller's. Errors name it. */
int json_state_get_str(
	const struct json_value *root, const char *key, char **ret, struct err *err) CHECKED;
int json_state_get_u64(
	const struct json_value *root, const char *key, uint64_t *ret, struct err *err) CHECKED;
int json_state_get_bool(
	const struct json_value *root, const char *key, bool *ret, struct err *err) CHECKED;
int json_state_get_pidref(const struct json_value *root, const char *pid_key, const char *start_key,
	struct pidref *ret, struct err *err) CHECKED;

/* The strings of an array, or the keys and values of an object in turn; none where it is missing.
 */
int json_state_get_strings(
	const struct json_value *root, const char *key, struct strv *ret, struct err *err) CHECKED;

void json_state_put_u64(struct json_out *out, const char *key, uint64_t value);
void json_state_put_strings(struct json_out *out, const char *key, const struct strv *list);
void json_state_put_pidref(
	struct json_out *out, const char *pid_key, const char *start_key, const struct pidref *ref);
