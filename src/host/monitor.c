/* Choosing a monitor: see monitor.h. Called by pod/boot.c and cmd/check.c. */
#include "host/monitor.h"

#include "base/str.h"
#include "guest/cache.h"
#include "host/kvm_cache.h"
#include "host/qemu.h"

#include <stdio.h>
#include <sys/stat.h>

const char *monitor_name(enum monitor m)
{
	static const char *const names[MONITOR_COUNT] = {
		[MONITOR_KVM] = "kvm",
		[MONITOR_QEMU_KVM] = "qemu-kvm",
		[MONITOR_QEMU_TCG] = "qemu-tcg",
	};

	return m < MONITOR_COUNT ? names[m] : "?";
}

void monitor_facts_done(struct monitor_facts *f)
{
	free(f->qemu);
	*f = (struct monitor_facts){ 0 };
}

void monitor_choice_done(struct monitor_choice *choice)
{
	free(choice->qemu);
	*choice = (struct monitor_choice)MONITOR_CHOICE_INIT;
}

void monitor_probe_cached(
	int kvm, const char *cache_dir, monitor_probe_fn *probe, struct kvm_speed *ret)
{
	struct err ignored = ERR_NONE;
	AUTO_CLOSE int cache = cache_dir ? cache_open(cache_dir, &ignored) : -1;
	struct kvm_cache_key key;
	struct stat st;
	bool has_key = cache >= 0 && fstat(kvm, &st) == 0 && kvm_cache_key(&st, &key) == 0;

	if (has_key && kvm_cache_read(cache, &key, ret))
		return;
	probe(kvm, ret);
	/* Without a cache the next one measures again, and that is all. */
	if (has_key)
		(void)!kvm_cache_write(cache, &key, ret, &ignored);
}

static void look_at_kvm(const char *cache_dir, struct kvm_speed *ret)
{
	struct err err = ERR_NONE;
	AUTO_CLOSE int kvm = kvm_device_open(&err);

	if (kvm >= 0) {
		monitor_probe_cached(kvm, cache_dir, kvm_speed_probe, ret);
		return;
	}
	/* Never kept: permissions and modules come and go. */
	*ret = (struct kvm_speed){ .code = err.code };
	snprintf(ret->why, sizeof(ret->why), "%s", err.msg);
}

int monitor_look(
	const char *qemu_path, const char *cache_dir, struct monitor_facts *ret, struct err *err)
{
	int r;

	*ret = (struct monitor_facts){ 0 };
	look_at_kvm(cache_dir, &ret->kvm);
	r = qemu_find(qemu_path, &ret->qemu, err);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		snprintf(ret->qemu_why, sizeof(ret->qemu_why), "%s", err->msg);
		err_clear(err);
	}
	return 0;
}

/* Why our own monitor is not the choice; empty when nothing is against it. */
static void objection(const struct kvm_speed *kvm, char *out, size_t size)
{
	if (kvm->code || (kvm->lacks && !kvm_crawls(kvm)))
		snprintf(out, size, "%s", kvm->why);
	else if (kvm_crawls(kvm))
		snprintf(out, size,
			"/dev/kvm only emulates a guest's kernel, at %.1f million instructions a "
			"second",
			(double)kvm->rate / 1e6);
	else
		*out = '\0';
}

static int choose(enum monitor m, const struct monitor_facts *facts, struct monitor_choice *ret,
	struct err *err)
{
	*ret = (struct monitor_choice){ .monitor = m };
	objection(&facts->kvm, ret->reason, sizeof(ret->reason));
	if (m == MONITOR_KVM)
		return 0;
	if (m == MONITOR_QEMU_TCG && !*ret->reason)
		snprintf(ret->reason, sizeof(ret->reason), "as was asked for");
	ret->qemu = strdup(facts->qemu);
	return ret->qemu ? 0 : err_sys(err, ENOMEM, "qemu");
}

static bool own_works(const struct monitor_facts *facts)
{
	return kvm_is_fast(&facts->kvm) && !facts->kvm.lacks;
}

bool monitor_works(enum monitor m, const struct monitor_facts *facts)
{
	switch (m) {
	case MONITOR_KVM:
		return own_works(facts);
	case MONITOR_QEMU_KVM:
		return facts->qemu && kvm_is_fast(&facts->kvm);
	default:
		return facts->qemu;
	}
}

static int choose_own(
	const struct monitor_facts *facts, struct monitor_choice *ret, struct err *err)
{
	if (facts->kvm.code)
		return err_set(err, facts->kvm.code, "%s", facts->kvm.why);
	if (facts->kvm.lacks)
		return err_set(err, ENOSYS,
			"%s; set \"hypervisor\" to \"qemu\" to run guests in QEMU", facts->kvm.why);
	return choose(MONITOR_KVM, facts, ret, err);
}

static int choose_any(
	const struct monitor_facts *facts, struct monitor_choice *ret, struct err *err)
{
	char why[sizeof(facts->kvm.why)];

	for (enum monitor m = 0; m < MONITOR_COUNT; m++)
		if (monitor_works(m, facts))
			return choose(m, facts, ret, err);
	objection(&facts->kvm, why, sizeof(why));
	return err_set(err, facts->kvm.code ? facts->kvm.code : ENODEV,
		"no monitor can run a guest here: %s; and without KVM, %s", why, facts->qemu_why);
}

int monitor_decide(const char *hypervisor, const struct monitor_facts *facts,
	struct monitor_choice *ret, struct err *err)
{
	bool tcg = streq(hypervisor, "qemu-tcg");

	if (streq(hypervisor, "auto"))
		return choose_any(facts, ret, err);
	if (streq(hypervisor, "kvm"))
		return choose_own(facts, ret, err);
	if (!tcg && !streq(hypervisor, "qemu"))
		return err_set(err, EINVAL,
			"hypervisor: expected auto, kvm, qemu or qemu-tcg, got \"%s\"", hypervisor);
	if (!facts->qemu)
		return err_set(err, ENOENT, "%s", facts->qemu_why);
	tcg = tcg || !monitor_works(MONITOR_QEMU_KVM, facts);
	return choose(tcg ? MONITOR_QEMU_TCG : MONITOR_QEMU_KVM, facts, ret, err);
}

int monitor_choose(const char *hypervisor, const char *qemu_path, const char *cache_dir,
	struct monitor_choice *ret, struct err *err)
{
	AUTO(monitor_facts_done) struct monitor_facts facts = { 0 };
	int r;

	*ret = (struct monitor_choice)MONITOR_CHOICE_INIT;
	r = monitor_look(qemu_path, cache_dir, &facts, err);
	if (r == 0)
		r = monitor_decide(hypervisor, &facts, ret, err);
	if (r == 0 && ret->qemu)
		ret->pci = !qemu_has_microvm(ret->qemu, cache_dir);
	return r;
}
