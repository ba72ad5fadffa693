# Programs that end-to-end cases run.
noinst_PROGRAMS += tests/e2e/bin/bootprobe
tests_e2e_bin_bootprobe_SOURCES = tests/e2e/bin/bootprobe.c
tests_e2e_bin_bootprobe_LDADD = libbase.a
