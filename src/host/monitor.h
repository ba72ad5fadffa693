/*
 * Which monitor runs a pod's guest on this host: our own one with KVM, or QEMU, with KVM or
 * without. Looking at the host and deciding are apart: the decision is a function of facts.
 */
#pragma once

#include "base/auto.h"
#include "host/kvm_speed.h"

enum monitor { MONITOR_KVM, MONITOR_QEMU_KVM, MONITOR_QEMU_TCG, MONITOR_COUNT };

struct monitor_choice {
	enum monitor monitor;
	char *qemu;	  /* path of qemu-system-x86_64, NULL for MONITOR_KVM */
	bool pci;	  /* of QEMU: it has no microvm, so a q35 with its devices on PCI */
	char reason[160]; /* why not a better one, "" if it is the best */
};

#define MONITOR_CHOICE_INIT                                                                        \
	{                                                                                          \
		MONITOR_KVM, NULL, false, ""                                                       \
	}

/* "kvm", "qemu-kvm" or "qemu-tcg". */
const char *monitor_name(enum monitor m);

/* What the decision depends on. */
struct monitor_facts {
	struct kvm_speed kvm;
	char *qemu;		    /* a path, or NULL */
	char qemu_why[ERR_MSG_MAX]; /* of no qemu: one line for the user */
};

void monitor_facts_done(struct monitor_facts *f);

/*
 * Looks at the host. qemu_path: the setting "qemu". cache_dir: where the probe's answer is kept, or
 * NULL; a folder that cannot be used is done without. Fails only without memory: what the host
 * lacks is a fact.
 */
int monitor_look(const char *qemu_path, const char *cache_dir, struct monitor_facts *ret,
	struct err *err) CHECKED;

/*
 * hypervisor: "auto", "kvm" (our own monitor or none), "qemu", or "qemu-tcg" (software emulation in
 * any case, which is for tests). "kvm" is obeyed where KVM crawls,
 * with a reason. Fails with one line saying what is wrong and what to do.
 */
int monitor_decide(const char *hypervisor, const struct monitor_facts *facts,
	struct monitor_choice *ret, struct err *err) CHECKED;

/* Could m run a guest at a bearable speed here? */
bool monitor_works(enum monitor m, const struct monitor_facts *facts);

/* monitor_look() and monitor_decide(). ret is released with monitor_choice_done(). */
int monitor_choose(const char *hypervisor, const char *qemu_path, const char *cache_dir,
	struct monitor_choice *ret, struct err *err) CHECKED;
void monitor_choice_done(struct monitor_choice *choice);

typedef void monitor_probe_fn(int kvm, struct kvm_speed *ret);

/*
 * What cache_dir (or NULL) knows of the open device kvm since this boot, or else what probe says,
 * which is then kept. Part of monitor_look(), with the probe as an argument for the tests.
 */
void monitor_probe_cached(
	int kvm, const char *cache_dir, monitor_probe_fn *probe, struct kvm_speed *ret);

DEFINE_AUTO_VAL(monitor_facts_done, struct monitor_facts)
DEFINE_AUTO_VAL(monitor_choice_done, struct monitor_choice)
