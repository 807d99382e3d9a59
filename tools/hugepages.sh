# SPDX-License-Identifier: BSD-3-Clause
#
# hugepages.sh - sourced: reserve 2 MiB hugepages if we may, and say so if we fall back.

# reserve_hugepages MIB: set HUGE=yes if so many are free now, else HUGE=no with a line saying why.
reserve_hugepages()
{
	local want=$(($1 / 2)) dir=/sys/kernel/mm/hugepages/hugepages-2048kB free total
	HUGE=no
	if [ ! -d "$dir" ]; then
		echo "hugepages: this kernel has none of 2 MiB; using ordinary pages"
		return
	fi
	read -r free <"$dir/free_hugepages"
	if [ "$free" -lt "$want" ]; then
		read -r total <"$dir/nr_hugepages"
		if ! { echo $((total + want - free)) >"$dir/nr_hugepages"; } 2>/dev/null; then
			echo "hugepages: $free of 2 MiB free, $want wanted, and this user may not reserve any;" \
				"using ordinary pages"
			return
		fi
		read -r free <"$dir/free_hugepages"
	fi
	if [ "$free" -lt "$want" ]; then
		echo "hugepages: only $free of $want could be had; using ordinary pages"
		return
	fi
	HUGE=yes
	echo "hugepages: $free of 2 MiB free"
}
