/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_ref.c - announced changes of reference counts, and finishing those of the dead.
 */
#include "runtime/mbuf_ref.h"

#include <errno.h>

#include "runtime/error.h"

/* Who makes a change: this thread, or a dead one whose work the reaper finishes. */
struct actor {
	struct cleat_thread_shm *line;
	uint16_t thread;
	uint16_t slot;
};

static struct actor self(void)
{
	return (struct actor){ cleat_self.line, cleat_self.thread, cleat_self_slot };
}

static void announce(const struct actor *who, enum cleat_ref_op op, const struct cleat_mbuf *parent,
	const struct cleat_mbuf *clone)
{
	uint32_t number = (uint32_t)cleat_load_relaxed(&who->line->ref) + 1;
	uint64_t of_clone = clone ? cleat_handle_of(clone) : CLEAT_HANDLE_NONE;

	/* the last announcement, if one stands, is over before its clone changes */
	cleat_store_release(&who->line->ref, number);
	cleat_store_release(&who->line->ref_clone, of_clone << 8 | (uint64_t)op);
	cleat_store_release(&who->line->ref, (uint64_t)cleat_handle_of(parent) << 32 | number);
}

static void withdraw(const struct actor *who)
{
	cleat_store_release(
		&who->line->ref, (uint64_t)(uint32_t)cleat_load_relaxed(&who->line->ref));
}

/* The change whose tag is about to be overwritten did take effect. */
static void help(uint64_t word, const struct actor *who)
{
	uint32_t thread = (uint32_t)(word >> 32 & 0xffff) - 1;
	uint32_t number = (uint32_t)word;
	uint64_t *done;
	uint64_t seen;

	if (thread >= CLEAT_MAX_THREADS || thread == who->thread)
		return;
	done = &cleat_shared->threads[thread].ref_done;
	seen = cleat_load_acquire(done);
	while ((int32_t)(number - (uint32_t)seen) > 0)
		if (cleat_cas_acq_rel(done, &seen, (uint64_t)number))
			break;
}

/* One try to count from @p old to @p count with the announced number as tag. */
static int change(const struct actor *who, struct cleat_mbuf *m, uint64_t *old, uint32_t count)
{
	uint64_t word = (uint64_t)count << 48 | ((uint64_t)who->thread + 1) << 32 |
			(uint32_t)cleat_load_relaxed(&who->line->ref);

	help(*old, who);
	return cleat_cas_acq_rel(&m->ref, old, word);
}

static void make_clone(struct cleat_mbuf *clone, const struct cleat_mbuf *parent)
{
	struct cleat_clone_shm *area = cleat_mbuf_clone_of(clone);

	area->own_iova = clone->iova;
	cleat_store_relaxed(&area->parent, cleat_handle_of(parent));
	cleat_store_release(&clone->clone, 1);
	clone->iova = parent->iova;
}

static void forget_parent(struct cleat_mbuf *clone)
{
	clone->iova = cleat_mbuf_clone_of(clone)->own_iova;
	cleat_store_release(&clone->clone, 0);
}

int cleat_ref_attach(struct cleat_mbuf *parent, struct cleat_mbuf *clone)
{
	struct actor who = self();
	uint64_t old = cleat_load_acquire(&parent->ref);
	int rc = 0;

	announce(&who, CLEAT_REF_ATTACH, parent, clone);
	do {
		if (cleat_ref_count(old) >= CLEAT_REF_MAX)
			rc = -EOVERFLOW;
	} while (rc == 0 && !change(&who, parent, &old, cleat_ref_count(old) + 1));
	if (rc == 0)
		make_clone(clone, parent);
	withdraw(&who);
	return rc;
}

/* What a device has sent says QUEUE until it is freed. It must be ours before it is announced: so a
 * dead thread's announcement is believed about its own mbufs only (a queue's word does not say who
 * was freeing, and a scribbled line could name what a living one has in its queue), and no sweep of
 * the queue frees what stands announced. */
static void own(const struct actor *who, struct cleat_mbuf *m)
{
	cleat_store_release(&m->owner, cleat_owner_word(CLEAT_OWNER_PROCESS, who->slot));
}

/* Alone with a parent that its direct holder gave up: it is ours now. */
static void adopt(const struct actor *who, struct cleat_mbuf *parent, struct cleat_mbuf *clone)
{
	own(who, parent);
	forget_parent(clone);
}

struct cleat_mbuf *cleat_ref_detach(struct cleat_mbuf *parent, struct cleat_mbuf *clone)
{
	struct actor who = self();
	struct cleat_mbuf *ours = NULL;
	uint64_t old;

	own(&who, clone);
	announce(&who, CLEAT_REF_DETACH, parent, clone);
	old = cleat_load_acquire(&parent->ref);
	while (cleat_ref_count(old) > 1)
		if (change(&who, parent, &old, cleat_ref_count(old) - 1))
			break;
	/* a failed try left the newer word in old; a good one left it as it was, above 1 */
	if (cleat_ref_count(old) > 1) {
		forget_parent(clone);
	} else {
		announce(&who, CLEAT_REF_ADOPT, parent, clone);
		adopt(&who, parent, clone);
		ours = parent;
	}
	withdraw(&who);
	return ours;
}

/* The announcement stands, and the owner is SHARED. @return as cleat_ref_drop() */
static int finish_drop(const struct actor *who, struct cleat_mbuf *m)
{
	uint64_t old = cleat_load_acquire(&m->ref);

	while (cleat_ref_count(old) > 1)
		if (change(who, m, &old, cleat_ref_count(old) - 1))
			return 0;
	own(who, m);
	return 1;
}

int cleat_ref_drop(struct cleat_mbuf *m)
{
	struct actor who = self();
	int alone;

	if (cleat_mbuf_refcnt(m) == 1)
		return 1;
	own(&who, m);
	announce(&who, CLEAT_REF_DROP, m, NULL);
	/* before the count: whoever then finds 1 finds SHARED too */
	cleat_store_release(&m->owner, cleat_owner_word(CLEAT_OWNER_SHARED, who.slot));
	alone = finish_drop(&who, m);
	withdraw(&who);
	return alone;
}

static int took_effect(const struct actor *who, const struct cleat_mbuf *m, uint32_t number)
{
	uint64_t word = cleat_load_acquire(&m->ref);

	if ((uint32_t)(word >> 32 & 0xffff) == who->thread + 1U && (uint32_t)word == number)
		return 1;
	/* overwritten? then ref_done was told before */
	return (int32_t)((uint32_t)cleat_load_acquire(&who->line->ref_done) - number) >= 0;
}

static int is_clone_of(const struct cleat_mbuf *clone, const struct cleat_mbuf *parent)
{
	return clone->clone && cleat_mbuf_clone_of(clone)->parent == cleat_handle_of(parent);
}

static void resolve_clone(const struct actor *who, unsigned op, struct cleat_mbuf *parent,
	struct cleat_mbuf *clone, int effect)
{
	if (!cleat_owner_is(clone->owner, CLEAT_OWNER_PROCESS, who->slot))
		return;
	if (op == CLEAT_REF_ATTACH && effect && !clone->clone)
		make_clone(clone, parent);
	else if (op == CLEAT_REF_DETACH && effect && is_clone_of(clone, parent))
		forget_parent(clone);
	else if (op == CLEAT_REF_ADOPT && is_clone_of(clone, parent))
		adopt(who, parent, clone);
}

void cleat_ref_resolve(uint16_t thread, uint16_t slot, cleat_ref_check check, void *arg)
{
	struct actor who = { &cleat_shared->threads[thread], thread, slot };
	uint64_t ref = cleat_load_acquire(&who.line->ref);
	uint64_t ref_clone = cleat_load_acquire(&who.line->ref_clone);
	struct cleat_mbuf *parent = check(arg, (cleat_handle)(ref >> 32));
	struct cleat_mbuf *clone = check(arg, (cleat_handle)(ref_clone >> 8));
	unsigned op = (unsigned)(ref_clone & 0xff);
	int effect;

	if (parent != NULL) {
		effect = took_effect(&who, parent, (uint32_t)ref);
		if (op == CLEAT_REF_DROP && !effect &&
			cleat_owner_kind_of(parent->owner) == CLEAT_OWNER_SHARED)
			finish_drop(&who, parent);
		else if (op != CLEAT_REF_DROP && clone != NULL && clone != parent)
			resolve_clone(&who, op, parent, clone, effect);
	}
	withdraw(&who);
}

void cleat_ref_force_one(struct cleat_mbuf *m)
{
	struct actor who = self();
	uint64_t old = cleat_load_acquire(&m->ref);

	do
		help(old, &who);
	while (!cleat_cas_acq_rel(&m->ref, &old, CLEAT_REF_ONE));
}
