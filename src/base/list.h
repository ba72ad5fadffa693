/* Intrusive doubly linked list with a sentinel head. A node that is on no list points to itself. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_add_tail(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}

static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define list_for_each(pos, head, type, member)                                                     \
	for (type *pos = container_of((head)->next, type, member); &pos->member != (head);         \
		pos = container_of(pos->member.next, type, member))

/* pos may be deleted from the list (and freed) inside the loop. */
#define list_for_each_safe(pos, head, type, member)                                                \
	for (type *pos = container_of((head)->next, type, member),                                 \
		  *pos##_next = container_of(pos->member.next, type, member);                      \
		&pos->member != (head);                                                            \
		pos = pos##_next, pos##_next = container_of(pos->member.next, type, member))
