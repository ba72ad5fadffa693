# vmrun-proxy is static: it is run by descriptor after its root has become the container's rootfs,
# where no dynamic loader of ours is. AddressSanitizer and static programs do not mix.
if !SANITIZERS
pkglibexec_PROGRAMS += vmrun-proxy
vmrun_proxy_SOURCES = \
	shim/proxy/changes.c shim/proxy/changes.h \
	shim/proxy/confine.c shim/proxy/confine.h \
	shim/proxy/deathnote.c shim/proxy/deathnote.h \
	shim/proxy/given.c shim/proxy/given.h \
	shim/proxy/helper.c shim/proxy/helper.h \
	shim/proxy/main.c \
	shim/proxy/notification.c shim/proxy/notification.h \
	shim/proxy/notify.c shim/proxy/notify.h \
	shim/proxy/notify_file.c shim/proxy/notify_file.h \
	shim/proxy/notify_server.c shim/proxy/notify_server.h \
	shim/proxy/oombell.c shim/proxy/oombell.h \
	shim/proxy/relay.c shim/proxy/relay.h \
	shim/proxy/relay_bound.c shim/proxy/relay_listen.c \
	shim/proxy/sd_notify.c shim/proxy/sd_notify.h \
	shim/proxy/sd_notify_filter.c shim/proxy/sd_notify_filter.h \
	shim/proxy/standin.c shim/proxy/standin.h \
	src/pod/death.c src/pod/death.h
vmrun_proxy_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
vmrun_proxy_CFLAGS = $(AM_CFLAGS) -Os
vmrun_proxy_LDFLAGS = $(AM_LDFLAGS) -static -Wl,--gc-sections
vmrun_proxy_LDADD = librpc.a libapi.a libbase.a $(PROTOBUFC_LIBS)
endif
