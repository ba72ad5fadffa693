noinst_PROGRAMS += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c
tests_fuzz_fuzz_config_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_fuzz_fuzz_config_LDADD = liboci.a libapi.a libbase.a $(OCI_LIBS)
tests_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) $(LIBFUZZER)
EXTRA_DIST += tests/fuzz/corpus/config
