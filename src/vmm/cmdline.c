/* The kernel's command line: see cmdline.h. */
#include "vmm/cmdline.h"

/*
 * What kernels are told: logs go to the virtio console, a panic ends the machine at once, nothing
 * tests or measures what is known.
 */
static const char everywhere[] =
	"quiet console=hvc0 panic=-1 random.trust_cpu=on cryptomgr.notests "
	"rcupdate.rcu_expedited=1 swiotlb=noforce mitigations=auto";

int cmdline_make(const struct cmdline_config *c, struct buf *out)
{
	size_t before = out->len;
	int r = buf_append_str(out, everywhere);

	if (r == 0)
		r = arch_kernel_params(&c->platform, out);
	if (r == 0 && c->spare)
		r = buf_printf(out, " maxcpus=%u", c->vcpus);
	if (r == 0 && *c->params)
		r = buf_printf(out, " %s", c->params);
	return r == 0 && out->len - before >= CMDLINE_BYTES ? -E2BIG : r;
}
