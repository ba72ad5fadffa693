UNIT_TESTS += tests/unit/test_buf tests/unit/test_cgroup_undo tests/unit/test_command \
	tests/unit/test_fault tests/unit/test_fd tests/unit/test_json_out \
	tests/unit/test_log tests/unit/test_loop tests/unit/test_path tests/unit/test_places \
	tests/unit/test_steps tests/unit/test_str

tests_unit_test_buf_SOURCES = tests/unit/test_buf.c tests/unit/unit.h
tests_unit_test_buf_LDADD = $(UNIT_LIBS)
tests_unit_test_cgroup_undo_SOURCES = tests/unit/test_cgroup_undo.c
tests_unit_test_cgroup_undo_LDADD = $(UNIT_LIBS)
tests_unit_test_command_SOURCES = tests/unit/test_command.c
tests_unit_test_command_LDADD = $(UNIT_LIBS)
# The runner as it is with --enable-fault-injection, whatever else is built.
tests_unit_test_fault_SOURCES = tests/unit/test_fault.c tests/unit/steps_example.h src/base/steps.c
tests_unit_test_fault_CPPFLAGS = $(AM_CPPFLAGS) -DVMRUN_FAULT_INJECTION=1
tests_unit_test_fault_LDADD = $(UNIT_LIBS)
tests_unit_test_fd_SOURCES = tests/unit/test_fd.c
tests_unit_test_fd_LDADD = $(UNIT_LIBS)
tests_unit_test_json_out_SOURCES = tests/unit/test_json_out.c
tests_unit_test_json_out_LDADD = $(UNIT_LIBS)
tests_unit_test_log_SOURCES = tests/unit/test_log.c
tests_unit_test_log_LDADD = $(UNIT_LIBS)
tests_unit_test_loop_SOURCES = tests/unit/test_loop.c
tests_unit_test_loop_LDADD = $(UNIT_LIBS)
tests_unit_test_path_SOURCES = tests/unit/test_path.c
tests_unit_test_path_LDADD = $(UNIT_LIBS)
tests_unit_test_places_SOURCES = tests/unit/test_places.c
tests_unit_test_places_LDADD = $(UNIT_LIBS)
tests_unit_test_steps_SOURCES = tests/unit/test_steps.c tests/unit/steps_example.h
tests_unit_test_steps_LDADD = $(UNIT_LIBS)
tests_unit_test_str_SOURCES = tests/unit/test_str.c
tests_unit_test_str_LDADD = $(UNIT_LIBS)
