/* The guest's CPUID: topology for every count of vCPUs, and what is taken away. */
#include "tests/unit/unit.h"
#include "vmm/x86/cpuid.h"

#include <stdlib.h>
#include <string.h>

#define BIT(n) (1U << (n))

static struct kvm_cpuid_entry2 *add(struct cpuid_table *t, uint32_t function, uint32_t index)
{
	struct kvm_cpuid_entry2 *e = &t->entries[t->nent++];

	/* All bits set: what is to be cleared shows, and what is to stay too. */
	*e = (struct kvm_cpuid_entry2){ .function = function,
		.index = index,
		.eax = UINT32_MAX,
		.ebx = UINT32_MAX,
		.ecx = UINT32_MAX,
		.edx = UINT32_MAX };
	return e;
}

static const struct kvm_cpuid_entry2 *get(
	const struct cpuid_table *t, uint32_t function, uint32_t index)
{
	for (unsigned i = 0; i < t->nent; i++)
		if (t->entries[i].function == function && t->entries[i].index == index)
			return &t->entries[i];
	fail_msg("no leaf %#x.%u", function, index);
	return NULL;
}

static void leaf_1_names_the_processor(void **state)
{
	struct cpuid_table t = { 0 };
	const struct kvm_cpuid_entry2 *e = add(&t, 1, 0);

	(void)state;
	cpuid_shape(&t, 3, 6, true);
	assert_int_equal(e->ebx >> 24, 3);
	assert_int_equal(e->ebx >> 16 & 0xff, 6);
	assert_int_equal(e->ebx & 0xffff, 0xffff); /* CLFLUSH size, brand: as they were */
	assert_true(e->ecx & BIT(31));
	assert_true(e->ecx & BIT(24));
	assert_false(e->ecx & BIT(15));
	assert_true(e->edx & BIT(28));
	assert_int_equal(e->eax, UINT32_MAX);
}

static void leaf_1_of_a_single_processor(void **state)
{
	struct cpuid_table t = { 0 };
	struct kvm_cpuid_entry2 *e = add(&t, 1, 0);

	(void)state;
	e->ecx = 0;
	cpuid_shape(&t, 0, 1, false);
	assert_int_equal(e->ebx >> 16, 1);
	assert_int_equal(e->ecx, BIT(31)); /* no TSC deadline where it does not work */
	assert_false(e->edx & BIT(28));
}

static void topology_leaves(void **state)
{
	static const struct {
		unsigned count, bits;
	} shape[] = { { 1, 0 }, { 2, 1 }, { 3, 2 }, { 4, 2 }, { 5, 3 }, { 64, 6 } };

	(void)state;
	for (size_t i = 0; i < sizeof(shape) / sizeof(shape[0]); i++) {
		unsigned count = shape[i].count, me = count - 1;

		for (unsigned function = 0xb; function <= 0x1f; function += 0x1f - 0xb) {
			struct cpuid_table t = { 0 };
			const struct kvm_cpuid_entry2 *e;

			add(&t, function, 0);
			add(&t, function, 1);
			add(&t, function, 2);
			cpuid_shape(&t, me, count, false);
			assert_int_equal(t.nent, 3);
			e = get(&t, function, 0); /* threads of a core: one */
			assert_int_equal(e->eax, 0);
			assert_int_equal(e->ebx, 1);
			assert_int_equal(e->ecx, 1 << 8 | 0);
			assert_int_equal(e->edx, me);
			e = get(&t, function, 1); /* cores of the package */
			assert_int_equal(e->eax, shape[i].bits);
			assert_int_equal(e->ebx, count);
			assert_int_equal(e->ecx, 2 << 8 | 1);
			assert_int_equal(e->edx, me);
			e = get(&t, function, 2); /* the end */
			assert_int_equal(e->eax, 0);
			assert_int_equal(e->ebx, 0);
			assert_int_equal(e->ecx, 2);
			assert_int_equal(e->edx, me);
		}
	}
}

static void missing_topology_levels_are_added(void **state)
{
	struct cpuid_table t = { 0 };

	(void)state;
	add(&t, 0xb, 0);
	cpuid_shape(&t, 1, 4, false);
	assert_int_equal(t.nent, 2);
	assert_int_equal(get(&t, 0xb, 1)->ebx, 4);
	assert_int_equal(get(&t, 0xb, 1)->flags, KVM_CPUID_FLAG_SIGNIFCANT_INDEX);
	/* A processor without the leaf does not get it. */
	t.nent = 0;
	add(&t, 1, 0);
	cpuid_shape(&t, 1, 4, false);
	assert_int_equal(t.nent, 1);
}

static void a_full_table_is_not_overrun(void **state)
{
	static const uint8_t zero[sizeof(struct kvm_cpuid_entry2)];
	struct cpuid_table *t = calloc(1, sizeof(*t) + sizeof(zero));

	(void)state;
	assert_non_null(t);
	add(t, 0xb, 0);
	while (t->nent < CPUID_MAX)
		add(t, 0x40000000, 0);
	cpuid_shape(t, 1, 4, false);
	assert_int_equal(t->nent, CPUID_MAX);
	assert_memory_equal((uint8_t *)t + sizeof(*t), zero, sizeof(zero));
	free(t);
}

static void caches_belong_to_one_processor(void **state)
{
	struct cpuid_table t = { 0 };
	const struct kvm_cpuid_entry2 *intel = add(&t, 4, 2), *amd = add(&t, 0x8000001d, 3);

	(void)state;
	cpuid_shape(&t, 0, 6, false);
	assert_int_equal(intel->eax >> 14 & 0xfff, 0);
	assert_int_equal(intel->eax >> 26, 7); /* core ids of three bits, less one */
	assert_int_equal(intel->eax & 0x3fff, 0x3fff);
	assert_int_equal(amd->eax >> 14 & 0xfff, 0);
	assert_int_equal(amd->eax >> 26, 0x3f); /* reserved there */
	assert_int_equal(amd->ebx, UINT32_MAX);
}

static void amd_topology(void **state)
{
	struct cpuid_table t = { 0 };
	const struct kvm_cpuid_entry2 *size = add(&t, 0x80000008, 0), *id = add(&t, 0x8000001e, 0);

	(void)state;
	cpuid_shape(&t, 4, 5, false);
	assert_int_equal(size->ecx & 0xff, 4);
	assert_int_equal(size->ecx >> 12 & 0xf, 3);
	assert_int_equal(size->eax, UINT32_MAX); /* address widths stay */
	assert_int_equal(id->eax, 4);
	assert_int_equal(id->ebx, 4);
	assert_int_equal(id->ecx, 0);
}

static void the_hosts_business_is_hidden(void **state)
{
	struct cpuid_table t = { 0 };
	const struct kvm_cpuid_entry2 *power = add(&t, 6, 0), *pmu = add(&t, 0xa, 0);
	const struct kvm_cpuid_entry2 *features = add(&t, 7, 0), *more = add(&t, 7, 1);
	const struct kvm_cpuid_entry2 *other = add(&t, 0xd, 0);

	(void)state;
	cpuid_shape(&t, 0, 1, true);
	assert_int_equal(power->eax, ~(BIT(1) | BIT(14)));
	assert_int_equal(power->ecx, ~BIT(3));
	assert_int_equal(pmu->eax | pmu->ebx | pmu->ecx | pmu->edx, 0);
	assert_int_equal(features->ecx, ~BIT(5));
	assert_int_equal(more->ecx, UINT32_MAX);
	assert_int_equal(other->eax & other->ebx & other->ecx & other->edx, UINT32_MAX);
}

static void arch_capabilities_are_intels(void **state)
{
	static const struct {
		const char ecx[5]; /* the end of the vendor string */
		bool stays;
	} vendor[] = { { "cAMD", false }, { "uine", false }, { "ntel", true } };

	(void)state;
	for (size_t i = 0; i < sizeof(vendor) / sizeof(vendor[0]); i++) {
		struct cpuid_table t = { 0 };
		struct kvm_cpuid_entry2 *name = add(&t, 0, 0);
		const struct kvm_cpuid_entry2 *features = add(&t, 7, 0), *more = add(&t, 7, 1);

		memcpy(&name->ecx, vendor[i].ecx, 4);
		cpuid_shape(&t, 0, 1, true);
		assert_int_equal(features->edx, vendor[i].stays ? UINT32_MAX : ~BIT(29));
		assert_int_equal(more->edx, UINT32_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaf_1_names_the_processor),
		cmocka_unit_test(leaf_1_of_a_single_processor),
		cmocka_unit_test(topology_leaves),
		cmocka_unit_test(missing_topology_levels_are_added),
		cmocka_unit_test(a_full_table_is_not_overrun),
		cmocka_unit_test(caches_belong_to_one_processor),
		cmocka_unit_test(amd_topology),
		cmocka_unit_test(the_hosts_business_is_hidden),
		cmocka_unit_test(arch_capabilities_are_intels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
