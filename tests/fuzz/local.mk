# libFuzzer targets (./configure CC=clang --enable-fuzz). Each target's _LDFLAGS is
# $(AM_LDFLAGS) $(LIBFUZZER).
LIBFUZZER = -fsanitize=fuzzer
include $(srcdir)/tests/fuzz/dev.mk
include $(srcdir)/tests/fuzz/guest.mk
include $(srcdir)/tests/fuzz/oci.mk
include $(srcdir)/tests/fuzz/rpc.mk
