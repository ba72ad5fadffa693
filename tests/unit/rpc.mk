UNIT_TESTS += tests/unit/test_rpc

tests_unit_test_rpc_SOURCES = tests/unit/test_rpc.c
tests_unit_test_rpc_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_rpc_LDADD = librpc.a libapi.a $(UNIT_LIBS) $(PROTOBUFC_LIBS)
