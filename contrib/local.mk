EXTRA_DIST += contrib/fetch-kernel contrib/guest-kernel contrib/install-packages contrib/packages contrib/quickstart \
	contrib/vmrun.conf .ci/run .shellcheckrc tests/lab

# The sample of the settings, beside the documentation: the file in /etc is the administrator's.
examplesdir = $(docdir)/examples
examples_DATA = contrib/vmrun.conf

# The guest's own kernel: minutes the first time, nothing afterwards. It is installed when it was made;
# kernel "auto" finds it in the build tree too.
GUEST_KERNEL = guest-kernel/vmlinux guest-kernel/config guest-kernel/version
.PHONY: guest-kernel
guest-kernel:
	$(MKDIR_P) guest-kernel
	built=$$($(srcdir)/contrib/guest-kernel/build) && \
	for file in $(GUEST_KERNEL); do \
		cmp -s "$$(dirname "$$built")/$${file##*/}" $$file || \
			$(INSTALL_DATA) "$$(dirname "$$built")/$${file##*/}" $$file || exit; \
	done

install-data-local:
	test ! -e guest-kernel/vmlinux || { \
		$(MKDIR_P) "$(DESTDIR)$(guestkerneldir)" && \
		$(INSTALL_DATA) $(GUEST_KERNEL) "$(DESTDIR)$(guestkerneldir)"; }

uninstall-local:
	for file in $(GUEST_KERNEL); do rm -f "$(DESTDIR)$(guestkerneldir)/$${file##*/}"; done

clean-local:
	rm -rf guest-kernel
