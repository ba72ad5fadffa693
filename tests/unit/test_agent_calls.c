/* The callers' functions (agent/calls.h) against the service that protoc-c has made. */
#include "agent/calls.h"
#include "tests/unit/unit.h"

#include <string.h>

struct call {
	const char *method, *request, *reply;
};

#define ROW(name, method, request, reply)                                                          \
	{ #method, "Vmrun__Agent__" #request, "Vmrun__Agent__" #reply },

static const struct call calls[] = { AGENT_CALLS(ROW) };

/* Each method of agent.proto has one, of its types, and there are no others. */
static void test_all_methods(void **state)
{
	const ProtobufCServiceDescriptor *service = &vmrun__agent__agent__descriptor;

	(void)state;
	assert_int_equal(service->n_methods, ARRAY_LEN(calls));
	for (unsigned i = 0; i < service->n_methods; i++) {
		const ProtobufCMethodDescriptor *m = &service->methods[i];

		assert_string_equal(calls[i].method, m->name);
		assert_string_equal(calls[i].request, m->input->c_name);
		assert_string_equal(calls[i].reply, m->output->c_name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
