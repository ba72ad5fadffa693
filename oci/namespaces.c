/* The table of namespaces; read by the checks, the translation and features. */
#include "oci/namespaces.h"

#include "agent/agent.pb-c.h"
#include "base/auto.h"
#include "base/str.h"

/* In alphabetical order, as features shows them. */
static const struct {
	const char *name;
	int number;
} namespaces[] = {
	{ "cgroup", VMRUN__AGENT__NAMESPACE__KIND__CGROUP },
	{ "ipc", VMRUN__AGENT__NAMESPACE__KIND__IPC },
	{ "mount", VMRUN__AGENT__NAMESPACE__KIND__MOUNT },
	{ "network", VMRUN__AGENT__NAMESPACE__KIND__NETWORK },
	{ "pid", VMRUN__AGENT__NAMESPACE__KIND__PID },
	{ "time", VMRUN__AGENT__NAMESPACE__KIND__TIME },
	{ "user", VMRUN__AGENT__NAMESPACE__KIND__USER },
	{ "uts", VMRUN__AGENT__NAMESPACE__KIND__UTS },
};

int namespace_number(const char *type)
{
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
		if (streq(type, namespaces[i].name))
			return namespaces[i].number;
	return -1;
}

const char *namespace_name(size_t i)
{
	return i < ARRAY_LEN(namespaces) ? namespaces[i].name : NULL;
}
