POD_TESTS = tests/unit/test_cgroup_path tests/unit/test_conf tests/unit/test_fd_kind tests/unit/test_hooks tests/unit/test_opt \
	tests/unit/test_passed_fds tests/unit/test_pidref tests/unit/test_pod tests/unit/test_resctrl tests/unit/test_rootless tests/unit/test_signals tests/unit/test_state tests/unit/test_stdio \
	tests/unit/test_duration tests/unit/test_ps tests/unit/test_stats tests/unit/test_userns \
	tests/unit/test_vm_section tests/unit/test_why
UNIT_TESTS += $(POD_TESTS)
POD_TEST_LIBS = libcontainer.a libanchor.a libpod.a liboci.a libhost.a libvmm.a libguestmake.a libguest.a librpc.a libapi.a $(UNIT_LIBS) $(OCI_LIBS) $(GUEST_LIBS)
tests_unit_test_cgroup_path_SOURCES = tests/unit/test_cgroup_path.c
tests_unit_test_cgroup_path_LDADD = $(POD_TEST_LIBS)
# The sample in the source folder is compared with the table of keys.
tests_unit_test_conf_SOURCES = tests/unit/test_conf.c
tests_unit_test_conf_CPPFLAGS = $(AM_CPPFLAGS) -DSAMPLE_CONF='"$(abs_top_srcdir)/contrib/vmrun.conf"'
tests_unit_test_conf_LDADD = $(POD_TEST_LIBS)
tests_unit_test_fd_kind_SOURCES = tests/unit/test_fd_kind.c
tests_unit_test_fd_kind_LDADD = $(POD_TEST_LIBS)
tests_unit_test_hooks_SOURCES = tests/unit/test_hooks.c tests/unit/oci_text.h
tests_unit_test_hooks_LDADD = $(POD_TEST_LIBS)
tests_unit_test_opt_SOURCES = tests/unit/test_opt.c src/cmd/opt.c src/cmd/opt.h
tests_unit_test_opt_LDADD = $(UNIT_LIBS)
tests_unit_test_passed_fds_SOURCES = tests/unit/test_passed_fds.c \
	src/cmd/passed_fds.c src/cmd/passed_fds.h
tests_unit_test_passed_fds_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_passed_fds_LDADD = $(POD_TEST_LIBS)
tests_unit_test_pidref_SOURCES = tests/unit/test_pidref.c tests/unit/child.h
tests_unit_test_pidref_LDADD = $(POD_TEST_LIBS)
tests_unit_test_pod_SOURCES = tests/unit/test_pod.c tests/unit/child.h
tests_unit_test_pod_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_pod_LDADD = $(POD_TEST_LIBS)
tests_unit_test_resctrl_SOURCES = tests/unit/test_resctrl.c tests/unit/child.h
tests_unit_test_resctrl_LDADD = $(POD_TEST_LIBS)
tests_unit_test_rootless_SOURCES = tests/unit/test_rootless.c tests/unit/oci_text.h
tests_unit_test_rootless_LDADD = $(POD_TEST_LIBS)
tests_unit_test_signals_SOURCES = tests/unit/test_signals.c src/cmd/signals.c src/cmd/signals.h
tests_unit_test_signals_LDADD = $(UNIT_LIBS)
tests_unit_test_state_SOURCES = tests/unit/test_state.c tests/unit/child.h
tests_unit_test_state_LDADD = $(POD_TEST_LIBS)
tests_unit_test_stdio_SOURCES = tests/unit/test_stdio.c
tests_unit_test_stdio_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_stdio_LDADD = $(POD_TEST_LIBS)
tests_unit_test_userns_SOURCES = tests/unit/test_userns.c tests/unit/oci_text.h
tests_unit_test_userns_LDADD = $(POD_TEST_LIBS)
tests_unit_test_vm_section_SOURCES = tests/unit/test_vm_section.c tests/unit/oci_text.h
tests_unit_test_vm_section_LDADD = $(POD_TEST_LIBS)
tests_unit_test_duration_SOURCES = tests/unit/test_duration.c \
	src/cmd/duration.c src/cmd/duration.h
tests_unit_test_duration_LDADD = $(UNIT_LIBS)
tests_unit_test_stats_SOURCES = tests/unit/test_stats.c
tests_unit_test_stats_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_stats_LDADD = $(POD_TEST_LIBS)
tests_unit_test_why_SOURCES = tests/unit/test_why.c
tests_unit_test_why_LDADD = $(POD_TEST_LIBS)
tests_unit_test_ps_SOURCES = tests/unit/test_ps.c \
	src/cmd/ps_columns.c src/cmd/ps_columns.h src/cmd/ps_options.c src/cmd/ps_options.h \
	src/cmd/ps_print.c
tests_unit_test_ps_LDADD = $(UNIT_LIBS)
