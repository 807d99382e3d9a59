/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * igbvf_stats_ctrl.c - statistics: registers of 32 bits that go round, and that neither reading nor
 * a reset of the virtual function clears.
 *
 * So what somebody counted before us is still there, and only differences are ours. When the
 * physical function is reset they may begin again at 0, or not. Then a value that is less than it
 * was has begun again: that one of bytes went round in the second before the reset is much less
 * likely, and would be worth no more than that second.
 */
#include "pmd/igbvf/igbvf.h"

int cleat_igbvf_stats_read(const struct cleat_igbvf *vf, struct cleat_igbvf_stats *now)
{
	static const uint16_t REGS[CLEAT_IGBVF_STATS] = { CLEAT_IGBVF_GPRC, CLEAT_IGBVF_GPTC,
		CLEAT_IGBVF_GORC, CLEAT_IGBVF_GOTC, CLEAT_IGBVF_MPRC };

	for (unsigned i = 0; i < CLEAT_IGBVF_STATS; i++)
		now->value[i] = cleat_intel_read(&vf->nic.mac, REGS[i]);
	/* asked last: then it was there all the time */
	return cleat_intel_read(&vf->nic.mac, CLEAT_INTEL_STATUS) != CLEAT_MMIO_GONE;
}

void cleat_igbvf_stats_begin(struct cleat_igbvf *vf)
{
	(void)cleat_igbvf_stats_read(vf, &vf->seen);
}

void cleat_igbvf_stats_add(struct cleat_igbvf *vf, const struct cleat_igbvf_stats *now)
{
	for (unsigned i = 0; i < CLEAT_IGBVF_STATS; i++) {
		uint64_t *sum = &vf->nic.port.hw_stats[i];

		cleat_store_relaxed(sum, *sum + (uint32_t)(now->value[i] - vf->seen.value[i]));
	}
	vf->seen = *now;
}

void cleat_igbvf_stats_go_on(struct cleat_igbvf *vf)
{
	struct cleat_igbvf_stats now;

	if (!cleat_igbvf_stats_read(vf, &now))
		return;
	for (unsigned i = 0; i < CLEAT_IGBVF_STATS; i++)
		if (now.value[i] < vf->seen.value[i])
			vf->seen.value[i] = 0;
	cleat_igbvf_stats_add(vf, &now);
}
