/* Names of errors instead of their texts, for lines that must not be taken for an error's. */
#pragma once

/*
 * Replaces the C library's error texts in text, in any case, by their names ("No such file or
 * directory" becomes "ENOENT"). Names are never longer than texts, so that text only shrinks.
 */
void errno_texts_to_names(char *text);
