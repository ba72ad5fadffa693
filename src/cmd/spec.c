/* vmrun spec */
#include "base/auto.h"
#include "base/fd.h"
#include "cmd/cmd.h"
#include "oci/template.h"

#include <fcntl.h>
#include <stdio.h>

enum { SPEC_BUNDLE, SPEC_ROOTLESS };

static int run(const struct runtime *rt, const union opt_value *v, const struct strv *args,
	struct err *err)
{
	AUTO(buf_done) struct buf b = { 0 };
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int fd = -1;
	int r;

	(void)rt;
	(void)args;
	if (asprintf(&path, "%s%sconfig.json", v[SPEC_BUNDLE].text ? v[SPEC_BUNDLE].text : "",
		    v[SPEC_BUNDLE].text ? "/" : "") < 0)
		return err_sys(err, ENOMEM, "spec");
	if (template_print(&b, v[SPEC_ROOTLESS].flag) < 0)
		return err_sys(err, ENOMEM, "spec");
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return err_set(err, EEXIST, "%s exists; remove it first", path);
	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	r = fd_write_all(fd, b.data, b.len);
	return r < 0 ? err_sys(err, -r, "%s", path) : 0;
}

static const struct opt options[] = {
	[SPEC_BUNDLE] = { "bundle", 'b', OPT_TEXT, "DIR", "where to (the working directory)" },
	[SPEC_ROOTLESS] = { "rootless", 0, OPT_FLAG, NULL,
		"for one's own user, in a user namespace" },
	{ 0 },
};

const struct cmd cmd_spec = {
	.name = "spec",
	.arguments = "",
	.help = "write a config.json to start from",
	.options = options,
	.run = run,
};
