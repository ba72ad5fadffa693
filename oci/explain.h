/* What "vmrun explain" prints: the field table, and a bundle held against it. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "oci/spec.h"

struct explanation {
	bool strict; /* what the setting says */
	bool json;
	/* Why the checks refuse the configuration; ERR_NONE: they do not. */
	const struct err *refusal;
};

/*
 * Appends what becomes of each field of the configuration. Returns 0, or with err filled -ENOMEM
 * or, after it has printed all, the refusal or the first field that the table refuses.
 */
int explain_print(const struct spec *spec, const struct explanation *how, struct buf *out,
	struct err *err) CHECKED;

/* Appends the table. Returns 0 or -ENOMEM. */
int explain_table(bool json, struct buf *out) CHECKED;
