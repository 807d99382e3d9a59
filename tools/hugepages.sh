#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# hugepages.sh N - see to it that N hugepages of 2 MiB are free, if this user may reserve them.
#
# Exit 0: they are free. Exit 1: they are not, and one line says why; ordinary pages do as well.
set -euo pipefail

want=${1:?how many pages}
dir=/sys/kernel/mm/hugepages/hugepages-2048kB
if [ ! -e "$dir/nr_hugepages" ]; then
	echo "This kernel has no hugepages of 2 MiB; using ordinary pages of 4 KiB."
	exit 1
fi
free=$(<"$dir/free_hugepages")
[ "$free" -ge "$want" ] && exit 0
if [ ! -w "$dir/nr_hugepages" ]; then
	echo "Only $free hugepages are free and only root may reserve more; using ordinary pages of 4 KiB."
	exit 1
fi
echo $(($(<"$dir/nr_hugepages") + want - free)) >"$dir/nr_hugepages"
free=$(<"$dir/free_hugepages")
if [ "$free" -lt "$want" ]; then
	echo "The kernel found only $free of $want hugepages; using ordinary pages of 4 KiB."
	exit 1
fi
echo "Reserved hugepages of 2 MiB: $free are free."
