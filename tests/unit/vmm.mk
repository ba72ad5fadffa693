VMM_TESTS = tests/unit/test_acpi tests/unit/test_board tests/unit/test_boot tests/unit/test_cmdline \
	tests/unit/test_cpuid tests/unit/test_elf tests/unit/test_qmp \
	tests/unit/test_ctl tests/unit/test_jail tests/unit/test_vcpu_state tests/unit/test_vm_seccomp
UNIT_TESTS += $(VMM_TESTS)
VMM_TEST_LIBS = libvmm.a libdev.a $(UNIT_LIBS)
tests_unit_test_acpi_SOURCES = tests/unit/test_acpi.c
tests_unit_test_acpi_LDADD = $(VMM_TEST_LIBS)
tests_unit_test_board_SOURCES = tests/unit/test_board.c
tests_unit_test_board_LDADD = $(VMM_TEST_LIBS)
tests_unit_test_boot_SOURCES = tests/unit/test_boot.c tests/unit/elf_file.h
tests_unit_test_boot_LDADD = $(VMM_TEST_LIBS)
tests_unit_test_cmdline_SOURCES = tests/unit/test_cmdline.c
tests_unit_test_cmdline_LDADD = $(VMM_TEST_LIBS)
tests_unit_test_cpuid_SOURCES = tests/unit/test_cpuid.c
tests_unit_test_cpuid_LDADD = $(VMM_TEST_LIBS)
tests_unit_test_elf_SOURCES = tests/unit/test_elf.c tests/unit/elf_file.h
tests_unit_test_elf_LDADD = $(VMM_TEST_LIBS)
tests_unit_test_qmp_SOURCES = tests/unit/test_qmp.c
tests_unit_test_qmp_LDADD = $(VMM_TEST_LIBS) $(YAJL_LIBS)
tests_unit_test_vcpu_state_SOURCES = tests/unit/test_vcpu_state.c
tests_unit_test_vcpu_state_LDADD = $(VMM_TEST_LIBS)

tests_unit_test_ctl_SOURCES = tests/unit/test_ctl.c src/vm/ctl.c
tests_unit_test_ctl_LDADD = librpc.a $(UNIT_LIBS)
tests_unit_test_jail_SOURCES = tests/unit/test_jail.c src/vm/jail.c
tests_unit_test_jail_LDADD = $(UNIT_LIBS)
tests_unit_test_vm_seccomp_SOURCES = tests/unit/test_vm_seccomp.c src/vm/seccomp.c
nodist_tests_unit_test_vm_seccomp_SOURCES = src/vm/filters.inc
tests_unit_test_vm_seccomp_LDADD = $(UNIT_LIBS)
