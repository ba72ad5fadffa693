/* Annotations of shares: see share_options.h. Called by src/pod. */
#include "oci/share_options.h"

#include "base/auto.h"
#include "base/str.h"
#include "oci/one_line.h"

#include <stdio.h>

int share_cache_from(const char *word, enum share_cache *ret)
{
	static const char *const words[] = {
		[SHARE_CACHE_AUTO] = "auto",
		[SHARE_CACHE_NONE] = "none",
		[SHARE_CACHE_ALWAYS] = "always",
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (streq(word, words[i])) {
			*ret = (enum share_cache)i;
			return 0;
		}
	}
	return -EINVAL;
}

int share_cache_of(const struct spec *spec, const char *destination, enum share_cache fallback,
	enum share_cache *ret, struct err *err)
{
	AUTO_FREE char *own = NULL;
	const char *name, *value;

	if (asprintf(&own, "%s:%s", SHARE_CACHE_ANNOTATION, destination) < 0)
		return err_sys(err, ENOMEM, "annotations");
	name = own;
	value = spec_annotation(spec, name);
	if (!value) {
		name = SHARE_CACHE_ANNOTATION;
		value = spec_annotation(spec, name);
	}
	*ret = fallback;
	if (!value || share_cache_from(value, ret) == 0)
		return 0;
	err_set(err, EINVAL,
		"%s: annotations[\"%s\"]: must be \"auto\", \"none\" or \"always\", got \"%.40s\"",
		spec->file, name, value);
	one_line(err->msg);
	return -EINVAL;
}
