/* config.json to structs: every field arrives, and every wrong type is named. */
#include "base/str.h"
#include "oci/parse.h"
#include "tests/unit/oci_text.h"

#include <fcntl.h>

/* clang-format off */
static const char common_text[] = "{"
	"'ociVersion':'1.3.0','hostname':'h','domainname':'d','unknown':{'x':[1,{}]},"
	"'root':{'path':'rootfs','readonly':true},"
	"'annotations':{'io.vmrun.vcpus':'2','b':''},"
	"'mounts':[{'destination':'/a','type':'bind','source':'/s','options':['rbind','ro'],"
		"'uidMappings':[{'containerID':1,'hostID':2,'size':3}],"
		"'gidMappings':[{'containerID':4,'hostID':5,'size':6}]},"
		"{'destination':'/b'}],"
	"'hooks':{"
		"'prestart':[{'path':'/p','args':['p','1'],'env':['A=b'],'timeout':5}],"
		"'createRuntime':[{'path':'/cr'}],'createContainer':[{'path':'/cc'},{'path':'/cd'}],"
		"'startContainer':[{'path':'/sc'}],'poststart':[{'path':'/ps'}],"
		"'poststop':[{'path':'/pp'}]},"
	"'process':{'terminal':true,'consoleSize':{'height':25,'width':80},"
		"'user':{'uid':1,'gid':2,'umask':18,'additionalGids':[3,4294967295],'username':'w'},"
		"'args':['sh','-c',''],'commandLine':'c','env':['A=1','B='],'cwd':'/w',"
		"'capabilities':{'bounding':['CAP_KILL'],'effective':['CAP_CHOWN'],"
			"'inheritable':['CAP_FOWNER'],'permitted':['CAP_SETUID'],'ambient':['CAP_SETGID']},"
		"'rlimits':[{'type':'RLIMIT_CORE','soft':1,'hard':18446744073709551615}],"
		"'noNewPrivileges':true,'apparmorProfile':'aa','selinuxLabel':'sl','oomScoreAdj':-1000,"
		"'scheduler':{'policy':'SCHED_DEADLINE','nice':-5,'priority':7,"
			"'flags':['SCHED_FLAG_RECLAIM'],'runtime':1,'deadline':2,'period':3},"
		"'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':4},"
		"'execCPUAffinity':{'initial':'0-1','final':'2'}}}";

static const char linux_text[] = CONFIG_LINUX(
	"'namespaces':[{'type':'pid'},{'type':'network','path':'/n'}],"
	"'uidMappings':[{'containerID':0,'hostID':100000,'size':65536}],"
	"'gidMappings':[{'containerID':0,'hostID':200000,'size':65536}],"
	"'timeOffsets':{'boottime':{'secs':-5,'nanosecs':6},'monotonic':{'secs':7}},"
	"'devices':[{'path':'/dev/x','type':'c','major':10,'minor':229,'fileMode':438,'uid':1,"
		"'gid':2},{'path':'/dev/p','type':'p'}],"
	"'netDevices':{'eth1':{'name':'lan'},'eth2':{}},"
	"'cgroupsPath':'/c','sysctl':{'net.ipv4.ip_forward':'1','kernel.shmmax':'2'},"
	"'rootfsPropagation':'rslave','maskedPaths':['/m'],'readonlyPaths':['/r','/r2'],"
	"'mountLabel':'ml','personality':{'domain':'LINUX32','flags':['f']},"
	"'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0,1','flags':['MPOL_F_STATIC_NODES']},"
	"'intelRdt':{'closID':'g','schemata':['L3:0=f'],'l3CacheSchema':'l','memBwSchema':'m',"
		"'enableMonitoring':true},"
	"'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38,"
		"'architectures':['SCMP_ARCH_X86_64'],'flags':['SECCOMP_FILTER_FLAG_LOG'],"
		"'listenerPath':'/l','listenerMetadata':'md','syscalls':[{'names':['read','write'],"
		"'action':'SCMP_ACT_ALLOW','errnoRet':2,'args':[{'index':1,"
		"'value':18446744073709551615,'valueTwo':3,'op':'SCMP_CMP_MASKED_EQ'}]}]}");

static const char resources_text[] = CONFIG_RESOURCES(
	"'devices':[{'allow':false},{'allow':true,'type':'c','major':1,'minor':-1,'access':'rw'}],"
	"'memory':{'limit':1,'reservation':2,'swap':-1,'kernel':3,'kernelTCP':4,'swappiness':60,"
		"'disableOOMKiller':true,'useHierarchy':false,'checkBeforeUpdate':true},"
	"'cpu':{'shares':5,'quota':-1,'burst':6,'period':7,'realtimeRuntime':8,"
		"'realtimePeriod':9,'cpus':'0-3','mems':'0','idle':1},"
	"'pids':{'limit':10},"
	"'blockIO':{'weight':11,'leafWeight':12,'weightDevice':[{'major':8,'minor':0,'weight':13,"
		"'leafWeight':14}],'throttleReadBpsDevice':[{'major':8,'minor':1,'rate':15}],"
		"'throttleWriteBpsDevice':[{'major':8,'minor':2,'rate':16}],"
		"'throttleReadIOPSDevice':[{'major':8,'minor':3,'rate':17}],"
		"'throttleWriteIOPSDevice':[{'major':8,'minor':4,'rate':18}]},"
	"'hugepageLimits':[{'pageSize':'2MB','limit':19}],"
	"'network':{'classID':20,'priorities':[{'name':'eth0','priority':21}]},"
	"'rdma':{'mlx5':{'hcaHandles':22,'hcaObjects':23}},"
	"'unified':{'memory.high':'24'}");

static const char vm_text[] = CONFIG(",'vm':{"
	"'hypervisor':{'path':'/h','parameters':['a','b']},"
	"'kernel':{'path':'/k','parameters':['quiet'],'initrd':'/i'},"
	"'image':{'path':'/im','format':'raw'},"
	"'hwConfig':{'deviceTree':'/dt','vcpus':2,'memory':3,'dtdevs':['x'],"
		"'iomems':[{'firstGFN':4,'firstMFN':5,'nrMFNs':6}],'irqs':[7,8]}}");

/* clang-format on */

static void mappings_are(const struct spec_id_mappings *m, uint32_t in, uint32_t out, uint32_t size)
{
	assert_int_equal(m->n, 1);
	assert_int_equal(m->v[0].container_id, in);
	assert_int_equal(m->v[0].host_id, out);
	assert_int_equal(m->v[0].size, size);
}

static void strings_are(const struct spec_strings *s, const char *first, size_t n)
{
	assert_int_equal(s->n, n);
	assert_string_equal(s->v[0], first);
	assert_null(s->v[n]);
}

static void common_section(void **state)
{
	AUTO(spec_free) struct spec *s = spec_of(common_text);

	(void)state;
	assert_string_equal(s->file, "config.json");
	assert_string_equal(s->oci_version, "1.3.0");
	assert_string_equal(s->hostname, "h");
	assert_string_equal(s->domainname, "d");
	assert_string_equal(s->root->path, "rootfs");
	assert_true(s->root->readonly);
	assert_int_equal(s->annotations.n, 2);
	assert_string_equal(spec_annotation(s, "io.vmrun.vcpus"), "2");
	assert_string_equal(spec_annotation(s, "b"), "");
	assert_null(spec_annotation(s, "c"));
	assert_int_equal(s->mounts.n, 2);
	assert_string_equal(s->mounts.v[0].destination, "/a");
	assert_string_equal(s->mounts.v[0].type, "bind");
	assert_string_equal(s->mounts.v[0].source, "/s");
	strings_are(&s->mounts.v[0].options, "rbind", 2);
	mappings_are(&s->mounts.v[0].uid_mappings, 1, 2, 3);
	mappings_are(&s->mounts.v[0].gid_mappings, 4, 5, 6);
	assert_null(s->mounts.v[1].type);
	assert_int_equal(s->mounts.v[1].options.n, 0);
	assert_null(s->mounts.v[1].options.v);
}

static void hooks_section(void **state)
{
	AUTO(spec_free) struct spec *s = spec_of(common_text);
	const struct spec_hook *first = s->hooks.prestart.v;

	(void)state;
	assert_int_equal(s->hooks.prestart.n, 1);
	assert_string_equal(first->path, "/p");
	strings_are(&first->args, "p", 2);
	strings_are(&first->env, "A=b", 1);
	assert_true(first->timeout_s.is_set);
	assert_int_equal(first->timeout_s.value, 5);
	assert_string_equal(s->hooks.create_runtime.v[0].path, "/cr");
	assert_false(s->hooks.create_runtime.v[0].timeout_s.is_set);
	assert_int_equal(s->hooks.create_container.n, 2);
	assert_string_equal(s->hooks.create_container.v[1].path, "/cd");
	assert_string_equal(s->hooks.start_container.v[0].path, "/sc");
	assert_string_equal(s->hooks.poststart.v[0].path, "/ps");
	assert_string_equal(s->hooks.poststop.v[0].path, "/pp");
}

static void process_section(void **state)
{
	AUTO(spec_free) struct spec *s = spec_of(common_text);
	const struct spec_process *p = s->process;

	(void)state;
	assert_true(p->terminal);
	assert_int_equal(p->console_size->height, 25);
	assert_int_equal(p->console_size->width, 80);
	assert_int_equal(p->user.uid, 1);
	assert_int_equal(p->user.gid, 2);
	assert_true(p->user.umask.is_set);
	assert_int_equal(p->user.umask.value, 18);
	assert_int_equal(p->user.additional_gids.n, 2);
	assert_int_equal(p->user.additional_gids.v[0], 3);
	assert_true(p->user.additional_gids.v[1] == UINT32_MAX);
	assert_string_equal(p->user.username, "w");
	strings_are(&p->args, "sh", 3);
	assert_string_equal(p->args.v[2], "");
	assert_string_equal(p->command_line, "c");
	strings_are(&p->env, "A=1", 2);
	assert_string_equal(p->cwd, "/w");
	strings_are(&p->capabilities->bounding, "CAP_KILL", 1);
	strings_are(&p->capabilities->effective, "CAP_CHOWN", 1);
	strings_are(&p->capabilities->inheritable, "CAP_FOWNER", 1);
	strings_are(&p->capabilities->permitted, "CAP_SETUID", 1);
	strings_are(&p->capabilities->ambient, "CAP_SETGID", 1);
	assert_int_equal(p->rlimits.n, 1);
	assert_string_equal(p->rlimits.v[0].type, "RLIMIT_CORE");
	assert_int_equal(p->rlimits.v[0].soft, 1);
	assert_true(p->rlimits.v[0].hard == UINT64_MAX);
	assert_true(p->no_new_privileges);
	assert_string_equal(p->apparmor_profile, "aa");
	assert_string_equal(p->selinux_label, "sl");
	assert_int_equal(p->oom_score_adj.value, -1000);
	assert_string_equal(p->scheduler->policy, "SCHED_DEADLINE");
	assert_int_equal(p->scheduler->nice, -5);
	assert_int_equal(p->scheduler->priority, 7);
	strings_are(&p->scheduler->flags, "SCHED_FLAG_RECLAIM", 1);
	assert_int_equal(p->scheduler->runtime_ns, 1);
	assert_int_equal(p->scheduler->deadline_ns, 2);
	assert_int_equal(p->scheduler->period_ns, 3);
	assert_string_equal(p->io_priority->class, "IOPRIO_CLASS_BE");
	assert_int_equal(p->io_priority->priority, 4);
	assert_string_equal(p->exec_cpu_affinity->initial, "0-1");
	assert_string_equal(p->exec_cpu_affinity->final, "2");
}

static void linux_section(void **state)
{
	AUTO(spec_free) struct spec *s = spec_of(linux_text);
	const struct spec_linux *l = &s->linux;

	(void)state;
	assert_int_equal(l->namespaces.n, 2);
	assert_string_equal(l->namespaces.v[0].type, "pid");
	assert_null(l->namespaces.v[0].path);
	assert_string_equal(l->namespaces.v[1].path, "/n");
	mappings_are(&l->uid_mappings, 0, 100000, 65536);
	mappings_are(&l->gid_mappings, 0, 200000, 65536);
	assert_int_equal(l->time_offsets.n, 2);
	assert_string_equal(l->time_offsets.v[0].clock, "boottime");
	assert_int_equal(l->time_offsets.v[0].secs, -5);
	assert_int_equal(l->time_offsets.v[0].nanosecs, 6);
	assert_string_equal(l->time_offsets.v[1].clock, "monotonic");
	assert_int_equal(l->devices.n, 2);
	assert_string_equal(l->devices.v[0].path, "/dev/x");
	assert_string_equal(l->devices.v[0].type, "c");
	assert_int_equal(l->devices.v[0].major.value, 10);
	assert_int_equal(l->devices.v[0].minor.value, 229);
	assert_int_equal(l->devices.v[0].file_mode.value, 438);
	assert_int_equal(l->devices.v[0].uid.value, 1);
	assert_int_equal(l->devices.v[0].gid.value, 2);
	assert_false(l->devices.v[1].major.is_set);
	assert_int_equal(l->net_devices.n, 2);
	assert_string_equal(l->net_devices.v[0].host_name, "eth1");
	assert_string_equal(l->net_devices.v[0].name, "lan");
	assert_null(l->net_devices.v[1].name);
	assert_string_equal(l->cgroups_path, "/c");
	assert_int_equal(l->sysctl.n, 2);
	assert_string_equal(l->sysctl.v[0].key, "net.ipv4.ip_forward");
	assert_string_equal(l->sysctl.v[1].value, "2");
	assert_string_equal(l->rootfs_propagation, "rslave");
	strings_are(&l->masked_paths, "/m", 1);
	strings_are(&l->readonly_paths, "/r", 2);
	assert_string_equal(l->mount_label, "ml");
	assert_string_equal(l->personality->domain, "LINUX32");
	strings_are(&l->personality->flags, "f", 1);
	assert_string_equal(l->memory_policy->mode, "MPOL_BIND");
	assert_string_equal(l->memory_policy->nodes, "0,1");
	strings_are(&l->memory_policy->flags, "MPOL_F_STATIC_NODES", 1);
	assert_string_equal(l->intel_rdt->clos_id, "g");
	strings_are(&l->intel_rdt->schemata, "L3:0=f", 1);
	assert_string_equal(l->intel_rdt->l3_cache_schema, "l");
	assert_string_equal(l->intel_rdt->mem_bw_schema, "m");
	assert_true(l->intel_rdt->enable_monitoring);
}

static void seccomp_section(void **state)
{
	AUTO(spec_free) struct spec *s = spec_of(linux_text);
	const struct spec_seccomp *c = s->linux.seccomp;
	const struct spec_syscall *rule = c->syscalls.v;

	(void)state;
	assert_string_equal(c->default_action, "SCMP_ACT_ERRNO");
	assert_int_equal(c->default_errno_ret.value, 38);
	strings_are(&c->architectures, "SCMP_ARCH_X86_64", 1);
	strings_are(&c->flags, "SECCOMP_FILTER_FLAG_LOG", 1);
	assert_string_equal(c->listener_path, "/l");
	assert_string_equal(c->listener_metadata, "md");
	assert_int_equal(c->syscalls.n, 1);
	strings_are(&rule->names, "read", 2);
	assert_string_equal(rule->action, "SCMP_ACT_ALLOW");
	assert_int_equal(rule->errno_ret.value, 2);
	assert_int_equal(rule->args.n, 1);
	assert_int_equal(rule->args.v[0].index, 1);
	assert_true(rule->args.v[0].value == UINT64_MAX);
	assert_int_equal(rule->args.v[0].value_two, 3);
	assert_string_equal(rule->args.v[0].op, "SCMP_CMP_MASKED_EQ");
}

static void throttle_is(const struct spec_throttle_devices *t, int64_t minor, uint64_t rate)
{
	assert_int_equal(t->n, 1);
	assert_int_equal(t->v[0].major, 8);
	assert_int_equal(t->v[0].minor, minor);
	assert_int_equal(t->v[0].rate, rate);
}

static void resources_section(void **state)
{
	AUTO(spec_free) struct spec *s = spec_of(resources_text);
	const struct spec_resources *r = &s->linux.resources;

	(void)state;
	assert_int_equal(r->devices.n, 2);
	assert_false(r->devices.v[0].allow);
	assert_null(r->devices.v[0].type);
	assert_true(r->devices.v[1].allow);
	assert_string_equal(r->devices.v[1].type, "c");
	assert_int_equal(r->devices.v[1].major.value, 1);
	assert_int_equal(r->devices.v[1].minor.value, -1);
	assert_string_equal(r->devices.v[1].access, "rw");
	assert_int_equal(r->memory.limit_bytes.value, 1);
	assert_int_equal(r->memory.reservation_bytes.value, 2);
	assert_int_equal(r->memory.swap_bytes.value, -1);
	assert_int_equal(r->memory.kernel_bytes.value, 3);
	assert_int_equal(r->memory.kernel_tcp_bytes.value, 4);
	assert_int_equal(r->memory.swappiness.value, 60);
	assert_true(r->memory.disable_oom_killer.value);
	assert_true(r->memory.use_hierarchy.is_set);
	assert_false(r->memory.use_hierarchy.value);
	assert_true(r->memory.check_before_update.value);
	assert_int_equal(r->cpu.shares.value, 5);
	assert_int_equal(r->cpu.quota_us.value, -1);
	assert_int_equal(r->cpu.burst_us.value, 6);
	assert_int_equal(r->cpu.period_us.value, 7);
	assert_int_equal(r->cpu.realtime_runtime_us.value, 8);
	assert_int_equal(r->cpu.realtime_period_us.value, 9);
	assert_string_equal(r->cpu.cpus, "0-3");
	assert_string_equal(r->cpu.mems, "0");
	assert_int_equal(r->cpu.idle.value, 1);
	assert_int_equal(r->pids_limit.value, 10);
	assert_int_equal(r->block_io.weight.value, 11);
	assert_int_equal(r->block_io.leaf_weight.value, 12);
	assert_int_equal(r->block_io.weight_device.n, 1);
	assert_int_equal(r->block_io.weight_device.v[0].weight.value, 13);
	assert_int_equal(r->block_io.weight_device.v[0].leaf_weight.value, 14);
	throttle_is(&r->block_io.throttle_read_bps, 1, 15);
	throttle_is(&r->block_io.throttle_write_bps, 2, 16);
	throttle_is(&r->block_io.throttle_read_iops, 3, 17);
	throttle_is(&r->block_io.throttle_write_iops, 4, 18);
	assert_string_equal(r->hugepage_limits.v[0].page_size, "2MB");
	assert_int_equal(r->hugepage_limits.v[0].limit_bytes, 19);
	assert_int_equal(r->network.class_id.value, 20);
	assert_string_equal(r->network.priorities.v[0].name, "eth0");
	assert_int_equal(r->network.priorities.v[0].priority, 21);
	assert_string_equal(r->rdma.v[0].device, "mlx5");
	assert_int_equal(r->rdma.v[0].hca_handles.value, 22);
	assert_int_equal(r->rdma.v[0].hca_objects.value, 23);
	assert_string_equal(r->unified.v[0].key, "memory.high");
	assert_string_equal(r->unified.v[0].value, "24");
}

static void vm_section(void **state)
{
	AUTO(spec_free) struct spec *s = spec_of(vm_text);
	AUTO(spec_free) struct spec *go = spec_of(CONFIG(",'vm':{'hwconfig':{'vcpus':3}}"));
	const struct spec_vm *vm = s->vm;

	(void)state;
	assert_string_equal(vm->hypervisor->path, "/h");
	strings_are(&vm->hypervisor->parameters, "a", 2);
	assert_string_equal(vm->kernel->path, "/k");
	strings_are(&vm->kernel->parameters, "quiet", 1);
	assert_string_equal(vm->kernel->initrd, "/i");
	assert_string_equal(vm->image->path, "/im");
	assert_string_equal(vm->image->format, "raw");
	assert_string_equal(vm->hw_config->device_tree, "/dt");
	assert_int_equal(vm->hw_config->vcpus.value, 2);
	assert_int_equal(vm->hw_config->memory_bytes.value, 3);
	strings_are(&vm->hw_config->dtdevs, "x", 1);
	assert_int_equal(vm->hw_config->iomems.v[0].first_gfn.value, 4);
	assert_int_equal(vm->hw_config->iomems.v[0].first_mfn, 5);
	assert_int_equal(vm->hw_config->iomems.v[0].nr_mfns, 6);
	assert_int_equal(vm->hw_config->irqs.n, 2);
	assert_int_equal(vm->hw_config->irqs.v[1], 8);
	assert_int_equal(go->vm->hw_config->vcpus.value, 3);
}

static void absent_is_zero(void **state)
{
	AUTO(spec_free) struct spec *s = spec_of("{'ociVersion':'1.0.0'}");
	AUTO(spec_free)
	struct spec *nulls = spec_of("{'ociVersion':'1.0.0','process':null,'mounts':null,"
				     "'linux':{'resources':null,'seccomp':null},'hostname':''}");

	(void)state;
	assert_null(s->process);
	assert_null(s->root);
	assert_null(s->vm);
	assert_null(s->hostname);
	assert_int_equal(s->mounts.n, 0);
	assert_null(nulls->process);
	assert_null(nulls->linux.seccomp);
	assert_null(nulls->hostname);
	assert_false(nulls->linux.resources.memory.limit_bytes.is_set);
}

static void refused(const char *text, int code, const char *message)
{
	AUTO_FREE char *json = text_of(text);
	struct err err = ERR_NONE;
	struct spec *spec = NULL;

	assert_int_equal(spec_parse("config.json", json, strlen(json), &spec, &err), -code);
	assert_string_equal(err.msg, message);
	assert_null(spec);
}

static void versions(void **state)
{
	static const char *const good[] = { "1.0.0", "1.0.2-dev", "1.0.0-rc5", "1.1.0+dev", "1.2.1",
		"1.3.0", "1.3.99" };

	static const struct {
		const char *version, *message;
	} bad[] = {
		{ "2.0.0", "version 2.0.0 is not supported, those from 1.0.0 to 1.3.x are" },
		{ "0.6.0-dev",
			"version 0.6.0-dev is not supported, those from 1.0.0 to 1.3.x are" },
		{ "1.4.0", "version 1.4.0 is not supported, those from 1.0.0 to 1.3.x are" },
		{ "", "\"\" is not a version such as \"1.3.0\"" },
		{ "1.0", "\"1.0\" is not a version such as \"1.3.0\"" },
		{ "1.0.0.0", "\"1.0.0.0\" is not a version such as \"1.3.0\"" },
		{ "01.0.0", "\"01.0.0\" is not a version such as \"1.3.0\"" },
		{ "1.0.0-", "\"1.0.0-\" is not a version such as \"1.3.0\"" },
		{ "v1.0.0", "\"v1.0.0\" is not a version such as \"1.3.0\"" },
		{ "1.0.99999999", "\"1.0.99999999\" is not a version such as \"1.3.0\"" },
	};

	char text[128], message[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		snprintf(text, sizeof(text), "{'ociVersion':'%s'}", good[i]);
		spec_free(spec_of(text));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		snprintf(text, sizeof(text), "{'ociVersion':'%s'}", bad[i].version);
		snprintf(message, sizeof(message), "config.json: ociVersion: %s", bad[i].message);
		refused(text, EINVAL, message);
	}
	refused("{}", EINVAL, "config.json: ociVersion: missing");
	refused("{'ociVersion':1}", EINVAL, "config.json: ociVersion: expected a string, got 1");
	refused("[]", EINVAL, "config.json: expected an object, got an array");
	/* What another version says is not looked at. */
	refused("{'process':5,'ociVersion':'2.0.0'}", EINVAL,
		"config.json: ociVersion: version 2.0.0 is not supported, those from 1.0.0 to "
		"1.3.x "
		"are");
}

static void wrong_types(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *message;
	} cases[] = {
		{ CONFIG(",'hostname':5"), EINVAL, "hostname: expected a string, got 5" },
		{ CONFIG(",'mounts':{}"), EINVAL, "mounts: expected an array, got an object" },
		{ CONFIG(",'mounts':[5]"), EINVAL, "mounts[0]: expected an object, got 5" },
		{ CONFIG(",'mounts':[{'destination':'/'},{'type':'tmpfs'}]"), EINVAL,
			"mounts[1].destination: missing" },
		{ CONFIG(",'mounts':[{'destination':''}]"), EINVAL,
			"mounts[0].destination: must not be empty" },
		{ CONFIG(",'mounts':[{'destination':'/','options':['a',null]}]"), EINVAL,
			"mounts[0].options[1]: expected a string, got null" },
		{ CONFIG(",'annotations':{'a.b':5}"), EINVAL,
			"annotations[\"a.b\"]: expected a string, got 5" },
		{ CONFIG(",'hooks':{'poststop':[{'args':[]}]}"), EINVAL,
			"hooks.poststop[0].path: missing" },
		{ CONFIG(",'hooks':{'poststop':[{'path':'/h','timeout':'1s'}]}"), EINVAL,
			"hooks.poststop[0].timeout: expected an integer, got \"1s\"" },
		{ "{'ociVersion':'1.0.0','root':{}}", EINVAL, "root.path: missing" },
		{ "{'ociVersion':'1.0.0','process':{'args':[]}}", EINVAL, "process.cwd: missing" },
		{ CONFIG_PROCESS("'terminal':'yes'"), EINVAL,
			"process.terminal: expected true or false, got \"yes\"" },
		{ CONFIG_PROCESS("'user':{'uid':-1}"), ERANGE,
			"process.user.uid: must be from 0 to 4294967295, got -1" },
		{ CONFIG_PROCESS("'user':{'additionalGids':[4294967296]}"), ERANGE,
			"process.user.additionalGids[0]: must be from 0 to 4294967295, got "
			"4294967296" },
		{ CONFIG_PROCESS("'rlimits':[{'type':'RLIMIT_CORE','soft':0}]"), EINVAL,
			"process.rlimits[0].hard: missing" },
		{ CONFIG_PROCESS("'scheduler':{'policy':'SCHED_RR','nice':2147483648}"), ERANGE,
			"process.scheduler.nice: must be from -2147483648 to 2147483647, got "
			"2147483648" },
		{ CONFIG_LINUX("'namespaces':[{}]"), EINVAL, "linux.namespaces[0].type: missing" },
		{ CONFIG_LINUX("'timeOffsets':{'boottime':5}"), EINVAL,
			"linux.timeOffsets.boottime: expected an object, got 5" },
		{ CONFIG_LINUX("'timeOffsets':[]"), EINVAL,
			"linux.timeOffsets: expected an object, got an array" },
		{ CONFIG_LINUX("'sysctl':{'a':1}"), EINVAL,
			"linux.sysctl.a: expected a string, got 1" },
		{ CONFIG_RESOURCES("'memory':{'limit':'lots'}"), EINVAL,
			"linux.resources.memory.limit: expected an integer, got \"lots\"" },
		{ CONFIG_RESOURCES("'memory':{'limit':99999999999999999999}"), ERANGE,
			"linux.resources.memory.limit: must be from -9223372036854775808 to "
			"9223372036854775807, got 99999999999999999999" },
		{ CONFIG_RESOURCES("'blockIO':{'weight':70000}"), ERANGE,
			"linux.resources.blockIO.weight: must be from 0 to 65535, got 70000" },
		{ CONFIG_LINUX("'seccomp':{}"), EINVAL, "linux.seccomp.defaultAction: missing" },
		{ CONFIG(",'vm':{'kernel':{}}"), EINVAL, "vm.kernel.path: missing" },
	};

	char message[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(message, sizeof(message), "config.json: %s", cases[i].message);
		refused(cases[i].text, cases[i].code, message);
	}
}

static void process_files(void **state)
{
	AUTO_FREE char *good = text_of("{'cwd':'/','args':['true'],'user':{'uid':5}}");
	AUTO_FREE char *bad = text_of("{'cwd':'/','args':[1]}");
	AUTO_FREE char *unchecked = text_of("{'cwd':'relative','args':['true']}");
	AUTO(spec_process_file_free) struct spec_process_file *pf = NULL;
	struct spec_process_file *none = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(oci_process_parse("p.json", good, strlen(good), &pf, &err), 0);
	assert_int_equal(pf->process.user.uid, 5);
	assert_string_equal(pf->file, "p.json");
	assert_int_equal(oci_process_parse("p.json", bad, strlen(bad), &none, &err), -EINVAL);
	assert_string_equal(err.msg, "p.json: args[0]: expected a string, got 1");
	err_clear(&err);
	assert_int_equal(
		oci_process_parse("p.json", unchecked, strlen(unchecked), &none, &err), -EINVAL);
	assert_string_equal(err.msg, "p.json: cwd: must be an absolute path, got \"relative\"");
	assert_null(none);
}

static void resources_files(void **state)
{
	AUTO_FREE char *good = text_of("{'memory':{'limit':5}}");
	AUTO_FREE char *bad = text_of("{'pids':{'limit':true}}");
	AUTO(spec_resources_file_free) struct spec_resources_file *rf = NULL;
	struct spec_resources_file *none = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(oci_resources_parse("r.json", good, strlen(good), &rf, &err), 0);
	assert_int_equal(rf->resources.memory.limit_bytes.value, 5);
	assert_int_equal(oci_resources_parse("r.json", bad, strlen(bad), &none, &err), -EINVAL);
	assert_string_equal(err.msg, "r.json: pids.limit: expected an integer, got true");
}

static void missing_files_are_named(void **state)
{
	struct err err = ERR_NONE;
	struct spec *spec = NULL;

	(void)state;
	assert_int_equal(
		spec_read(AT_FDCWD, "/nonexistent/config.json", "config.json", &spec, &err),
		-ENOENT);
	assert_string_equal(err.msg, "/nonexistent/config.json: No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(common_section),
		cmocka_unit_test(hooks_section),
		cmocka_unit_test(process_section),
		cmocka_unit_test(linux_section),
		cmocka_unit_test(seccomp_section),
		cmocka_unit_test(resources_section),
		cmocka_unit_test(vm_section),
		cmocka_unit_test(absent_is_zero),
		cmocka_unit_test(versions),
		cmocka_unit_test(wrong_types),
		cmocka_unit_test(process_files),
		cmocka_unit_test(resources_files),
		cmocka_unit_test(missing_files_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
