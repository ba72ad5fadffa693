# vmrun-proxy is static: it is run by descriptor after its root has become the container's rootfs,
# where no dynamic loader of ours is. AddressSanitizer and static programs do not mix.
if !SANITIZERS
pkglibexec_PROGRAMS += vmrun-proxy
vmrun_proxy_SOURCES = \
	src/proxy/changes.c src/proxy/changes.h \
	src/proxy/confine.c src/proxy/confine.h \
	src/proxy/deathnote.c src/proxy/deathnote.h \
	src/proxy/given.c src/proxy/given.h \
	src/proxy/helper.c src/proxy/helper.h \
	src/proxy/main.c \
	src/proxy/notification.c src/proxy/notification.h \
	src/proxy/notify.c src/proxy/notify.h \
	src/proxy/notify_file.c src/proxy/notify_file.h \
	src/proxy/notify_server.c src/proxy/notify_server.h \
	src/proxy/oombell.c src/proxy/oombell.h \
	src/proxy/relay.c src/proxy/relay.h \
	src/proxy/relay_bound.c src/proxy/relay_listen.c \
	src/proxy/sd_notify.c src/proxy/sd_notify.h \
	src/proxy/sd_notify_filter.c src/proxy/sd_notify_filter.h \
	src/proxy/standin.c src/proxy/standin.h \
	src/anchor/death.c src/anchor/death.h
vmrun_proxy_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUFC_CFLAGS)
vmrun_proxy_CFLAGS = $(AM_CFLAGS) -Os
vmrun_proxy_LDFLAGS = $(AM_LDFLAGS) -static -Wl,--gc-sections
vmrun_proxy_LDADD = librpc.a libapi.a libbase.a $(PROTOBUFC_LIBS)
endif
