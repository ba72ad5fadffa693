/* The table of rows: see facts.h. Called by cmd/check.c. */
#include "host/facts.h"

const struct fact_row fact_rows[FACT_ROWS] = {
	{ "processor", fact_cpu },
	{ "kvm", fact_kvm },
	{ "virtual machine", fact_nested },
	{ "qemu", fact_qemu },
	{ "guest kernel", fact_kernel },
	{ "guest drivers", fact_drivers },
	{ "programs", fact_programs },
	{ "memory", fact_memory },
	{ "rights", fact_rights },
	{ "state", fact_state },
	{ "cache", fact_cache },
	{ "cgroup", fact_cgroup },
	{ "tun", fact_tun },
	{ "traffic control", fact_tc },
	{ "security modules", fact_lsm },
};

bool facts_look(const struct facts_env *env, struct fact facts[static FACT_ROWS])
{
	bool good = true;

	for (size_t i = 0; i < FACT_ROWS; i++) {
		facts[i] = (struct fact){ .name = fact_rows[i].name };
		fact_rows[i].look(env, &facts[i]);
		good = good && facts[i].status != FACT_FAIL;
	}
	return good;
}
