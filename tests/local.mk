# Unit tests mirror the tree: tests/unit/test_<file>.c, one program each, run here by "make check".
# The end-to-end suite runs on this machine when it has hardware KVM, else in the lab.
if HAVE_CMOCKA
include $(srcdir)/tests/unit/local.mk
endif
if FUZZ
include $(srcdir)/tests/fuzz/local.mk
endif

include $(srcdir)/tests/conformance/local.mk
include $(srcdir)/tests/e2e/bin/local.mk
include $(srcdir)/tests/lint/local.mk

.PHONY: check-quick e2e bench fuzz
TEST_ENV = VMRUN=$(abs_builddir)/vmrun srcdir=$(abs_srcdir)

if E2E
RUN_E2E = $(TEST_ENV) $(srcdir)/tests/e2e/check
endif
# Not while unit tests run, under "make -j": what they make would look like something left behind.
check-local: all check-quick
	$(RUN_E2E)

# What takes seconds: unit tests and checks of the sources.
check-quick: lint check-TESTS

e2e: all
	$(TEST_ENV) $(srcdir)/tests/e2e/check $(CASES)

bench: all
	$(TEST_ENV) $(srcdir)/tests/bench/check

# Each fuzz target for T seconds; needs CC=clang ./configure --enable-fuzz.
T = 60
fuzz: all
	$(srcdir)/tests/fuzz/run $(T)

EXTRA_DIST += tests/conformance tests/e2e tests/bench tests/fuzz/run tests/fuzz/corpus

# Of a folder in EXTRA_DIST what the build tree has is taken too: programs, in this one.
dist-hook:
	rm -rf $(distdir)/tests/conformance/serve $(distdir)/tests/conformance/*.o \
		$(distdir)/tests/conformance/.deps $(distdir)/tests/conformance/.dirstamp
	find $(distdir)/tests/e2e/bin -depth ! -name bin ! -name '*.c' ! -name '*.mk' -exec rm -rf {} \;
