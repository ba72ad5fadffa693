noinst_LIBRARIES += libguest.a
libguest_a_CPPFLAGS = $(AM_CPPFLAGS) $(KMOD_CFLAGS) $(ZLIB_CFLAGS) $(LZ4_CFLAGS) $(ZSTD_CFLAGS) \
	$(LZMA_CFLAGS)
libguest_a_SOURCES = \
	src/guest/cache.c src/guest/cache.h \
	src/guest/cpio.c src/guest/cpio.h \
	src/guest/guest.c src/guest/guest.h \
	src/guest/initramfs.c src/guest/initramfs.h \
	src/guest/kernel.c src/guest/kernel.h \
	src/guest/modules.c src/guest/modules.h \
	src/guest/unpack.c src/guest/unpack.h

# What a program that links libguest.a needs besides.
GUEST_LIBS = $(KMOD_LIBS) $(ZLIB_LIBS) $(LZ4_LIBS) $(ZSTD_LIBS) $(LZMA_LIBS)
