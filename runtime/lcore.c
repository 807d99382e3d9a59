/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/lcore.h"

#include <errno.h>
#include <numa.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

void cleat_cpuset_add(struct cleat_cpuset *set, unsigned cpu)
{
	if (cpu < CLEAT_MAX_LCORES)
		set->bits[cpu / 64] |= 1ULL << (cpu % 64);
}

int cleat_cpuset_has(const struct cleat_cpuset *set, unsigned cpu)
{
	return cpu < CLEAT_MAX_LCORES && (set->bits[cpu / 64] >> (cpu % 64) & 1) != 0;
}

unsigned cleat_cpuset_count(const struct cleat_cpuset *set)
{
	unsigned count = 0;

	for (unsigned i = 0; i < CLEAT_MAX_LCORES / 64; i++)
		count += (unsigned)__builtin_popcountll(set->bits[i]);
	return count;
}

int cleat_cpuset_next(const struct cleat_cpuset *set, unsigned from)
{
	for (unsigned cpu = from; cpu < CLEAT_MAX_LCORES; cpu++)
		if (cleat_cpuset_has(set, cpu))
			return (int)cpu;
	return -1;
}

static int parse_cpu(const char *text, char **end, unsigned *out)
{
	unsigned long value;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	value = strtoul(text, end, 10);
	if (value >= CLEAT_MAX_LCORES)
		return -EINVAL;
	*out = (unsigned)value;
	return 0;
}

int cleat_cpuset_parse(const char *text, struct cleat_cpuset *out)
{
	const char *p = text;
	char *end;

	memset(out, 0, sizeof(*out));
	for (;;) {
		unsigned first, last;

		if (parse_cpu(p, &end, &first) < 0)
			break;
		last = first;
		if (*end == '-' && parse_cpu(end + 1, &end, &last) < 0)
			break;
		if (last < first)
			break;
		for (unsigned cpu = first; cpu <= last; cpu++)
			cleat_cpuset_add(out, cpu);
		if (*end == '\0')
			return 0;
		if (*end != ',')
			break;
		p = end + 1;
	}
	return cleat_err(-EINVAL,
		"processor list '%s' is wrong at '%s'; it looks like 0-3,8 with numbers below %d",
		text, p, CLEAT_MAX_LCORES);
}

const char *cleat_cpuset_format(const struct cleat_cpuset *set, char *text, unsigned len)
{
	unsigned used = 0;
	int cpu = cleat_cpuset_next(set, 0);

	text[0] = '\0';
	while (cpu >= 0) {
		int last = cpu;
		int ret;

		while (cleat_cpuset_has(set, (unsigned)last + 1))
			last++;
		if (last > cpu)
			ret = snprintf(
				text + used, len - used, "%s%d-%d", used > 0 ? "," : "", cpu, last);
		else
			ret = snprintf(text + used, len - used, "%s%d", used > 0 ? "," : "", cpu);
		if (ret < 0 || (unsigned)ret >= len - used)
			break;
		used += (unsigned)ret;
		cpu = cleat_cpuset_next(set, (unsigned)last + 1);
	}
	return text;
}

int cleat_lcore_available(struct cleat_cpuset *out)
{
	cpu_set_t set;

	memset(out, 0, sizeof(*out));
	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return cleat_err(-errno, "cannot read the processors this process may run on: %s",
			strerror(errno));
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			cleat_cpuset_add(out, cpu);
	return 0;
}

int cleat_lcore_node(unsigned cpu)
{
	if (cpu >= CLEAT_MAX_LCORES || numa_available() < 0)
		return -1;
	return numa_node_of_cpu((int)cpu);
}

int cleat_lcore_pin(unsigned cpu)
{
	struct cleat_cpuset may;
	cpu_set_t set;
	char text[128];
	int ret = 0;

	CPU_ZERO(&set);
	if (cpu < CLEAT_MAX_LCORES) {
		CPU_SET(cpu, &set);
		ret = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	}
	if (cpu < CLEAT_MAX_LCORES && ret == 0)
		return 0;
	(void)cleat_lcore_available(&may);
	return cleat_err(-EINVAL, "this process may not run on processor %u; it may on %s", cpu,
		cleat_cpuset_format(&may, text, sizeof(text)));
}
