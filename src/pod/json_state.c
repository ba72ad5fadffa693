/* JSON of the state directory: see json_state.h. */
#include "pod/json_state.h"

#include <stdlib.h>
#include <string.h>

int json_state_get_str(const struct json_value *root, const char *key, char **ret, struct err *err)
{
	const struct json_value *v = json_member(root, key);
	const char *s;
	int r = v ? json_get_str(v, &s, err) : json_missing(root, key, err);

	if (r < 0)
		return r;
	*ret = strdup(s);
	return *ret ? 0 : err_sys(err, ENOMEM, "%s", key);
}

int json_state_get_u64(
	const struct json_value *root, const char *key, uint64_t *ret, struct err *err)
{
	const struct json_value *v = json_member(root, key);

	return v ? json_get_u64(v, UINT64_MAX, ret, err) : json_missing(root, key, err);
}

int json_state_get_bool(const struct json_value *root, const char *key, bool *ret, struct err *err)
{
	const struct json_value *v = json_member(root, key);

	return v ? json_get_bool(v, ret, err) : json_missing(root, key, err);
}

int json_state_get_pidref(const struct json_value *root, const char *pid_key, const char *start_key,
	struct pidref *ret, struct err *err)
{
	uint64_t pid = 0;
	int r = json_state_get_u64(root, pid_key, &pid, err);

	ret->pid = (pid_t)pid;
	return r ? r : json_state_get_u64(root, start_key, &ret->start_time, err);
}

int json_state_get_strings(
	const struct json_value *root, const char *key, struct strv *ret, struct err *err)
{
	const struct json_value *list = json_member(root, key);

	for (size_t i = 0; i < json_count(list); i++) {
		const struct json_value *item = json_at(list, i);
		const char *s;
		int r = json_get_str(item, &s, err);

		if (r < 0)
			return r;
		if (json_key_of(item) && strv_add(ret, json_key_of(item)) < 0)
			return err_sys(err, ENOMEM, "%s", key);
		if (strv_add(ret, s) < 0)
			return err_sys(err, ENOMEM, "%s", key);
	}
	return 0;
}

void json_state_put_strings(struct json_out *out, const char *key, const struct strv *list)
{
	json_key(out, key);
	json_array(out);
	for (size_t i = 0; i < list->n; i++)
		json_str(out, list->v[i]);
	json_end(out);
}

void json_state_put_u64(struct json_out *out, const char *key, uint64_t value)
{
	json_key(out, key);
	json_u64(out, value);
}

void json_state_put_pidref(
	struct json_out *out, const char *pid_key, const char *start_key, const struct pidref *ref)
{
	json_state_put_u64(out, pid_key, (uint64_t)ref->pid);
	json_state_put_u64(out, start_key, ref->start_time);
}
