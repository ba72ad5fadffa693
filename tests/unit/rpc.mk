RPC_TESTS = tests/unit/test_rpc tests/unit/test_rpc_client tests/unit/test_rpc_server \
	tests/unit/test_ttrpc
UNIT_TESTS += $(RPC_TESTS)
RPC_TEST_LIBS = librpc.a libapi.a $(UNIT_LIBS) $(PROTOBUFC_LIBS)

tests_unit_test_rpc_SOURCES = tests/unit/test_rpc.c
tests_unit_test_rpc_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_rpc_LDADD = $(RPC_TEST_LIBS)
tests_unit_test_rpc_client_SOURCES = tests/unit/test_rpc_client.c tests/unit/ttrpc_peer.h
tests_unit_test_rpc_client_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_rpc_client_LDADD = $(RPC_TEST_LIBS)
tests_unit_test_rpc_server_SOURCES = tests/unit/test_rpc_server.c tests/unit/ttrpc_peer.h
tests_unit_test_rpc_server_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_rpc_server_LDADD = $(RPC_TEST_LIBS)
tests_unit_test_ttrpc_SOURCES = tests/unit/test_ttrpc.c
tests_unit_test_ttrpc_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
tests_unit_test_ttrpc_LDADD = $(RPC_TEST_LIBS)
