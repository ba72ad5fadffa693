/* Finding or booting a pod: see find.h. */
#include "pod/find.h"

#include "base/fd.h"
#include "base/log.h"
#include "base/timeline.h"
#include "pod/cgroup.h"
#include "pod/limits.h"
#include "pod/processors.h"

#include <stdio.h>
#include <string.h>

#define KILL_TIMEOUT_MS 10000
/* Beside the cgroups of containers, whose ids have no '@'. */
#define CGROUP_PREFIX "vmrun@"

static uint32_t at_most(uint32_t value, uint64_t max)
{
	return value < max ? value : (uint32_t)max;
}

static const char *wanted_hypervisor(const struct pod_wish *w)
{
	return w->rt->hypervisor ? w->rt->hypervisor : w->conf->hypervisor;
}

const char *pod_wished_name(const struct pod_wish *wish)
{
	return wish->named.name ? wish->named.name : wish->container;
}

int pod_wish_read(const struct pod_wish *wish, struct pod_found *ret, struct err *err)
{
	const struct conf *conf = wish->conf;
	struct machine_shape defaults = {
		.vcpus = (uint32_t)conf->vcpus,
		.memory_mib = (uint32_t)conf->memory_mib,
	};
	int r = machine_shape(wish->spec, &defaults, &ret->shape, err);

	ret->wish = wish;
	ret->shape.vcpus = at_most(ret->shape.vcpus, conf->vcpus_max);
	ret->shape.memory_mib = at_most(ret->shape.memory_mib, conf->memory_max_mib);
	return r ? r
		 : vm_section_read(wish->spec, ret->shape.kernel_params, wanted_hypervisor(wish),
			   conf, &ret->vm_section, err);
}

static int choose_monitor(struct pod_found *f, struct err *err)
{
	const struct vm_section *s = &f->vm_section;
	const struct conf *conf = f->wish->conf;
	const char *wanted = wanted_hypervisor(f->wish);
	int r;

	if (s->hypervisor && streq(wanted, "auto"))
		wanted = s->hypervisor;
	r = monitor_choose(
		wanted, s->qemu ? s->qemu : conf->qemu, conf->cache_dir, &f->monitor, err);
	if (r == 0 && f->monitor.monitor == MONITOR_QEMU_TCG)
		log_warn("software emulation by QEMU: slow, and not a security boundary (%s)",
			f->monitor.reason);
	timeline("monitor chosen");
	return r;
}

/* The container's own, or one beside it for the machine of several. */
static int machine_cgroup_path(const struct pod_found *f, char **ret, struct err *err)
{
	const struct pod_wish *w = f->wish;
	AUTO_FREE char *path = NULL;
	int r = cgroup_path(
		w->spec->linux.cgroups_path, w->rt->systemd_cgroup, w->container, &path, err);

	if (r < 0)
		return r;
	if (!f->pod->shared) {
		*ret = steal_ptr(&path);
		return 0;
	}
	if (asprintf(ret, "%.*s/" CGROUP_PREFIX "%s", (int)(strrchr(path, '/') - path), path,
		    f->pod->name) < 0) {
		*ret = NULL;
		return err_sys(err, ENOMEM, "cgroup");
	}
	return 0;
}

static int make_cgroup(struct pod_found *f, struct err *err)
{
	const char *asked = f->wish->spec->linux.cgroups_path;
	AUTO_FREE char *path = NULL;
	struct pod *pod = f->pod;
	int r = machine_cgroup_path(f, &path, err);

	if (r == 0)
		r = cgroup_make(
			path, asked && *asked == '/', &pod->cgroups, &pod->cgroup_parents, err);
	if (r == 0)
		r = pod_save_cgroups(pod, err);
	if (r == 0)
		f->cgroup_fd = cgroup_open_v2(&pod->cgroups);
	return r;
}

/*
 * Of a machine of several containers all that it may have is its memory, and what its monitor
 * needs: each container's limits are the guest's, and those of all together their caller's.
 */
static int limit_machine(struct pod_found *f, struct err *err)
{
	struct spec_resources whole = { 0 };
	const struct spec *spec = f->wish->spec;
	const struct spec_resources *resources = &spec->linux.resources;
	struct limits_target target = {
		.cgroups = &f->pod->cgroups,
		.memory_mib = f->pod->memory_mib,
		.overhead_mib = f->pod->overhead_mib,
	};

	if (f->pod->shared) {
		whole.memory.limit_bytes.is_set = true;
		whole.memory.limit_bytes.value = (int64_t)(f->pod->memory_mib << 20);
		resources = &whole;
	}
	return limits_apply(
		&target, resources, spec->file, "linux.resources", LIMITS_BEFORE_BOOT, err);
}

static int record_groups(void *arg, struct err *err)
{
	const struct pod_found *f = arg;

	return pod_save_cgroups(f->pod, err);
}

static int make_resctrl(struct pod_found *f, struct err *err)
{
	const struct spec_intel_rdt *rdt = f->wish->spec->linux.intel_rdt;
	const char *root;
	int r = rdt ? resctrl_root(&root, err) : 0;

	if (r < 0 || !rdt)
		return r;
	return resctrl_make(root, rdt, f->wish->container, &f->resctrl, &f->pod->resctrl,
		record_groups, f, err);
}

int pod_add_process(const struct pod_found *f, pid_t pid, struct err *err)
{
	int r = f->cgroup_fd < 0 ? cgroup_add(&f->pod->cgroups, pid, err) : 0;

	return r ? r : resctrl_add(&f->resctrl, pid, err);
}

static int enter(void *arg, pid_t pid, struct err *err)
{
	const struct pod_found *f = arg;

	return pod_add_process(f, pid, err);
}

/* Emulated processors beyond the first only make the emulator slower. */
static uint32_t spare_vcpus(const struct pod_found *f)
{
	const struct conf *conf = f->wish->conf;

	return f->monitor.monitor == MONITOR_QEMU_TCG
		       ? 0
		       : at_most((uint32_t)conf->vcpus_spare, conf->vcpus_max - f->shape.vcpus);
}

static int start_guest(struct pod_found *f, struct err *err)
{
	f->boot = (struct boot_spec){
		.dir = f->pod->dir,
		.conf = f->wish->conf,
		.monitor = &f->monitor,
		.vcpus = f->shape.vcpus,
		.vcpus_spare = spare_vcpus(f),
		.memory_mib = f->shape.memory_mib,
		.volumes = f->pod->volumes,
		.root_locks = f->wish->root_locks,
		.kernel = f->vm_section.kernel,
		.initrd = f->vm_section.initrd,
		.kernel_params = f->vm_section.parameters,
		.cgroup_fd = f->cgroup_fd,
		.mounts_fd = f->wish->rootless->mounts,
		.enter = enter,
		.enter_arg = f,
	};
	return boot_start(&f->boot, &f->vm, err);
}

int pod_explain(const struct pod_found *f, int r, struct err *err)
{
	return f->booted ? boot_explain(&f->boot, &f->vm, r, err) : r;
}

static int boot(struct pod_found *f, struct err *err)
{
	struct pod *pod = f->pod;
	int r = choose_monitor(f, err);

	if (r < 0)
		return r;
	f->booted = true;
	/* Where containers are to come that nobody knows yet, they may have volumes. */
	pod->shared = f->wish->named.name;
	pod->volumes = f->wish->volumes || pod->shared;
	pod->memory_mib = f->shape.memory_mib;
	pod->overhead_mib = limits_overhead_mib(f->monitor.monitor, f->shape.memory_mib);
	pod->vcpus = machine_vcpus_of(&f->wish->spec->linux.resources.cpu);
	pod->containers = f->number = 1;
	r = make_cgroup(f, err);
	if (r == 0)
		r = limit_machine(f, err);
	if (r == 0)
		r = make_resctrl(f, err);
	if (r == 0)
		r = start_guest(f, err);
	if (r == 0)
		r = f->ctl = vmclient_connect(pod->dir, err);
	if (r >= 0)
		r = vmclient_ask(f->ctl, VMCTL_HOLD, err);
	return r ? pod_explain(f, r, err) : 0;
}

/* Its machine ended when the last of its containers did, or was killed. */
static int clean_up_after(struct pod *pod, struct err *err)
{
	int r = pidref_kill(&pod->monitor, KILL_TIMEOUT_MS);

	if (r < 0)
		return err_sys(err, -r, "the old virtual machine of pod \"%s\"", pod->name);
	cgroup_remove(&pod->cgroups, &pod->cgroup_parents);
	resctrl_remove(&pod->resctrl);
	pod_forget(pod);
	return 0;
}

static int join(struct pod_found *f, struct err *err)
{
	struct pod *pod = f->pod;
	int r;

	if (f->wish->volumes && !pod->volumes)
		return err_set(err, ENODEV,
			"the virtual machine of pod \"%s\" was made for a container without "
			"volumes, and has no place for any",
			pod->name);
	if (f->wish->spec->linux.intel_rdt)
		log_warn("linux.intelRdt: the pod's first container decides for its virtual "
			 "machine");
	pod->vcpus += machine_vcpus_of(&f->wish->spec->linux.resources.cpu);
	f->number = ++pod->containers;
	r = pod_save(pod, err);
	pod_unlock(pod);
	return r;
}

static int none_to_join(const struct pod_wish *w, struct err *err)
{
	return err_set(err, ESRCH,
		"the sandbox \"%s\", which annotations put this container into, has no virtual "
		"machine that runs",
		w->named.name);
}

int pod_find_or_boot(struct pod_found *f, struct err *err)
{
	const struct pod_wish *w = f->wish;
	int r = pod_enter(
		w->rt->root, pod_wished_name(w), w->container, !w->named.must_exist, &f->pod, err);

	if (r == -ENOENT && w->named.must_exist) {
		err_clear(err);
		return none_to_join(w, err);
	}
	if (r < 0)
		return r;
	if (!w->named.name && !pod_is_last(f->pod, w->container))
		return err_set(err, EEXIST,
			"there is a pod \"%s\", and the container, which names none, cannot have "
			"one of its own by that name",
			f->pod->name);
	f->ctl = pod_hold(f->pod);
	timeline("pod entered");
	if (f->ctl >= 0)
		return join(f, err);
	if (w->named.must_exist)
		return none_to_join(w, err);
	r = clean_up_after(f->pod, err);
	return r ? r : boot(f, err);
}

/* Its limits add to those of the others. */
static int grow(struct pod_found *f, struct err *err)
{
	return machine_vcpus_of(&f->wish->spec->linux.resources.cpu)
		       ? processors_online(f->agent, f->pod->vcpus, err)
		       : 0;
}

static int dial(struct pod_found *f, struct err *err)
{
	int fd, r = vmclient_dial_agent(f->ctl, &fd, err);

	if (r < 0)
		return r;
	r = rpc_client_new(fd, &f->agent);
	return r < 0 ? err_sys(err, -r, "agent") : grow(f, err);
}

int pod_ready(struct pod_found *f, struct err *err)
{
	struct pod *pod = f->pod;
	int r;

	if (!f->booted)
		return dial(f, err);
	r = boot_wait(&f->boot, &f->vm, err);
	if (r < 0)
		return r;
	f->agent = steal_ptr(&f->vm.agent);
	if (pidref_get(f->vm.pid, &pod->monitor) < 0)
		return err_set(err, ESRCH, "the virtual machine ended as soon as it was ready");
	r = pod_save(pod, err);
	pod_unlock(pod);
	return r;
}

int pod_configured(struct pod_found *f, int r, struct err *err)
{
	return f->booted ? boot_configured(&f->vm, r, err) : r;
}

void pod_found_done(struct pod_found *f)
{
	rpc_client_free(f->agent);
	/* With the lock still held nobody else knows of the machine, and who waits may boot one. */
	if (f->booted && f->pod && f->pod->lock >= 0)
		boot_abort(&f->vm);
	else
		boot_done(&f->vm);
	close_fd(&f->ctl);
	close_fd(&f->cgroup_fd);
	strv_done(&f->resctrl);
	monitor_choice_done(&f->monitor);
	vm_section_done(&f->vm_section);
	pod_free(f->pod);
	f->agent = NULL;
	f->pod = NULL;
}
