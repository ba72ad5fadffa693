noinst_PROGRAMS += tests/fuzz/fuzz_kernel
tests_fuzz_fuzz_kernel_SOURCES = tests/fuzz/fuzz_kernel.c
tests_fuzz_fuzz_kernel_LDADD = libguestmake.a libguest.a libbase.a $(GUEST_LIBS)
tests_fuzz_fuzz_kernel_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
EXTRA_DIST += tests/fuzz/corpus/kernel
