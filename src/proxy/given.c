/* Unanswered notifications: see given.h. */
#include "proxy/given.h"

#include <string.h>

struct given *given_in_state(struct given_table *t, enum given_state state)
{
	for (unsigned i = 0; i < NOTIFICATIONS_MAX; i++)
		if (t->given[i].state == state)
			return &t->given[i];
	return NULL;
}

struct given *given_by_id(struct given_table *t, uint64_t id)
{
	for (unsigned i = 0; i < NOTIFICATIONS_MAX; i++)
		if (t->given[i].state != GIVEN_FREE && t->given[i].notif.id == id)
			return &t->given[i];
	return NULL;
}

int given_add(struct given_table *t, int proc, const struct notification *n)
{
	struct given *g = given_in_state(t, GIVEN_FREE);
	int r;

	if (!g || given_by_id(t, n->notif.id))
		return -EPROTO;
	r = standin_start(proc, n->areas, n->area_count, n->cwd, &g->standin);
	if (r < 0)
		return r;
	g->area_count = n->area_count;
	for (unsigned i = 0; i < n->area_count; i++) {
		g->areas[i] = n->areas[i];
		g->areas[i].data = memcpy(g->bytes[i], n->areas[i].data, n->areas[i].len);
	}
	g->notif = n->notif;
	g->notif.pid = (uint32_t)g->standin.host_pid;
	g->state = GIVEN_READY;
	return 0;
}

void given_end(struct given *g)
{
	standin_end(&g->standin);
	g->state = GIVEN_FREE;
}

int given_changes(const struct given *g, struct changes *ret)
{
	return changes_read(&g->standin, g->areas, g->area_count, ret);
}
