# The agent: a library of everything, so that it can be tested, and one static binary for the guest.
noinst_LIBRARIES += libagent.a
libagent_a_SOURCES = \
	agent/acceptor.c agent/acceptor.h \
	agent/agent.h \
	agent/api.c agent/api.h \
	agent/birth.c agent/birth.h \
	agent/boot.c agent/boot.h \
	agent/calls.h \
	agent/cgroup.c agent/cgroup.h \
	agent/child.c agent/child.h \
	agent/clock.c agent/clock.h \
	agent/container.c agent/container.h \
	agent/copy_up.c agent/copy_up.h \
	agent/create.c agent/create.h \
	agent/credentials.c agent/credentials.h \
	agent/device_filter.c agent/device_filter.h \
	agent/descriptors.c agent/descriptors.h \
	agent/devices.c agent/devices.h \
	agent/duplex.c agent/duplex.h \
	agent/events.c agent/events.h \
	agent/exec.c agent/exec.h \
	agent/filesystem.c agent/filesystem.h \
	agent/gate.h \
	agent/hooks.c agent/hooks.h \
	agent/kmsg.c agent/kmsg.h \
	agent/launch.c agent/launch.h \
	agent/life.c agent/life.h \
	agent/listener.c agent/listener.h \
	agent/mounts.c agent/mounts.h \
	agent/namespaces.c agent/namespaces.h \
	agent/sd_notify.c agent/sd_notify.h \
	agent/parked.c agent/parked.h \
	agent/process.c agent/process.h \
	agent/process_list.c \
	agent/processors.c agent/processors.h \
	agent/program.c agent/program.h \
	agent/pump.c agent/pump.h \
	agent/reap.c agent/reap.h \
	agent/rootfs.c agent/rootfs.h \
	agent/scheduling.c agent/scheduling.h \
	agent/scratch.c agent/scratch.h \
	agent/signalled.c agent/signalled.h \
	agent/serve.c agent/serve.h \
	agent/shadow.c agent/shadow.h \
	agent/share_events.c agent/share_events.h \
	agent/slots.c agent/slots.h \
	agent/sockets.c agent/sockets.h \
	agent/shares.c agent/shares.h \
	agent/stats.c \
	agent/stdio.c agent/stdio.h \
	agent/stream.c agent/stream.h \
	agent/target.c agent/target.h \
	agent/terminal.c agent/terminal.h \
	agent/timeline.c agent/timeline.h \
	agent/update.c \
	agent/vsock.c agent/vsock.h \
	agent/watched.c agent/watched.h
libagent_a_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
libagent_a_CFLAGS = $(AM_CFLAGS) -Os

# AddressSanitizer and static programs do not mix.
if !SANITIZERS
pkglibexec_PROGRAMS += vmrun-agent
vmrun_agent_SOURCES = agent/main.c
vmrun_agent_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
vmrun_agent_CFLAGS = $(libagent_a_CFLAGS)
vmrun_agent_LDFLAGS = $(AM_LDFLAGS) -static -s -Wl,-z,noseparate-code
vmrun_agent_LDADD = libagent.a librpc.a libapi.a libbase.a -lprotobuf-c
endif
