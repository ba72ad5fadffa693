/* Checks of a process object, of config.json and of exec's file. */
#include "oci/caps.h"
#include "oci/check_own.h"
#include "oci/rlimits.h"

#include <inttypes.h>
#include <limits.h>

#define UMASK_MAX	  0777
#define OOM_SCORE_ADJ_MAX 1000
#define WINDOW_SIZE_MAX	  UINT16_MAX /* struct winsize */

static int check_identity(const struct spec_process *p, const struct checker *c)
{
	const struct spec_user *user = &p->user;

	if (user->umask.is_set && user->umask.value > UMASK_MAX)
		return check_fail(c, EINVAL,
			"user.umask: must be from 0 to %d (0777), got %" PRIu64, UMASK_MAX,
			user->umask.value);
	if (user->additional_gids.n > NGROUPS_MAX)
		return check_fail(
			c, EINVAL, "user.additionalGids: more than %d groups", NGROUPS_MAX);
	/* -1 means "unchanged" to the system calls. */
	if (user->uid == UINT32_MAX || user->gid == UINT32_MAX)
		return check_fail(c, EINVAL, "user.%s: %" PRIu32 " is not an id",
			user->uid == UINT32_MAX ? "uid" : "gid", UINT32_MAX);
	return 0;
}

static int check_console_size(const struct spec_process *p, const struct checker *c)
{
	const struct spec_console_size *size = p->console_size;

	if (size && (size->height > WINDOW_SIZE_MAX || size->width > WINDOW_SIZE_MAX))
		return check_fail(c, EINVAL, "consoleSize.%s: must be from 0 to %d",
			size->height > WINDOW_SIZE_MAX ? "height" : "width", WINDOW_SIZE_MAX);
	return 0;
}

static int check_capability_names(
	const struct checker *c, const char *set, const struct spec_strings *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (cap_number(names->v[i]) < 0 &&
			check_warn(c, "capabilities.%s[%zu]: unknown capability \"%.40s\" ignored",
				set, i, names->v[i]) < 0)
			return -c->err->code;
	return 0;
}

/* capset(2) refuses an effective set that is not within the permitted one. */
static int check_capability_sets(const struct spec_capabilities *caps, const struct checker *c)
{
	uint64_t extra = caps_mask(&caps->effective) & ~caps_mask(&caps->permitted);

	if (extra)
		return check_fail(c, EINVAL, "capabilities.effective: %s is not in permitted",
			cap_name((unsigned)__builtin_ctzll(extra)));
	return 0;
}

/* The kernel has no ambient capability that is not inheritable and permitted, too. */
static int check_ambient(const struct spec_capabilities *caps, const struct checker *c)
{
	uint64_t lost = caps_mask(&caps->ambient) &
			~(caps_mask(&caps->inheritable) & caps_mask(&caps->permitted));
	int r = 0;

	for (; r == 0 && lost; lost &= lost - 1) {
		unsigned cap = (unsigned)__builtin_ctzll(lost);

		r = check_warn(c,
			"capabilities.ambient: can't raise ambient capability %s: it is not %s",
			cap_name(cap),
			caps_mask(&caps->inheritable) & UINT64_C(1) << cap ? "permitted"
									   : "inheritable");
	}
	return r;
}

static int check_capabilities(const struct spec_process *p, const struct checker *c)
{
	const struct spec_capabilities *caps = p->capabilities;
	int r;

	if (!caps)
		return 0;
	r = check_capability_names(c, "bounding", &caps->bounding);
	if (r == 0)
		r = check_capability_names(c, "effective", &caps->effective);
	if (r == 0)
		r = check_capability_names(c, "inheritable", &caps->inheritable);
	if (r == 0)
		r = check_capability_names(c, "permitted", &caps->permitted);
	if (r == 0)
		r = check_capability_names(c, "ambient", &caps->ambient);
	if (r == 0)
		r = check_capability_sets(caps, c);
	return r == 0 ? check_ambient(caps, c) : r;
}

static int check_rlimits(const struct spec_process *p, const struct checker *c)
{
	unsigned seen = 0;

	for (size_t i = 0; i < p->rlimits.n; i++) {
		const struct spec_rlimit *limit = &p->rlimits.v[i];
		int number = rlimit_number(limit->type);

		if (number < 0)
			return check_fail(c, EINVAL, "rlimits[%zu].type: unknown limit \"%.40s\"",
				i, limit->type);
		if (seen & 1u << number)
			return check_fail(
				c, EINVAL, "rlimits[%zu].type: %s is given twice", i, limit->type);
		if (limit->soft > limit->hard)
			return check_fail(c, EINVAL,
				"rlimits[%zu].soft: %" PRIu64
				" is more than the hard limit %" PRIu64,
				i, limit->soft, limit->hard);
		seen |= 1u << number;
	}
	return 0;
}

static int check_oom_score(const struct spec_process *p, const struct checker *c)
{
	int64_t adj = p->oom_score_adj.value;

	if (p->oom_score_adj.is_set && (adj < -OOM_SCORE_ADJ_MAX || adj > OOM_SCORE_ADJ_MAX))
		return check_fail(c, EINVAL, "oomScoreAdj: must be from -%d to %d, got %" PRId64,
			OOM_SCORE_ADJ_MAX, OOM_SCORE_ADJ_MAX, adj);
	return 0;
}

int spec_check_process(const struct spec_process *p, const char *file, const char *prefix,
	struct strv *warnings, struct err *err)
{
	struct checker c = { file, prefix, warnings, err };
	int r;

	if (p->args.n == 0)
		return check_fail(&c, EINVAL, "args: must name at least one program");
	if (*p->cwd != '/')
		return check_fail(
			&c, EINVAL, "cwd: must be an absolute path, got \"%.80s\"", p->cwd);
	r = check_env(&c, "env", &p->env);
	if (r == 0)
		r = check_identity(p, &c);
	if (r == 0)
		r = check_console_size(p, &c);
	if (r == 0)
		r = check_capabilities(p, &c);
	if (r == 0)
		r = check_rlimits(p, &c);
	if (r == 0)
		r = check_oom_score(p, &c);
	return r == 0 ? check_scheduling(p, &c) : r;
}

int spec_check_process_fields(const struct spec_process_file *file, struct err *err)
{
	struct checker c = { file->file, "", NULL, err };

	return check_fields(file->doc, "process", &c);
}
