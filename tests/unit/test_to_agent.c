/* config.json to the agent's messages: read back after packing, as the agent gets them. */
#include "oci/check.h"
#include "oci/to_agent.h"
#include "tests/unit/oci_text.h"

#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <time.h>

/* clang-format off */
static const char full_text[] = "{"
	"'ociVersion':'1.1.0','hostname':'h','domainname':'d',"
	"'root':{'path':'rootfs','readonly':true},"
	"'mounts':["
		"{'destination':'/proc','type':'proc','source':'proc'},"
		"{'destination':'/dev','type':'tmpfs','source':'tmpfs','options':['nosuid','mode=755',"
			"'size=64k']},"
		"{'destination':'/data','type':'bind','source':'/host/data','options':['rbind','ro',"
			"'rslave']},"
		"{'destination':'/sys/fs/cgroup','type':'cgroup','source':'cgroup','options':['ro',"
			"'nsdelegate']},"
		"{'destination':'/etc/hosts','source':'hosts','options':['bind','rnosuid','exec']},"
		"{'destination':'/var','type':'tmpfs','source':'t','options':['tmpcopyup']}],"
	"'process':{'terminal':true,'consoleSize':{'height':25,'width':80},"
		"'user':{'uid':1000,'gid':1001,'umask':18,'additionalGids':[5,6]},"
		"'args':['sh','','-c'],'env':['A=0','AB=2','A=1','A.=3'],'cwd':'/w','noNewPrivileges':true,"
		"'oomScoreAdj':-5,"
		"'scheduler':{'policy':'SCHED_DEADLINE','nice':-3,'flags':['SCHED_FLAG_RESET_ON_FORK',"
			"'SCHED_FLAG_DL_OVERRUN'],'runtime':1,'deadline':2,'period':3},"
		"'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':6},"
		"'execCPUAffinity':{'initial':'0','final':'1-2, 9,'},"
		"'capabilities':{'bounding':['CAP_CHOWN','CAP_KILL'],'effective':['CAP_CHOWN'],"
			"'permitted':['CAP_CHOWN','CAP_KILL'],'inheritable':['CAP_KILL'],"
			"'ambient':['CAP_CHOWN','CAP_KILL','CAP_BPF']},"
		"'rlimits':[{'type':'RLIMIT_NOFILE','soft':1024,'hard':18446744073709551615}]},"
	"'linux':{"
		"'namespaces':[{'type':'pid'},{'type':'network','path':'/run/netns/x'},{'type':'ipc'},"
			"{'type':'uts'},{'type':'user'},{'type':'time'}],"
		"'timeOffsets':{'monotonic':{'secs':-7},'boottime':{'secs':8,'nanosecs':9}},"
		"'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0,17','flags':['MPOL_F_STATIC_NODES']},"
		"'uidMappings':[{'containerID':0,'hostID':1000,'size':10}],"
		"'gidMappings':[{'containerID':0,'hostID':2000,'size':20},"
			"{'containerID':20,'hostID':3000,'size':1}],"
		"'devices':[{'path':'/dev/fuse','type':'c','major':10,'minor':229,'fileMode':384,"
			"'uid':7,'gid':8},{'path':'/dev/pipe','type':'p'}],"
		"'resources':{'devices':[{'allow':false},{'allow':true,'type':'c','major':10,"
			"'minor':229,'access':'rw'}],'memory':{'limit':4096},'pids':{'limit':5},"
			"'cpu':{'cpus':'0'},'hugepageLimits':[{'pageSize':'2MB','limit':0}]},"
		"'sysctl':{'kernel.shmmax':'5'},'rootfsPropagation':'rslave',"
		"'maskedPaths':['/proc/kcore'],'readonlyPaths':['/proc/sys','/proc/bus'],"
		"'personality':{'domain':'LINUX32'},"
		"'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','flags':['SECCOMP_FILTER_FLAG_LOG'],"
			"'syscalls':[{'names':['reboot'],'action':'SCMP_ACT_ERRNO'}]}}}";
/* clang-format on */

static const struct agent_bind full_binds[] = {
	{ .share = "1", .path = "" },
	{ .share = "2", .path = "sub/hosts", .is_file = true },
};

static const struct agent_placement full_placement = {
	.container = "c1",
	.rootfs = { .share = "0", .path = "root" },
	.binds = full_binds,
	.bind_count = ARRAY_LEN(full_binds),
};

/* Those of every container. */
#define DEFAULT_DEVICES 6
#define DEFAULT_RULES	10

static const struct agent_placement least_placement = { .container = "c",
	.rootfs = { .share = "0" } };

/* Translates, packs and unpacks. */
static Vmrun__Agent__CreateContainerRequest *request_of(
	const char *text, const struct agent_placement *at)
{
	AUTO(spec_free) struct spec *spec = spec_of(text);
	AUTO(agent_create_request_free) Vmrun__Agent__CreateContainerRequest *made = NULL;
	Vmrun__Agent__CreateContainerRequest *got;
	AUTO_FREE uint8_t *bytes = NULL;
	struct err err = ERR_NONE;
	size_t len;

	if (spec_check(spec, NULL, &err) < 0 || spec_to_agent(spec, at, &made, &err) < 0)
		fail_msg("%s", err.msg);
	len = vmrun__agent__create_container_request__get_packed_size(made);
	bytes = malloc(len);
	assert_non_null(bytes);
	assert_int_equal(vmrun__agent__create_container_request__pack(made, bytes), len);
	got = vmrun__agent__create_container_request__unpack(NULL, len, bytes);
	assert_non_null(got);
	return got;
}

static void container(void **state)
{
	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *r = request_of(full_text, &full_placement);

	(void)state;
	assert_string_equal(r->container, "c1");
	assert_string_equal(r->rootfs->share, "0");
	assert_string_equal(r->rootfs->path, "root");
	assert_true(r->rootfs_readonly);
	assert_true(r->rootfs_propagation == (MS_SLAVE | MS_REC));
	assert_string_equal(r->hostname, "h");
	assert_string_equal(r->domainname, "d");
	assert_int_equal(r->n_masked_paths, 1);
	assert_string_equal(r->masked_paths[0], "/proc/kcore");
	assert_int_equal(r->n_readonly_paths, 2);
	assert_string_equal(r->readonly_paths[1], "/proc/bus");
	assert_int_equal(r->n_sysctls, 1);
	assert_string_equal(r->sysctls[0]->key, "kernel.shmmax");
	assert_string_equal(r->sysctls[0]->value, "5");
	assert_true(r->has_personality);
	assert_int_equal(r->personality, PER_LINUX32);
	assert_int_equal(r->n_uid_mappings, 1);
	assert_int_equal(r->uid_mappings[0]->host_id, 1000);
	assert_int_equal(r->n_gid_mappings, 2);
	assert_int_equal(r->gid_mappings[1]->container_id, 20);
	assert_int_equal(r->gid_mappings[1]->size, 1);
}

static void scheduling(void **state)
{
	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *r = request_of(full_text, &full_placement);
	AUTO(agent_process_free) Vmrun__Agent__Process *exec = NULL;
	AUTO(spec_free) struct spec *spec = spec_of(full_text);
	const Vmrun__Agent__Scheduler *s = r->process->scheduler;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(s->policy, 6);
	assert_int_equal(s->flags, 5);
	assert_int_equal(s->nice, -3);
	assert_int_equal(s->runtime_ns, 1);
	assert_int_equal(s->deadline_ns, 2);
	assert_int_equal(s->period_ns, 3);
	assert_int_equal(r->process->io_priority, 2 << 13 | 6);
	assert_int_equal(r->process->cpus_initial.len, 0);
	assert_int_equal(r->memory_policy->mode, 2 | 1 << 15);
	assert_int_equal(r->memory_policy->nodes.len, 3);
	assert_memory_equal(r->memory_policy->nodes.data, "\1\0\2", 3);
	assert_int_equal(r->n_time_offsets, 2);
	assert_int_equal(r->time_offsets[0]->clock, CLOCK_MONOTONIC);
	assert_int_equal(r->time_offsets[0]->secs, -7);
	assert_int_equal(r->time_offsets[1]->clock, CLOCK_BOOTTIME);
	assert_int_equal(r->time_offsets[1]->nanosecs, 9);
	assert_int_equal(oci_process_to_agent(spec->process, "p", "", NULL, &exec, &err), 0);
	assert_int_equal(exec->cpus_initial.len, 1);
	assert_int_equal(exec->cpus_final.len, 2);
	assert_memory_equal(exec->cpus_final.data, "\6\2", 2);
	assert_int_equal(exec->scheduler->policy, 6);
}

static void devices(void **state)
{
	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *r = request_of(full_text, &full_placement);

	(void)state;
	assert_int_equal(r->n_devices, DEFAULT_DEVICES + 2);
	assert_string_equal(r->devices[6]->path, "/dev/fuse");
	assert_string_equal(r->devices[6]->type, "c");
	assert_int_equal(r->devices[6]->major, 10);
	assert_int_equal(r->devices[6]->minor, 229);
	assert_int_equal(r->devices[6]->mode, 0600);
	assert_int_equal(r->devices[6]->uid, 7);
	assert_int_equal(r->devices[6]->gid, 8);
	assert_false(r->devices[6]->implied);
	assert_int_equal(r->devices[7]->mode, 0666);
	assert_int_equal(r->n_device_rules, 2 + DEFAULT_RULES);
	assert_false(r->device_rules[0]->allow);
	assert_string_equal(r->device_rules[0]->type, "a");
	assert_int_equal(r->device_rules[0]->major, -1);
	assert_int_equal(r->device_rules[0]->minor, -1);
	assert_string_equal(r->device_rules[0]->access, "rwm");
	assert_true(r->device_rules[1]->allow);
	assert_int_equal(r->device_rules[1]->major, 10);
	assert_string_equal(r->device_rules[1]->access, "rw");
}

/* config-linux.md, "Default Devices". */
static void default_devices(void **state)
{
	static const struct {
		const char *path;
		int major, minor;
	} devices[DEFAULT_DEVICES] = {
		{ "/dev/null", 1, 3 },
		{ "/dev/random", 1, 8 },
		{ "/dev/full", 1, 7 },
		{ "/dev/tty", 5, 0 },
		{ "/dev/zero", 1, 5 },
		{ "/dev/urandom", 1, 9 },
	};

	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *r = request_of(CONFIG(""), &least_placement);

	(void)state;
	assert_int_equal(r->n_devices, DEFAULT_DEVICES);
	for (size_t i = 0; i < DEFAULT_DEVICES; i++) {
		assert_string_equal(r->devices[i]->path, devices[i].path);
		assert_string_equal(r->devices[i]->type, "c");
		assert_int_equal(r->devices[i]->major, devices[i].major);
		assert_int_equal(r->devices[i]->minor, devices[i].minor);
		assert_int_equal(r->devices[i]->mode, 0666);
		assert_true(r->devices[i]->implied);
	}
	assert_int_equal(r->n_links, 6);
	assert_string_equal(r->links[1]->path, "/dev/stdin");
	assert_string_equal(r->links[1]->target, "/proc/self/fd/0");
	assert_false(r->links[1]->replaces);
	assert_string_equal(r->links[4]->needs, "/proc/kcore");
	assert_string_equal(r->links[5]->path, "/dev/ptmx");
	assert_string_equal(r->links[5]->target, "pts/ptmx");
	assert_true(r->links[5]->replaces);
}

static void default_devices_replaced(void **state)
{
	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *r =
		request_of(CONFIG(",'linux':{'devices':[{'path':'/dev/"
				  "zero','type':'c','major':1,'minor':7}]}"),
			&least_placement);
	AUTO(agent_create_request_free) Vmrun__Agent__CreateContainerRequest *bound = NULL;
	static const struct agent_bind bind = { .share = "1" };
	struct agent_placement at = least_placement;

	(void)state;
	assert_int_equal(r->n_devices, DEFAULT_DEVICES);
	for (size_t i = 0; i < DEFAULT_DEVICES - 1; i++)
		assert_string_not_equal(r->devices[i]->path, "/dev/zero");
	assert_string_equal(r->devices[DEFAULT_DEVICES - 1]->path, "/dev/zero");
	assert_int_equal(r->devices[DEFAULT_DEVICES - 1]->minor, 7);
	assert_false(r->devices[DEFAULT_DEVICES - 1]->implied);
	/* A /dev of the host's is as it is. */
	at.binds = &bind;
	at.bind_count = 1;
	bound = request_of(CONFIG(",'mounts':[{'destination':'/dev','type':'bind','source':'/dev',"
				  "'options':['rbind']}]"),
		&at);
	assert_int_equal(bound->n_devices, 0);
	assert_int_equal(bound->n_links, 0);
}

/* What runc allows in any case: the last rules win. */
static void default_rules(void **state)
{
	static const struct {
		const char *type;
		int major, minor;
		const char *access;
	} rules[DEFAULT_RULES] = {
		{ "c", -1, -1, "m" },
		{ "b", -1, -1, "m" },
		{ "c", 1, 3, "rwm" },
		{ "c", 1, 8, "rwm" },
		{ "c", 1, 7, "rwm" },
		{ "c", 5, 0, "rwm" },
		{ "c", 1, 5, "rwm" },
		{ "c", 1, 9, "rwm" },
		{ "c", 136, -1, "rwm" },
		{ "c", 5, 2, "rwm" },
	};

	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *r = request_of(full_text, &full_placement);

	(void)state;
	for (size_t i = 0; i < DEFAULT_RULES; i++) {
		const Vmrun__Agent__DeviceRule *rule = r->device_rules[2 + i];

		assert_true(rule->allow);
		assert_string_equal(rule->type, rules[i].type);
		assert_int_equal(rule->major, rules[i].major);
		assert_int_equal(rule->minor, rules[i].minor);
		assert_string_equal(rule->access, rules[i].access);
	}
}

static void mounts(void **state)
{
	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *r = request_of(full_text, &full_placement);
	Vmrun__Agent__Mount **m = r->mounts;

	(void)state;
	assert_int_equal(r->n_mounts, 6);
	assert_string_equal(m[0]->type, "proc");
	assert_null(m[0]->share);
	assert_string_equal(m[1]->destination, "/dev");
	assert_string_equal(m[1]->source, "tmpfs");
	assert_true(m[1]->flags == MS_NOSUID);
	assert_string_equal(m[1]->data, "mode=755,size=64k");
	assert_string_equal(m[2]->type, "bind");
	assert_string_equal(m[2]->share->share, "1");
	assert_string_equal(m[2]->share->path, "");
	assert_string_equal(m[2]->source, "");
	assert_true(m[2]->flags == (MS_BIND | MS_REC | MS_RDONLY));
	assert_true(m[2]->propagation == (MS_SLAVE | MS_REC));
	assert_false(m[2]->source_is_file);
	assert_string_equal(m[3]->type, "cgroup2");
	assert_string_equal(m[3]->data, "");
	assert_true(m[3]->flags == MS_RDONLY);
	assert_string_equal(m[4]->share->share, "2");
	assert_string_equal(m[4]->share->path, "sub/hosts");
	assert_true(m[4]->source_is_file);
	assert_true(m[4]->flags_cleared == MS_NOEXEC);
	assert_true(m[4]->recursive_set != 0);
	assert_true(m[5]->copy_up);
}

/* The flags of one bind, whose source is on a mount with the flags of `host`. */
static uint64_t bind_flags(
	const char *options, uint64_t host, bool user_namespace, uint64_t *ret_cleared)
{
	struct agent_bind bind = { .share = "1", .host_flags = host };
	struct agent_placement at = {
		.container = "c", .rootfs = { .share = "0" }, .binds = &bind, .bind_count = 1
	};
	AUTO(agent_create_request_free) Vmrun__Agent__CreateContainerRequest *r = NULL;
	char text[512];

	snprintf(text, sizeof(text),
		CONFIG(",'mounts':[{'destination':'/a','type':'bind','source':'s','options':"
		       "[%s]}],'linux':{'namespaces':[{'type':'mount'}%s}"),
		options,
		user_namespace ? ",{'type':'user'}],"
				 "'uidMappings':[{'containerID':0,'hostID':9,'size':1}],"
				 "'gidMappings':[{'containerID':0,'hostID':9,'size':1}]"
			       : "]");
	r = request_of(text, &at);
	*ret_cleared = r->mounts[0]->flags_cleared;
	return r->mounts[0]->flags & ~(uint64_t)MS_BIND;
}

static void binds_have_the_options_of_the_hosts_mounts(void **state)
{
	const uint64_t host = MS_RDONLY | MS_NOEXEC | MS_NODEV | MS_NOATIME;
	uint64_t cleared;

	(void)state;
	assert_true(bind_flags("'bind'", host, false, &cleared) == host);
	/* How it propagates is none of them: what Docker says of a volume. */
	assert_true(bind_flags("'rbind','rprivate'", host, false, &cleared) == (MS_REC | host));
	assert_true(
		bind_flags("'bind','nosuid'", host, false, &cleared) == (MS_NOSUID | MS_NOATIME));
	assert_true(bind_flags("'bind','dev'", host, false, &cleared) == MS_NOATIME);
	assert_true(cleared == MS_NODEV);
	/* Only another way to keep access times takes the place of one. */
	assert_true(bind_flags("'bind','atime'", host, false, &cleared) == MS_NOATIME);
	assert_true(cleared == 0);
	assert_true(bind_flags("'bind','relatime'", host, false, &cleared) == MS_RELATIME);
	/* What a user namespace cannot take away, unless it is asked to. */
	assert_true(bind_flags("'bind','nosuid'", host, true, &cleared) == (MS_NOSUID | host));
	assert_true(
		bind_flags("'bind','rw'", host, true, &cleared) == (host & ~(uint64_t)MS_RDONLY));
}

static void namespaces(void **state)
{
	static const char *const joins[] = { "sandbox", NULL, NULL, NULL, NULL, NULL };
	struct agent_placement at = full_placement;
	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *r = request_of(full_text, &full_placement);
	AUTO(agent_create_request_free) Vmrun__Agent__CreateContainerRequest *joined = NULL;

	(void)state;
	/* A mount one is always made. */
	assert_int_equal(r->n_namespaces, 7);
	assert_int_equal(r->namespaces[0]->kind, VMRUN__AGENT__NAMESPACE__KIND__PID);
	assert_string_equal(r->namespaces[0]->join_container, "");
	assert_int_equal(r->namespaces[1]->kind, VMRUN__AGENT__NAMESPACE__KIND__NETWORK);
	assert_string_equal(r->namespaces[1]->join_container, "");
	assert_int_equal(r->namespaces[2]->kind, VMRUN__AGENT__NAMESPACE__KIND__IPC);
	assert_int_equal(r->namespaces[3]->kind, VMRUN__AGENT__NAMESPACE__KIND__UTS);
	assert_int_equal(r->namespaces[4]->kind, VMRUN__AGENT__NAMESPACE__KIND__USER);
	assert_int_equal(r->namespaces[5]->kind, VMRUN__AGENT__NAMESPACE__KIND__TIME);
	assert_int_equal(r->namespaces[6]->kind, VMRUN__AGENT__NAMESPACE__KIND__MOUNT);
	at.joins = joins;
	joined = request_of(full_text, &at);
	assert_string_equal(joined->namespaces[0]->join_container, "sandbox");
	assert_string_equal(joined->namespaces[1]->join_container, "");
}

static void processes(void **state)
{
	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *r = request_of(full_text, &full_placement);
	const Vmrun__Agent__Process *p = r->process;

	(void)state;
	assert_int_equal(p->n_args, 3);
	assert_string_equal(p->args[0], "sh");
	assert_string_equal(p->args[1], "");
	assert_string_equal(p->args[2], "-c");
	/* A name that comes twice has the last value. */
	assert_int_equal(p->n_env, 3);
	assert_string_equal(p->env[0], "AB=2");
	assert_string_equal(p->env[1], "A=1");
	assert_string_equal(p->env[2], "A.=3");
	assert_string_equal(p->cwd, "/w");
	assert_int_equal(p->uid, 1000);
	assert_int_equal(p->gid, 1001);
	assert_int_equal(p->n_additional_gids, 2);
	assert_int_equal(p->additional_gids[1], 6);
	assert_true(p->has_umask);
	assert_int_equal(p->umask, 022);
	assert_true(p->no_new_privileges);
	assert_true(p->has_oom_score_adj);
	assert_int_equal(p->oom_score_adj, -5);
	assert_int_equal(p->n_rlimits, 1);
	assert_int_equal(p->rlimits[0]->resource, RLIMIT_NOFILE);
	assert_int_equal(p->rlimits[0]->soft, 1024);
	assert_true(p->rlimits[0]->hard == UINT64_MAX);
	assert_int_equal(p->capabilities->bounding, 1 | 1 << 5);
	assert_int_equal(p->capabilities->effective, 1);
	assert_int_equal(p->capabilities->permitted, 1 | 1 << 5);
	assert_int_equal(p->capabilities->inheritable, 1 << 5);
	/* Only what is permitted and inheritable can be ambient. */
	assert_int_equal(p->capabilities->ambient, 1 << 5);
	assert_true(p->seccomp->filter.len > 0);
	assert_int_equal(p->seccomp->flags, 2);
	assert_true(p->stdio->terminal);
	assert_int_equal(p->stdio->rows, 25);
	assert_int_equal(p->stdio->columns, 80);
	assert_true(p->stdio->stdout == 0);
}

static void cgroups(void **state)
{
	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *r = request_of(full_text, &full_placement);

	(void)state;
	assert_int_equal(r->n_cgroup, 4);
	assert_string_equal(r->cgroup[0]->file, "memory.max");
	assert_string_equal(r->cgroup[0]->value, "4096");
	assert_false(r->cgroup[0]->optional);
	assert_string_equal(r->cgroup[1]->file, "pids.max");
	assert_string_equal(r->cgroup[2]->file, "hugetlb.2MB.max");
	assert_true(r->cgroup[2]->optional);
}

static void the_least(void **state)
{
	struct agent_placement at = { .container = "c", .rootfs = { .share = "0" } };
	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *r = request_of(CONFIG(""), &at);

	(void)state;
	assert_int_equal(r->n_mounts, 0);
	assert_int_equal(r->n_namespaces, 1);
	assert_int_equal(r->n_cgroup, 0);
	assert_true(r->rootfs_propagation == 0);
	assert_false(r->has_personality);
	assert_null(r->process->capabilities);
	assert_null(r->process->seccomp);
	assert_false(r->process->has_umask);
	assert_false(r->process->has_oom_score_adj);
	assert_false(r->process->stdio->terminal);
	assert_int_equal(r->process->stdio->rows, 0);
}

static void hooks(void **state)
{
	static const char state_text[] = "{\"pid\": 0, \"id\": 1}";
	struct buf text = { .data = (uint8_t *)(uintptr_t)state_text, .len = strlen(state_text) };
	struct agent_placement at = {
		.container = "c",
		.rootfs = { .share = "0" },
		.hook_state = &text,
		.hook_state_pid_at = strlen("{\"pid\": "),
	};
	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *r = request_of(
		CONFIG(",'hooks':{'prestart':[{'path':'/no'}],'startContainer':[{'path':'/a'},"
		       "{'path':'/b','args':['b','-x'],'env':['A=1'],'timeout':7},"
		       "{'path':'/c','env':[]}]}"),
		&at);
	AUTO(agent_create_request_free)
	Vmrun__Agent__CreateContainerRequest *without = request_of(CONFIG(""), &at);

	(void)state;
	assert_int_equal(r->n_start_hooks, 3);
	assert_string_equal(r->start_hooks[0]->path, "/a");
	assert_int_equal(r->start_hooks[0]->n_args, 0);
	assert_false(r->start_hooks[0]->own_env);
	assert_int_equal(r->start_hooks[0]->timeout_s, 0);
	assert_int_equal(r->start_hooks[1]->n_args, 2);
	assert_string_equal(r->start_hooks[1]->args[1], "-x");
	assert_true(r->start_hooks[1]->own_env);
	assert_string_equal(r->start_hooks[1]->env[0], "A=1");
	assert_int_equal(r->start_hooks[1]->timeout_s, 7);
	assert_true(r->start_hooks[2]->own_env);
	assert_int_equal(r->start_hooks[2]->n_env, 0);
	assert_int_equal(r->hook_state->before_pid.len, 8);
	assert_memory_equal(r->hook_state->before_pid.data, "{\"pid\": ", 8);
	assert_int_equal(r->hook_state->after_pid.len, 10);
	assert_memory_equal(r->hook_state->after_pid.data, ", \"id\": 1}", 10);
	assert_int_equal(without->n_start_hooks, 0);
	assert_null(without->hook_state);
}

static void refused(const char *text, int code, const char *message)
{
	struct agent_placement at = { .container = "c", .rootfs = { .share = "0" } };
	AUTO(spec_free) struct spec *spec = spec_of(text);
	Vmrun__Agent__CreateContainerRequest *none = NULL;
	struct err err = ERR_NONE;

	assert_int_equal(spec_to_agent(spec, &at, &none, &err), -code);
	assert_string_equal(err.msg, message);
	assert_null(none);
}

static void refusals(void **state)
{
	(void)state;
	refused(CONFIG_LINUX(
			"'namespaces':[{'type':'mount'},{'type':'ipc','path':'/proc/9/ns/ipc'}]"),
		ENOTSUP,
		"config.json: linux.namespaces[1].path: a guest cannot join the host's "
		"/proc/9/ns/ipc");
	refused(CONFIG(",'mounts':[{'destination':'/a','type':'bind','source':'/a'}]"), EINVAL,
		"config.json: mounts[0]: there is no share for its source");
}

static void exec_processes(void **state)
{
	AUTO_FREE char *text = text_of("{'cwd':'/','args':['id','-u'],'terminal':true}");
	AUTO(spec_free) struct spec *spec = spec_of(full_text);
	AUTO(spec_process_file_free) struct spec_process_file *pf = NULL;
	AUTO(agent_process_free) Vmrun__Agent__Process *with = NULL;
	AUTO(agent_process_free) Vmrun__Agent__Process *without = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(oci_process_parse("p.json", text, strlen(text), &pf, &err), 0);
	assert_int_equal(oci_process_to_agent(&pf->process, "p.json", "", NULL, &without, &err), 0);
	assert_string_equal(without->args[1], "-u");
	assert_null(without->seccomp);
	assert_true(without->stdio->terminal);
	assert_int_equal(
		oci_process_to_agent(&pf->process, "p.json", "", spec->linux.seccomp, &with, &err),
		0);
	assert_true(with->seccomp->filter.len > 0);
}

static void updates(void **state)
{
	AUTO_FREE char *text = text_of("{'memory':{'limit':4096},'pids':{'limit':-1},"
				       "'devices':[{'allow':true,'type':'c','major':10}]}");
	AUTO_FREE char *none = text_of("{'pids':{'limit':5}}");
	AUTO_FREE char *bad = text_of("{'memory':{'limit':-5}}");
	AUTO(spec_resources_file_free) struct spec_resources_file *rf = NULL;
	AUTO(agent_update_request_free) Vmrun__Agent__UpdateRequest *in = NULL;
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(oci_resources_parse("r.json", text, strlen(text), &rf, &err), 0);
	assert_int_equal(resources_to_agent(&rf->resources, "r.json", "c1", &in, &err), 0);
	assert_string_equal(in->container, "c1");
	assert_int_equal(in->n_cgroup, 2);
	assert_string_equal(in->cgroup[0]->file, "memory.max");
	assert_string_equal(in->cgroup[0]->value, "4096");
	assert_string_equal(in->cgroup[1]->file, "pids.max");
	assert_string_equal(in->cgroup[1]->value, "max");
	assert_int_equal(in->n_device_rules, 1 + DEFAULT_RULES);
	assert_true(in->device_rules[0]->allow);
	assert_string_equal(in->device_rules[0]->type, "c");
	assert_int_equal(in->device_rules[0]->major, 10);
	assert_int_equal(in->device_rules[0]->minor, -1);
	assert_string_equal(in->device_rules[0]->access, "rwm");
	assert_int_equal(spec_check_device_rules(&rf->resources, "r.json", "", &err), 0);
	rf->resources.devices.v[0].access = "x";
	assert_int_equal(spec_check_device_rules(&rf->resources, "r.json", "", &err), -EINVAL);
	assert_string_equal(err.msg, "r.json: devices[0].access: must be of \"rwm\", got \"x\"");
	err_clear(&err);
	spec_resources_file_free(steal_ptr(&rf));
	/* Without any of its own it leaves the rules alone. */
	agent_update_request_free(steal_ptr(&in));
	assert_int_equal(oci_resources_parse("r.json", none, strlen(none), &rf, &err), 0);
	assert_int_equal(resources_to_agent(&rf->resources, "r.json", "c1", &in, &err), 0);
	assert_int_equal(in->n_device_rules, 0);
	agent_update_request_free(steal_ptr(&in));
	spec_resources_file_free(steal_ptr(&rf));
	assert_int_equal(oci_resources_parse("r.json", bad, strlen(bad), &rf, &err), 0);
	assert_true(resources_to_agent(&rf->resources, "r.json", "c1", &in, &err) < 0);
	assert_non_null(strstr(err.msg, "r.json: memory.limit"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(container),
		cmocka_unit_test(scheduling),
		cmocka_unit_test(devices),
		cmocka_unit_test(default_devices),
		cmocka_unit_test(default_devices_replaced),
		cmocka_unit_test(default_rules),
		cmocka_unit_test(mounts),
		cmocka_unit_test(binds_have_the_options_of_the_hosts_mounts),
		cmocka_unit_test(namespaces),
		cmocka_unit_test(processes),
		cmocka_unit_test(cgroups),
		cmocka_unit_test(the_least),
		cmocka_unit_test(hooks),
		cmocka_unit_test(refusals),
		cmocka_unit_test(exec_processes),
		cmocka_unit_test(updates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
