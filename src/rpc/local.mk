noinst_LIBRARIES += librpc.a libapi.a
librpc_a_SOURCES = \
	src/rpc/client.c src/rpc/client.h \
	src/rpc/ports.h \
	src/rpc/server.c src/rpc/server.h \
	src/rpc/signalled.h \
	src/rpc/ttrpc.c src/rpc/ttrpc.h \
	src/rpc/vmclient.c src/rpc/vmclient.h \
	src/rpc/vmctl.c src/rpc/vmctl.h
nodist_librpc_a_SOURCES = src/rpc/ttrpc.pb-c.c src/rpc/ttrpc.pb-c.h
librpc_a_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)

# The agent API, generated from the only definition of it.
libapi_a_SOURCES =
nodist_libapi_a_SOURCES = agent/agent.pb-c.c agent/agent.pb-c.h
libapi_a_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
# Descriptors and calls, most of them in the agent too.
libapi_a_CFLAGS = $(AM_CFLAGS) -Os

EXTRA_DIST += src/rpc/ttrpc.proto agent/agent.proto
GENERATED = src/rpc/ttrpc.pb-c.c src/rpc/ttrpc.pb-c.h agent/agent.pb-c.c agent/agent.pb-c.h
BUILT_SOURCES += $(GENERATED)
CLEANFILES += $(GENERATED)

src/rpc/ttrpc.pb-c.c: $(srcdir)/src/rpc/ttrpc.proto
	$(AM_V_GEN)$(MKDIR_P) src/rpc && $(PROTOC_C) --proto_path=$(srcdir)/src/rpc --c_out=src/rpc $<
src/rpc/ttrpc.pb-c.h: src/rpc/ttrpc.pb-c.c
agent/agent.pb-c.c: $(srcdir)/agent/agent.proto
	$(AM_V_GEN)$(MKDIR_P) agent && $(PROTOC_C) --proto_path=$(srcdir)/agent --c_out=agent $<
agent/agent.pb-c.h: agent/agent.pb-c.c
