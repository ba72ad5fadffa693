/* The checks: what is accepted, what is warned of, and the exact text of each refusal. */
#include "base/buf.h"
#include "oci/check.h"
#include "tests/unit/oci_text.h"

static void accepted(const char *text)
{
	AUTO(spec_free) struct spec *spec = spec_of(text);
	struct err err = ERR_NONE;

	if (spec_check(spec, NULL, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
}

static void refused(const char *text, int code, const char *message)
{
	AUTO(spec_free) struct spec *spec = spec_of(text);
	AUTO(strv_done) struct strv warnings = { 0 };
	struct err err = ERR_NONE;
	char whole[ERR_MSG_MAX];

	snprintf(whole, sizeof(whole), "config.json: %s", message);
	assert_int_equal(spec_check(spec, &warnings, &err), -code);
	assert_string_equal(err.msg, whole);
}

static void warned(const char *text, const char *message)
{
	AUTO(spec_free) struct spec *spec = spec_of(text);
	AUTO(strv_done) struct strv warnings = { 0 };
	struct err err = ERR_NONE;

	assert_int_equal(spec_check(spec, &warnings, &err), 0);
	assert_int_equal(warnings.n, 1);
	assert_string_equal(warnings.v[0], message);
}

#define IDS(size) "{'containerID':0,'hostID':7,'size':" #size "}"

struct refusal {
	const char *text;
	const char *message;
};

static void all_refused(const struct refusal *cases, size_t n, int code)
{
	for (size_t i = 0; i < n; i++)
		refused(cases[i].text, code, cases[i].message);
}

static void what_must_be_there(void **state)
{
	static const struct refusal cases[] = {
		{ "{'ociVersion':'1.0.0'}", "root: missing" },
		{ "{'ociVersion':'1.0.0','root':{'path':'r'}}", "process: missing" },
		{ "{'ociVersion':'1.0.0','root':{'path':'r'},'process':{'cwd':'/'}}",
			"process.args: must name at least one program" },
		{ "{'ociVersion':'1.0.0','root':{'path':'r'},'process':{'cwd':'/','args':[]}}",
			"process.args: must name at least one program" },
		{ "{'ociVersion':'1.0.0','root':{'path':'r'},'process':{'cwd':'w','args':['a']}}",
			"process.cwd: must be an absolute path, got \"w\"" },
	};

	(void)state;
	accepted(CONFIG(""));
	all_refused(cases, ARRAY_LEN(cases), EINVAL);
}

static void processes(void **state)
{
	static const struct refusal cases[] = {
		{ CONFIG_PROCESS("'env':['A=1','FOO']"),
			"process.env[1]: must be NAME=value, got \"FOO\"" },
		{ CONFIG_PROCESS("'env':['=x']"),
			"process.env[0]: must be NAME=value, got \"=x\"" },
		{ CONFIG_PROCESS("'user':{'umask':512}"),
			"process.user.umask: must be from 0 to 511 (0777), got 512" },
		{ CONFIG_PROCESS("'user':{'uid':4294967295}"),
			"process.user.uid: 4294967295 is not an id" },
		{ CONFIG_PROCESS("'user':{'gid':4294967295}"),
			"process.user.gid: 4294967295 is not an id" },
		{ CONFIG_PROCESS("'consoleSize':{'height':65536,'width':1}"),
			"process.consoleSize.height: must be from 0 to 65535" },
		{ CONFIG_PROCESS("'capabilities':{'effective':['CAP_KILL','CAP_SYS_ADMIN'],"
				 "'permitted':['CAP_KILL']}"),
			"process.capabilities.effective: CAP_SYS_ADMIN is not in permitted" },
		{ CONFIG_PROCESS("'rlimits':[{'type':'RLIMIT_FOO','soft':0,'hard':0}]"),
			"process.rlimits[0].type: unknown limit \"RLIMIT_FOO\"" },
		{ CONFIG_PROCESS("'rlimits':[{'type':'RLIMIT_CPU','soft':0,'hard':0},"
				 "{'type':'RLIMIT_CPU','soft':0,'hard':0}]"),
			"process.rlimits[1].type: RLIMIT_CPU is given twice" },
		{ CONFIG_PROCESS("'rlimits':[{'type':'RLIMIT_CPU','soft':2,'hard':1}]"),
			"process.rlimits[0].soft: 2 is more than the hard limit 1" },
		{ CONFIG_PROCESS("'oomScoreAdj':1001"),
			"process.oomScoreAdj: must be from -1000 to 1000, got 1001" },
	};

	(void)state;
	all_refused(cases, ARRAY_LEN(cases), EINVAL);
	accepted(CONFIG_PROCESS("'env':['A=','B=c=d'],'user':{'umask':511},'oomScoreAdj':-1000,"
				"'scheduler':{'policy':'SCHED_OTHER'},'execCPUAffinity':{}"));
}

static void scheduling(void **state)
{
	static const struct refusal cases[] = {
		{ CONFIG_PROCESS("'scheduler':{'policy':'SCHED_LAZY'}"),
			"process.scheduler.policy: unknown policy \"SCHED_LAZY\"" },
		{ CONFIG_PROCESS("'scheduler':{'policy':'SCHED_OTHER','nice':20}"),
			"process.scheduler.nice: must be from -20 to 19, got 20" },
		{ CONFIG_PROCESS("'scheduler':{'policy':'SCHED_BATCH','priority':1}"),
			"process.scheduler.priority: must be 0 with SCHED_BATCH, got 1" },
		{ CONFIG_PROCESS("'scheduler':{'policy':'SCHED_RR'}"),
			"process.scheduler.priority: must be from 1 to 99 with SCHED_RR, got 0" },
		{ CONFIG_PROCESS("'scheduler':{'policy':'SCHED_IDLE','deadline':5}"),
			"process.scheduler.deadline: only SCHED_DEADLINE has one, the policy is "
			"SCHED_IDLE" },
		{ CONFIG_PROCESS("'scheduler':{'policy':'SCHED_IDLE','flags':['SCHED_FLAG_X']}"),
			"process.scheduler.flags[0]: unknown flag \"SCHED_FLAG_X\"" },
		{ CONFIG_PROCESS("'ioPriority':{'class':'RT'}"),
			"process.ioPriority.class: unknown class \"RT\"" },
		{ CONFIG_PROCESS("'ioPriority':{'class':'IOPRIO_CLASS_RT','priority':8}"),
			"process.ioPriority.priority: must be from 0 to 7, got 8" },
		{ CONFIG_PROCESS("'execCPUAffinity':{'initial':'3-1'}"),
			"process.execCPUAffinity.initial: \"3-1\" is not a list such as "
			"\"0-3,7\"" },
		{ CONFIG_PROCESS("'execCPUAffinity':{'final':'0,8192'}"),
			"process.execCPUAffinity.final: \"0,8192\" names one above 8191" },
		{ CONFIG_LINUX("'memoryPolicy':{'mode':'MPOL_BOUND'}"),
			"linux.memoryPolicy.mode: invalid memory policy mode \"MPOL_BOUND\"" },
		{ CONFIG_LINUX("'memoryPolicy':{'nodes':'0'}"),
			"linux.memoryPolicy.mode: invalid memory policy mode, it is missing" },
		{ CONFIG_LINUX("'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0-9876543210'}"),
			"linux.memoryPolicy.nodes: invalid memory policy nodes: \"0-9876543210\" "
			"names one above 1023" },
		{ CONFIG_LINUX("'memoryPolicy':{'mode':'MPOL_DEFAULT','nodes':'0-7'}"),
			"linux.memoryPolicy.nodes: MPOL_DEFAULT mode requires 0 nodes but got 8" },
		{ CONFIG_LINUX("'memoryPolicy':{'mode':'MPOL_BIND'}"),
			"linux.memoryPolicy.nodes: MPOL_BIND needs at least one" },
		{ CONFIG_LINUX("'memoryPolicy':{'mode':'MPOL_LOCAL','nodes':'0'}"),
			"linux.memoryPolicy.nodes: MPOL_LOCAL mode requires 0 nodes but got 1" },
		{ CONFIG_LINUX("'memoryPolicy':{'mode':'MPOL_LOCAL','flags':['MPOL_F']}"),
			"linux.memoryPolicy.flags[0]: invalid memory policy flag \"MPOL_F\"" },
		{ CONFIG_LINUX("'timeOffsets':{'boottime':{'secs':1}}"),
			"linux.timeOffsets: needs a new time namespace in linux.namespaces" },
		{ CONFIG_LINUX(
			  "'timeOffsets':{'realtime':{'secs':1}},'namespaces':[{'type':'time'}]"),
			"linux.timeOffsets: unknown clock \"realtime\", there are \"monotonic\" "
			"and "
			"\"boottime\"" },
		{ CONFIG_LINUX("'timeOffsets':{'boottime':{'nanosecs':1000000000}}"),
			"linux.timeOffsets.boottime.nanosecs: must be below a second, got "
			"1000000000" },
	};

	(void)state;
	all_refused(cases, ARRAY_LEN(cases), EINVAL);
}

static void ignored_with_a_warning(void **state)
{
	(void)state;
	warned(CONFIG_PROCESS("'capabilities':{'bounding':['CAP_KILL','CAP_FLY']}"),
		"config.json: process.capabilities.bounding[1]: unknown capability \"CAP_FLY\" "
		"ignored");
	warned(CONFIG_PROCESS("'capabilities':{'inheritable':['CAP_KILL'],'permitted':['CAP_KILL',"
			      "'CAP_CHOWN'],'ambient':['CAP_KILL','CAP_CHOWN']}"),
		"config.json: process.capabilities.ambient: can't raise ambient capability "
		"CAP_CHOWN: it is not inheritable");
	warned(CONFIG_PROCESS("'capabilities':{'inheritable':['CAP_KILL'],'ambient':['CAP_KILL']}"),
		"config.json: process.capabilities.ambient: can't raise ambient capability "
		"CAP_KILL: it is not permitted");
	warned(CONFIG(",'mounts':[{'destination':'/a','type':'bind','source':'s','options':"
		      "['ro','size=4k']}]"),
		"config.json: mounts[0].options: \"size=4k\" is for a file system, ignored for a "
		"bind mount");
	warned(CONFIG_PROCESS("'apparmorProfile':'p'"),
		"config.json: process.apparmorProfile: ignored, the VM takes its place");
	warned(CONFIG_PROCESS("'selinuxLabel':'l'"),
		"config.json: process.selinuxLabel: ignored, the VM takes its place");
	warned(CONFIG_LINUX("'mountLabel':'l'"),
		"config.json: linux.mountLabel: ignored, the VM takes its place");
	warned(CONFIG(",'mounts':[{'destination':'a','type':'tmpfs'}]"),
		"config.json: mounts[0].destination: \"a\" is not absolute, taken from /");
}

static void mounts_and_names(void **state)
{
	static const struct refusal cases[] = {
		{ CONFIG(",'mounts':[{'destination':'/a','type':'bind'}]"),
			"mounts[0].source: missing, a bind mount needs one" },
		{ CONFIG(",'mounts':[{'destination':'/a','options':['rbind']}]"),
			"mounts[0].source: missing, a bind mount needs one" },
		{ CONFIG(",'mounts':[{'destination':'/a','source':'x'}]"),
			"mounts[0].type: missing, only bind mounts need none" },
		{ CONFIG(",'hostname':'h'"),
			"hostname: needs a uts namespace in linux.namespaces" },
		{ CONFIG(",'domainname':'h'"),
			"domainname: needs a uts namespace in linux.namespaces" },
		{ CONFIG(",'linux':{'namespaces':[{'type':'uts'}]},'hostname':"
			 "'0123456789012345678901234567890123456789012345678901234567890123x'"),
			"hostname: longer than 64 bytes" },
		{ CONFIG(",'mounts':[{'destination':'/a','type':'bind','source':'s','gidMappings':"
			 "[" IDS(1) "]}]"),
			"mounts[0].uidMappings: missing, needed with gidMappings" },
		{ CONFIG(",'mounts':[{'destination':'/a','type':'bind','source':'s','uidMappings':"
			 "[" IDS(1) "],'options':['idmap']}]"),
			"mounts[0].gidMappings: missing, needed with uidMappings" },
		{ CONFIG(",'mounts':[{'destination':'/a','type':'bind','source':'s','options':"
			 "['rbind','ridmap']}]"),
			"mounts[0].options: to map ids takes uidMappings and gidMappings, the "
			"mount's own or those of the container's user namespace" },
		{ CONFIG(",'mounts':[{'destination':'/a','type':'bind','source':'s','gidMappings':"
			 "[" IDS(1) "],'uidMappings':[" IDS(0) "]}]"),
			"mounts[0].uidMappings[0].size: must not be 0" },
		{ CONFIG(",'hooks':{'prestart':[{'path':'h'}]}"),
			"hooks.prestart[0].path: must be an absolute path, got \"h\"" },
		{ CONFIG(",'hooks':{'poststop':[{'path':'/h'},{'path':'/h','timeout':0}]}"),
			"hooks.poststop[1].timeout: must be more than 0 seconds" },
		{ CONFIG(",'hooks':{'poststart':[{'path':'/h','env':['x']}]}"),
			"hooks.poststart[0].env[0]: must be NAME=value, got \"x\"" },
	};
	static const struct refusal unsupported[] = {
		{ CONFIG(",'mounts':[{'destination':'/a','type':'bind','source':'s','options':"
			 "['ro','idmap=uids=0-1-10;gids=0-1-10']}]"),
			"mounts[0].options[1]: \"idmap=uids=0-1-10;gids=0-1-10\" is not supported, "
			"mappings go to uidMappings and gidMappings" },
		{ CONFIG(",'mounts':[{'destination':'/a','type':'tmpfs','source':'s','options':"
			 "['ridmap']}]"),
			"mounts[0].options: only bind mounts can have mapped ids" },
		{ CONFIG(",'mounts':[{'destination':'/a','type':'tmpfs','source':'s',"
			 "'uidMappings':[" IDS(1) "],'gidMappings':[" IDS(1) "]}]"),
			"mounts[0].uidMappings: only bind mounts can have mapped ids" },
	};

	(void)state;
	all_refused(cases, ARRAY_LEN(cases), EINVAL);
	all_refused(unsupported, ARRAY_LEN(unsupported), ENOTSUP);
	accepted(CONFIG(",'hostname':'h','domainname':'d','linux':{'namespaces':[{'type':'uts'}],"
			"'sysctl':{'kernel.domainname':'d'}}"));
}

static void mount_data_is_a_page(void **state)
{
	AUTO(buf_done) struct buf text = { 0 };

	(void)state;
	assert_int_equal(buf_append_str(&text, "{'ociVersion':'1.0.2','root':{'path':'r'},"
					       "'process':{'cwd':'/','args':['sh']},'mounts':"
					       "[{'destination':'/o','type':'overlay','options':["
					       "'lowerdir="),
		0);
	for (unsigned i = 0; i < 4096; i++)
		assert_int_equal(buf_append_str(&text, "x"), 0);
	assert_int_equal(buf_append_str(&text, "']}]}"), 0);
	refused(buf_str(&text), EINVAL, "mounts[0].options: longer than 4095 bytes");
}

static void namespaces_and_mappings(void **state)
{
#define USER "'namespaces':[{'type':'user'}],"
#define ONE  "'gidMappings':[{'containerID':0,'hostID':0,'size':1}]"
	static const struct refusal cases[] = {
		{ CONFIG_LINUX("'namespaces':[{'type':'net'}]"),
			"linux.namespaces[0].type: unknown namespace \"net\"" },
		{ CONFIG_LINUX("'namespaces':[{'type':'pid'},{'type':'ipc'},{'type':'pid'}]"),
			"linux.namespaces[2].type: \"pid\" is given twice" },
		{ CONFIG_LINUX("'namespaces':[{'type':'pid','path':'proc/1/ns/pid'}]"),
			"linux.namespaces[0].path: must be an absolute path, got "
			"\"proc/1/ns/pid\"" },
		{ CONFIG_LINUX(ONE), "linux.gidMappings: needs a user namespace in "
				     "linux.namespaces" },
		{ CONFIG_LINUX(USER "'uidMappings':[{'containerID':0,'hostID':1,'size':1}],'"
				    "gidMappings':[{'containerID':1,"
				    "'hostID':1,'size':9}]"),
			"linux.gidMappings: id 0 of the container is missing, which all is set up "
			"as" },
		{ CONFIG_LINUX(USER ONE),
			"linux.uidMappings: missing, a new user namespace needs them" },
		{ CONFIG_LINUX(USER ONE ",'uidMappings':[{'containerID':0,'hostID':0,'size':0}]"),
			"linux.uidMappings[0].size: must not be 0" },
		{ CONFIG_LINUX(USER ONE
			  ",'uidMappings':[{'containerID':0,'hostID':4294967295,'size':1}]"),
			"linux.uidMappings[0]: goes beyond the last id" },
		{ CONFIG_LINUX(USER ONE ",'uidMappings':[{'containerID':0,'hostID':0,'size':10},"
					"{'containerID':9,'hostID':20,'size':1}]"),
			"linux.uidMappings[1]: overlaps with mapping 0" },
		{ CONFIG_LINUX(USER ONE ",'uidMappings':[{'containerID':0,'hostID':5,'size':10},"
					"{'containerID':20,'hostID':0,'size':6}]"),
			"linux.uidMappings[1]: overlaps with mapping 0" },
	};

	(void)state;
	all_refused(cases, ARRAY_LEN(cases), EINVAL);
	accepted(CONFIG_LINUX(USER ONE ",'uidMappings':[{'containerID':0,'hostID':5,'size':10},"
				       "{'containerID':10,'hostID':0,'size':5}]"));
}

static void devices_and_paths(void **state)
{
	static const struct refusal cases[] = {
		{ CONFIG_LINUX("'devices':[{'path':'x','type':'p'}]"),
			"linux.devices[0].path: must be an absolute path, got \"x\"" },
		{ CONFIG_LINUX("'devices':[{'path':'/x','type':'s'}]"),
			"linux.devices[0].type: must be \"c\", \"b\", \"u\" or \"p\", got \"s\"" },
		{ CONFIG_LINUX("'devices':[{'path':'/x','type':'cb'}]"),
			"linux.devices[0].type: must be \"c\", \"b\", \"u\" or \"p\", got \"cb\"" },
		{ CONFIG_LINUX("'devices':[{'path':'/x','type':'c','minor':1}]"),
			"linux.devices[0].major: missing" },
		{ CONFIG_LINUX("'devices':[{'path':'/x','type':'b','major':4096,'minor':1}]"),
			"linux.devices[0].major: must be from 0 to 4095, got 4096" },
		{ CONFIG_LINUX("'devices':[{'path':'/x','type':'u','major':1,'minor':-1}]"),
			"linux.devices[0].minor: must be from 0 to 1048575, got -1" },
		{ CONFIG_LINUX("'devices':[{'path':'/x','type':'p','fileMode':65536}]"),
			"linux.devices[0].fileMode: must be from 0 to 4095 (07777), got 65536" },
		{ CONFIG_RESOURCES("'devices':[{'allow':true,'type':'x'}]"),
			"linux.resources.devices[0].type: must be \"a\", \"b\" or \"c\", got "
			"\"x\"" },
		{ CONFIG_RESOURCES("'devices':[{'allow':true,'access':'rx'}]"),
			"linux.resources.devices[0].access: must be of \"rwm\", got \"rx\"" },
		{ CONFIG_RESOURCES("'devices':[{'allow':true},{'allow':true,'minor':-2}]"),
			"linux.resources.devices[1].minor: must not be below -1" },
		{ CONFIG_LINUX("'maskedPaths':['/a','b']"),
			"linux.maskedPaths[1]: must be an absolute path, got \"b\"" },
		{ CONFIG_LINUX("'readonlyPaths':['']"),
			"linux.readonlyPaths[0]: must be an absolute path, got \"\"" },
		{ CONFIG_LINUX("'rootfsPropagation':'sideways'"),
			"linux.rootfsPropagation: unknown mode \"sideways\"" },
		{ CONFIG_LINUX("'sysctl':{'':'1'}"), "linux.sysctl: a key is empty" },
		{ CONFIG_LINUX("'sysctl':{'vm/max_map_count':'1'}"),
			"linux.sysctl[\"vm/max_map_count\"]: not of a namespace, it would change "
			"the "
			"whole pod" },
		{ CONFIG_LINUX("'sysctl':{'kernel.shmmaxx':'1'},'namespaces':[{'type':'ipc'}]"),
			"linux.sysctl[\"kernel.shmmaxx\"]: not of a namespace, it would change the "
			"whole pod" },
		{ CONFIG_LINUX("'sysctl':{'kernel.shmmax':'1'}"),
			"linux.sysctl[\"kernel.shmmax\"]: needs one of type ipc in "
			"linux.namespaces" },
		{ CONFIG_LINUX("'sysctl':{'kernel/hostname':'x'},'namespaces':[{'type':'uts'}]"),
			"linux.sysctl[\"kernel/hostname\"]: that is what \"hostname\" is for" },
		{ CONFIG(",'domainname':'a','linux':{'namespaces':[{'type':'uts'}],"
			 "'sysctl':{'kernel.domainname':'b'}}"),
			"linux.sysctl[\"kernel.domainname\"]: conflicts with domainname" },
		{ CONFIG_LINUX("'sysctl':{'../etc/passwd':'1'}"),
			"linux.sysctl[\"../etc/passwd\"]: not a name such as "
			"\"net.ipv4.ip_forward\"" },
		{ CONFIG_LINUX("'sysctl':{'kernel.':'1'}"),
			"linux.sysctl[\"kernel.\"]: not a name such as \"net.ipv4.ip_forward\"" },
		{ CONFIG_LINUX("'personality':{'domain':'BSD'}"),
			"linux.personality.domain: must be \"LINUX\" or \"LINUX32\", got \"BSD\"" },
		{ CONFIG_LINUX("'personality':{'domain':'LINUX','flags':['x']}"),
			"linux.personality.flags: there are no known flags yet" },
	};

	(void)state;
	all_refused(cases, ARRAY_LEN(cases), EINVAL);
	accepted(
		CONFIG_LINUX("'devices':[{'path':'/x','type':'p'},{'path':'/y','type':'c',"
			     "'major':4095,'minor':1048575,'fileMode':8630}],"
			     "'sysctl':{'net/ipv4/conf/eth0.1/forwarding':'1','kernel.shmmax':'1'},"
			     "'namespaces':[{'type':'ipc'},{'type':'network'}],"
			     "'rootfsPropagation':'rprivate','personality':{'domain':'LINUX32'}"));
}

#define NO_HARDWARE "not supported: nothing of the host's hardware is given to a guest"

static void what_cannot_be_applied(void **state)
{
	static const struct refusal cases[] = {
		{ CONFIG_LINUX("'netDevices':{'eth0':{}}"),
			"linux.netDevices: not supported, a device of the host cannot be moved "
			"into "
			"a guest" },
		{ CONFIG(",'vm':{'hypervisor':{'path':'/q','parameters':['a']}}"),
			"vm.hypervisor.parameters: not supported, a monitor is started with "
			"descriptors, not with arguments" },
		{ CONFIG(",'vm':{'image':{'path':'/q','format':'raw'}}"),
			"vm.image: not supported, a guest's root is the initramfs of its agent" },
		{ CONFIG(",'vm':{'hwConfig':{'irqs':[1]}}"),
			"vm.hwConfig.irqs: not supported, it is for domains of Xen" },
		{ CONFIG_RESOURCES("'network':{'classID':1}"),
			"linux.resources.network.classID: not supported with cgroup v2" },
	};

	(void)state;
	all_refused(cases, ARRAY_LEN(cases), ENOTSUP);
	accepted(CONFIG(",'vm':{'hwConfig':{'vcpus':1,'memory':1}}"));
}

static void vm_paths(void **state)
{
	static const struct refusal cases[] = {
		{ CONFIG(",'vm':{'hypervisor':{'path':'q'}}"),
			"vm.hypervisor.path: must be an absolute path, got \"q\"" },
		{ CONFIG(",'vm':{'kernel':{'path':'k'}}"),
			"vm.kernel.path: must be an absolute path, got \"k\"" },
		{ CONFIG(",'vm':{'kernel':{'path':'/k','initrd':'i'}}"),
			"vm.kernel.initrd: must be an absolute path, got \"i\"" },
	};

	(void)state;
	all_refused(cases, ARRAY_LEN(cases), EINVAL);
	accepted(CONFIG(",'vm':{'hypervisor':{'path':'/q'},"
			"'kernel':{'path':'/k','initrd':'/i','parameters':['a=b','c']}}"));
}

static void intel_rdt(void **state)
{
	static const char name[] =
		"linux.intelRdt.closID: must be \"/\" or the name of a group, got ";
	static const struct refusal cases[] = {
		{ CONFIG_LINUX("'intelRdt':{'closID':'a/b'}"), "\"a/b\"" },
		{ CONFIG_LINUX("'intelRdt':{'closID':'..'}"), "\"..\"" },
	};
	static const struct refusal lines[] = {
		{ CONFIG_LINUX("'intelRdt':{'l3CacheSchema':'L3:0=f\\n'}"),
			"linux.intelRdt.l3CacheSchema: must be one line" },
		{ CONFIG_LINUX("'intelRdt':{'memBwSchema':'L3:0=f'}"),
			"linux.intelRdt.memBwSchema: must be one line that begins with \"MB:\"" },
		{ CONFIG_LINUX("'intelRdt':{'schemata':['a','b\\nc']}"),
			"linux.intelRdt.schemata[1]: must be one line" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char whole[256];
		struct refusal one = { cases[i].text, whole };

		snprintf(whole, sizeof(whole), "%s%s", name, cases[i].message);
		all_refused(&one, 1, EINVAL);
	}
	all_refused(lines, ARRAY_LEN(lines), EINVAL);
	accepted(CONFIG_LINUX("'intelRdt':{}"));
	accepted(CONFIG_LINUX("'intelRdt':{'closID':'/','enableMonitoring':true}"));
	accepted(CONFIG_LINUX("'intelRdt':{'closID':'a.b','memBwSchema':'MB:0=10'}"));
}

static void seccomp_sections(void **state)
{
#define SECCOMP(more) CONFIG_LINUX("'seccomp':{" more "}")
#define RULE(more)    SECCOMP("'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{" more "}]")
#define NOTIFY(path, more)                                                                         \
	SECCOMP("'defaultAction':'SCMP_ACT_ALLOW','listenerPath':" path                            \
		",'syscalls':[{'action':'SCMP_ACT_NOTIFY'," more "}]")
	static const struct refusal cases[] = {
		{ SECCOMP("'defaultAction':'SCMP_ACT_MAYBE'"),
			"linux.seccomp.defaultAction: unknown action \"SCMP_ACT_MAYBE\"" },
		{ SECCOMP("'defaultAction':'SCMP_ACT_ALLOW','defaultErrnoRet':1"),
			"linux.seccomp.defaultErrnoRet: SCMP_ACT_ALLOW takes none" },
		{ SECCOMP("'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':4095"),
			"linux.seccomp.defaultErrnoRet: must be from 0 to 4094, got 4095" },
		{ SECCOMP("'defaultAction':'SCMP_ACT_ALLOW','architectures':['SCMP_ARCH_X86','VAX'"
			  "]"),
			"linux.seccomp.architectures[1]: unknown name \"VAX\"" },
		{ SECCOMP("'defaultAction':'SCMP_ACT_ALLOW','flags':['FLAG']"),
			"linux.seccomp.flags[0]: unknown name \"FLAG\"" },
		{ RULE("'names':[],'action':'SCMP_ACT_KILL'"),
			"linux.seccomp.syscalls[0].names: must name at least one system call" },
		{ RULE("'names':['read'],'action':'KILL'"),
			"linux.seccomp.syscalls[0].action: unknown action \"KILL\"" },
		{ RULE("'names':['read'],'action':'SCMP_ACT_KILL','errnoRet':1"),
			"linux.seccomp.syscalls[0].errnoRet: SCMP_ACT_KILL takes none" },
		{ RULE("'names':['read'],'action':'SCMP_ACT_TRACE','errnoRet':65536"),
			"linux.seccomp.syscalls[0].errnoRet: must be from 0 to 65535, got 65536" },
		{ RULE("'names':['read'],'action':'SCMP_ACT_KILL','args':[{'index':6,'value':1,"
		       "'op':'SCMP_CMP_EQ'}]"),
			"linux.seccomp.syscalls[0].args[0].index: must be from 0 to 5, got 6" },
		{ RULE("'names':['read'],'action':'SCMP_ACT_KILL','args':[{'index':0,'value':1,"
		       "'op':'EQ'}]"),
			"linux.seccomp.syscalls[0].args[0].op: unknown operator \"EQ\"" },
		{ RULE("'names':['read'],'action':'SCMP_ACT_NOTIFY'"),
			"linux.seccomp.listenerPath: missing, SCMP_ACT_NOTIFY needs it" },
		{ SECCOMP("'defaultAction':'SCMP_ACT_NOTIFY','listenerPath':'/s'"),
			"linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default" },
		{ NOTIFY("'/s'", "'names':['read','write']"),
			"linux.seccomp.syscalls[0].names[1]: SCMP_ACT_NOTIFY cannot be used for "
			"the write syscall" },
		{ NOTIFY("'s'", "'names':['read']"),
			"linux.seccomp.listenerPath: must be an absolute path, got \"s\"" },
		{ NOTIFY("'/s'", "'names':['read'],'errnoRet':1"),
			"linux.seccomp.syscalls[0].errnoRet: SCMP_ACT_NOTIFY takes none" },
		{ SECCOMP("'defaultAction':'SCMP_ACT_ALLOW','listenerMetadata':'m'"),
			"linux.seccomp.listenerMetadata: needs listenerPath" },
		{ SECCOMP("'defaultAction':'SCMP_ACT_ALLOW',"
			  "'flags':['SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV']"),
			"linux.seccomp.flags[0]: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a "
			"rule with SCMP_ACT_NOTIFY" },
	};

	(void)state;
	all_refused(cases, ARRAY_LEN(cases), EINVAL);
}

static void processes_by_themselves(void **state)
{
	static const struct spec_process none = { .cwd = "/" };
	struct err err = ERR_NONE;

	(void)state;
	assert_int_equal(spec_check_process(&none, "p.json", "", NULL, &err), -EINVAL);
	assert_string_equal(err.msg, "p.json: args: must name at least one program");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_must_be_there),
		cmocka_unit_test(processes),
		cmocka_unit_test(scheduling),
		cmocka_unit_test(ignored_with_a_warning),
		cmocka_unit_test(mounts_and_names),
		cmocka_unit_test(mount_data_is_a_page),
		cmocka_unit_test(namespaces_and_mappings),
		cmocka_unit_test(devices_and_paths),
		cmocka_unit_test(what_cannot_be_applied),
		cmocka_unit_test(vm_paths),
		cmocka_unit_test(intel_rdt),
		cmocka_unit_test(seccomp_sections),
		cmocka_unit_test(processes_by_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
