/* Annotations of shares: see share_options.h. Called by src/pod. */
#include "oci/share_options.h"

#include "base/auto.h"
#include "base/str.h"
#include "oci/one_line.h"

#include <stdio.h>

#define WORDS 3

static const char *const cache_words[WORDS] = {
	[SHARE_CACHE_AUTO] = "auto",
	[SHARE_CACHE_NONE] = "none",
	[SHARE_CACHE_ALWAYS] = "always",
};

static const char *const lock_words[WORDS] = {
	[SHARE_LOCKS_AUTO] = "auto",
	[SHARE_LOCKS_HOST] = "host",
	[SHARE_LOCKS_GUEST] = "guest",
};

static int find(const char *const *words, const char *word, unsigned *ret)
{
	for (unsigned i = 0; i < WORDS; i++) {
		if (streq(word, words[i])) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

int share_options_from(const char *cache, const char *locks, struct share_options *ret)
{
	unsigned c, l;

	if (find(cache_words, cache, &c) < 0 || find(lock_words, locks, &l) < 0)
		return -EINVAL;
	*ret = (struct share_options){
		.cache = (enum share_cache)c,
		.locks = (enum share_locks)l,
	};
	return 0;
}

/* *ret stays as it is where no annotation says more. */
static int read_one(const struct spec *spec, const char *annotation, const char *destination,
	const char *const *words, unsigned *ret, struct err *err)
{
	AUTO_FREE char *own = NULL;
	const char *name, *value;

	if (asprintf(&own, "%s:%s", annotation, destination) < 0)
		return err_sys(err, ENOMEM, "annotations");
	name = own;
	value = spec_annotation(spec, name);
	if (!value) {
		name = annotation;
		value = spec_annotation(spec, name);
	}
	if (!value || find(words, value, ret) == 0)
		return 0;
	err_set(err, EINVAL,
		"%s: annotations[\"%s\"]: must be \"%s\", \"%s\" or \"%s\", got \"%.40s\"",
		spec->file, name, words[0], words[1], words[2], value);
	one_line(err->msg);
	return -EINVAL;
}

int share_options_of(const struct spec *spec, const char *destination,
	const struct share_options *defaults, struct share_options *ret, struct err *err)
{
	unsigned cache = defaults->cache, locks = defaults->locks;
	int r = read_one(spec, SHARE_CACHE_ANNOTATION, destination, cache_words, &cache, err);

	if (r == 0)
		r = read_one(spec, SHARE_LOCKS_ANNOTATION, destination, lock_words, &locks, err);
	if (r == 0)
		*ret = (struct share_options){
			.cache = (enum share_cache)cache,
			.locks = (enum share_locks)locks,
		};
	return r;
}
