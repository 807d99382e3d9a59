#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
#
# deps.sh - what Cleat needs from Debian: say what is missing, install it if that may be done.
#
#   tools/deps.sh            to build, test and run the demo
#   tools/deps.sh format     clang-format as well
#   tools/deps.sh count      valgrind as well, to count instructions
#   tools/deps.sh bench      DPDK as well, to compare with
#
# Needs no root when nothing is missing. Exit 1: something is missing and could not be installed.
set -euo pipefail

need=(
	build-essential pkg-config scons python3
	libnuma-dev liburcu-dev libprotobuf-c-dev protobuf-c-compiler
	libev-dev libpcap-dev libjson-c-dev libsystemd-dev libudev-dev check
	iproute2 tcpdump tshark
)
for extra in "$@"; do
	case $extra in
	format) need+=(clang-format) ;;
	count) need+=(valgrind) ;;
	bench) need+=(libdpdk-dev dpdk-dev) ;;
	*) echo "deps.sh: unknown argument $extra (give: format, count, bench)" >&2; exit 2 ;;
	esac
done

missing=()
for package in "${need[@]}"; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "missing Debian packages: ${missing[*]}"
if [ "$(id -u)" != 0 ]; then
	echo "install them:  sudo apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "installing them"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } \
	>"$log" 2>&1; then
	tail -20 "$log" >&2
	echo "deps.sh: apt-get failed" >&2
	exit 1
fi
