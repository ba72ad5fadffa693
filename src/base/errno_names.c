/* Names of errors: see errno_names.h. Called by log.c. */
#include "base/errno_names.h"

#include <string.h>
#include <strings.h>

/* Above all numbers that Linux has, see asm-generic/errno.h. */
#define ERRNO_MAX 256

/* The number of the longest text that at begins with ("No such device or address"), or 0. */
static int find(const char *at, size_t *ret_len)
{
	int found = 0;

	*ret_len = 0;
	for (int number = 1; number < ERRNO_MAX; number++) {
		const char *text = strerrordesc_np(number);
		size_t n = text ? strlen(text) : 0;

		if (n > *ret_len && strncasecmp(at, text, n) == 0) {
			found = number;
			*ret_len = n;
		}
	}
	return found;
}

void errno_texts_to_names(char *text)
{
	char *to = text;

	while (*text) {
		size_t len, name_len;
		int number = find(text, &len);
		const char *name = number ? strerrorname_np(number) : NULL;

		name_len = name ? strlen(name) : 0;
		if (name && name_len <= len) {
			memcpy(to, name, name_len);
			to += name_len;
			text += len;
		} else {
			*to++ = *text++;
		}
	}
	*to = '\0';
}
