# Checks of the sources: part of make check, and by themselves.
LINT = srcdir=$(abs_srcdir) CC='$(CC)' \
	LINT_CPPFLAGS='-D_GNU_SOURCE $(PROTOBUFC_CFLAGS) $(YAJL_CFLAGS) $(SECCOMP_CFLAGS) $(KMOD_CFLAGS)' \
	$(srcdir)/tests/lint/run

.PHONY: lint format
lint: $(BUILT_SOURCES)
	$(LINT)

format:
	$(LINT) --format

EXTRA_DIST += tests/lint
