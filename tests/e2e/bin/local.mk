# Programs that end-to-end cases run.
noinst_PROGRAMS += tests/e2e/bin/bootprobe
tests_e2e_bin_bootprobe_SOURCES = tests/e2e/bin/bootprobe.c
tests_e2e_bin_bootprobe_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_e2e_bin_bootprobe_LDADD = librpc.a libapi.a libbase.a $(PROTOBUFC_LIBS)

# In containers. AddressSanitizer and static programs do not mix.
if !SANITIZERS
noinst_PROGRAMS += tests/e2e/bin/inside tests/e2e/bin/locks tests/e2e/bin/syscalls \
	tests/e2e/bin/watcher
tests_e2e_bin_inside_SOURCES = tests/e2e/bin/inside.c
tests_e2e_bin_inside_LDFLAGS = $(AM_LDFLAGS) -static
tests_e2e_bin_locks_SOURCES = tests/e2e/bin/locks.c
tests_e2e_bin_locks_LDFLAGS = $(AM_LDFLAGS) -static
tests_e2e_bin_syscalls_SOURCES = tests/e2e/bin/syscalls.c
tests_e2e_bin_syscalls_CPPFLAGS = $(AM_CPPFLAGS) $(SECCOMP_CFLAGS)
tests_e2e_bin_syscalls_LDFLAGS = $(AM_LDFLAGS) -static
tests_e2e_bin_syscalls_LDADD = $(SECCOMP_LIBS)
tests_e2e_bin_watcher_SOURCES = tests/e2e/bin/watcher.c
tests_e2e_bin_watcher_LDFLAGS = $(AM_LDFLAGS) -static
endif
