# Programs that end-to-end cases run.
noinst_PROGRAMS += tests/e2e/bin/bootprobe
tests_e2e_bin_bootprobe_SOURCES = tests/e2e/bin/bootprobe.c
tests_e2e_bin_bootprobe_LDADD = libbase.a

if !SANITIZERS
noinst_PROGRAMS += tests/e2e/bin/inside
tests_e2e_bin_inside_SOURCES = tests/e2e/bin/inside.c
tests_e2e_bin_inside_LDFLAGS = $(AM_LDFLAGS) -static
endif
