noinst_LIBRARIES += libanchor.a
libanchor_a_SOURCES = \
	src/anchor/anchor.c src/anchor/anchor.h \
	src/anchor/death.c src/anchor/death.h \
	src/anchor/messages.h \
	src/anchor/spec.h \
	src/anchor/view.c src/anchor/view.h
