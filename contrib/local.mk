EXTRA_DIST += contrib/fetch-kernel contrib/install-packages contrib/packages contrib/quickstart \
	contrib/vmrun.conf .ci/run .shellcheckrc tests/lab

# The sample of the settings, beside the documentation: the file in /etc is the administrator's.
examplesdir = $(docdir)/examples
examples_DATA = contrib/vmrun.conf
