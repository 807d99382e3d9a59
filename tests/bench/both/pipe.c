/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipe - packets from process to process over rings, without copying.
 *
 * --role=ends     allocate, number, into --out; from --in, check, free: there and back
 * --role=middle   from --in, read the number, write beside it, into --out
 * --role=source   allocate, number, into --out
 * --role=sink     from --in, check, free
 *
 * A packet begins with its number; the middle writes the number's complement behind it.
 */
#include <string.h>

#include "tests/bench/side.h"

#define WINDOW 512U /* packets on their way: neither ring is ever full */

struct pipe {
	const struct bench_args *a;
	struct bench_meet *meet;
	struct side_ring in, out;
	side_pool *pool;
	struct bench_idle idle;
	struct bench_result result;
	bool touched; /* by a middle, which of a sink's two makers is one */
};

cleat_inline bool make(struct pipe *p, side_mbuf **mbufs, uint64_t seq)
{
	if (!side_alloc(p->pool, mbufs, p->a->burst))
		return false;
	for (unsigned i = 0; i < p->a->burst; i++) {
		uint64_t *data = (uint64_t *)side_data(mbufs[i]);

		side_set_len(mbufs[i], p->a->bytes);
		data[0] = seq + i;
		data[1] = 0;
	}
	return true;
}

cleat_inline void check_and_free(struct pipe *p, side_mbuf **mbufs, unsigned n, uint64_t seq)
{
	uint64_t wrong = 0;

	for (unsigned i = 0; i < n; i++) {
		const uint64_t *data = (const uint64_t *)side_data(mbufs[i]);

		wrong |= data[0] ^ (seq + i);
		wrong |= data[1] ^ (p->touched ? ~data[0] : 0);
		p->result.sum += data[0];
	}
	p->result.bad += wrong != 0;
	side_free(mbufs, n);
}

cleat_inline void send_all(struct pipe *p, side_mbuf **mbufs, unsigned n)
{
	for (unsigned done = 0; done < n;) {
		unsigned now = side_put_mbufs(&p->out, BENCH_SPSC, mbufs + done, n - done);

		done += now;
		if (now == 0)
			bench_idle(&p->idle);
		else
			bench_busy(&p->idle);
	}
}

static void ends(struct pipe *p)
{
	side_mbuf *mbufs[BENCH_MAX_BURST];
	uint64_t sent = 0, back = 0;
	struct bench_watch watch;
	bool over = false;

	bench_watch_start(&watch, p->a, &p->result);
	while (!over || back != sent) {
		unsigned n;

		over = over || bench_watch(&watch, back);
		if (!over && sent - back < WINDOW && make(p, mbufs, sent)) {
			send_all(p, mbufs, p->a->burst);
			sent += p->a->burst;
		}
		n = side_get_mbufs(&p->in, BENCH_SPSC, mbufs, p->a->burst);
		if (n > 0) {
			check_and_free(p, mbufs, n, back);
			back += n;
		} else if (sent - back >= WINDOW) {
			bench_idle(&p->idle);
		}
	}
	p->result.total = back;
	bench_add(&p->meet->stopped);
}

static void middle(struct pipe *p)
{
	side_mbuf *mbufs[BENCH_MAX_BURST];
	unsigned polls = 0;
	bool over = false;

	for (;;) {
		unsigned n = side_get_mbufs(&p->in, BENCH_SPSC, mbufs, p->a->burst);

		if (n == 0) {
			if (over)
				break;
			if (++polls % BENCH_POLLS == 0)
				over = bench_reached(&p->meet->stopped, p->a->makers);
			bench_idle(&p->idle);
			continue;
		}
		bench_busy(&p->idle);
		for (unsigned i = 0; i < n; i++) {
			uint64_t *data = (uint64_t *)side_data(mbufs[i]);

			data[1] = ~data[0];
		}
		send_all(p, mbufs, n);
	}
	bench_add(&p->meet->stopped);
}

static void source(struct pipe *p)
{
	side_mbuf *mbufs[BENCH_MAX_BURST];
	unsigned polls = 0;
	uint64_t sent = 0;

	for (;;) {
		if (cleat_unlikely(++polls % BENCH_POLLS == 0) &&
			bench_reached(&p->meet->measured, 1))
			break;
		if (!make(p, mbufs, sent)) {
			bench_idle(&p->idle);
			continue;
		}
		for (unsigned i = 0; i < p->a->burst; i++)
			p->result.sum += sent + i;
		send_all(p, mbufs, p->a->burst);
		sent += p->a->burst;
	}
	p->result.total = sent;
	bench_add(&p->meet->stopped);
}

static void sink(struct pipe *p)
{
	side_mbuf *mbufs[BENCH_MAX_BURST];
	struct bench_watch watch;
	uint64_t got = 0;

	bench_watch_start(&watch, p->a, &p->result);
	for (;;) {
		bool last_look = bench_watch_makers(&watch, got, p->meet, p->a->makers);
		unsigned n = side_get_mbufs(&p->in, BENCH_SPSC, mbufs, p->a->burst);

		if (n == 0) {
			if (last_look)
				break;
			bench_idle(&p->idle);
			continue;
		}
		bench_busy(&p->idle);
		check_and_free(p, mbufs, n, got);
		got += n;
	}
	p->result.total = got;
}

static const struct {
	const char *name;
	void (*run)(struct pipe *p);
	bool in, out;
} ROLES[] = {
	{ "ends", ends, true, true },
	{ "middle", middle, true, true },
	{ "source", source, false, true },
	{ "sink", sink, true, false },
};

int main(int argc, char **argv)
{
	static struct pipe p;
	struct bench_args a;
	unsigned role = 0;

	bench_args_parse(&a, argc, argv);
	while (role < 4 && strcmp(a.role, ROLES[role].name) != 0)
		role++;
	if (role == 4)
		bench_fail("--role=%s: give ends, middle, source or sink", a.role);
	p.a = &a;
	p.idle.yield = a.yield != 0;
	p.touched = strcmp(a.role, "sink") != 0 || a.makers > 1;
	p.meet = bench_meet_open(&a);
	side_attach(&a);
	bench_pin(&a);
	p.pool = side_pool_open();
	if (ROLES[role].in)
		side_ring_open(&p.in, a.in, BENCH_SPSC, false, true);
	if (ROLES[role].out)
		side_ring_open(&p.out, a.out, BENCH_SPSC, true, false);
	bench_meet_wait(p.meet, &a);
	ROLES[role].run(&p);
	side_detach();
	return bench_print(&p.result);
}
