noinst_PROGRAMS += tests/fuzz/fuzz_ttrpc
tests_fuzz_fuzz_ttrpc_SOURCES = tests/fuzz/fuzz_ttrpc.c
tests_fuzz_fuzz_ttrpc_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_fuzz_fuzz_ttrpc_LDADD = librpc.a libapi.a libbase.a $(PROTOBUFC_LIBS)
tests_fuzz_fuzz_ttrpc_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
EXTRA_DIST += tests/fuzz/corpus/ttrpc
