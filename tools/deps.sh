#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# deps.sh - make sure that Debian's packages which Cleat needs are there.
#
#   tools/deps.sh [build|ci]...     default: build. "ci" adds what only the checks of .ci/run need.
#
# Lists what is missing first. Needs root only if something is missing.
set -euo pipefail

build=(gcc g++ libc6-dev make pkg-config scons python3 protobuf-c-compiler libprotobuf-c-dev
	libnuma-dev liburcu-dev libev-dev libpcap-dev libjson-c-dev libsystemd-dev check
	libsubunit-dev iproute2 tcpdump tshark procps util-linux)
ci=(clang-format clang-tidy git)

wanted=()
for group in "${@:-build}"; do
	case $group in
	build) wanted+=("${build[@]}") ;;
	ci) wanted+=("${ci[@]}") ;;
	*)
		echo "deps.sh: no group of packages is called '$group'; use build or ci" >&2
		exit 2
		;;
	esac
done

missing=()
for package in "${wanted[@]}"; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

echo "These Debian packages are missing: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "Install them as root: apt-get install ${missing[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi
echo "Installing them ..."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
if ! { "${as_root[@]}" apt-get update && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
	apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "The installation failed; the lines above say why." >&2
	exit 1
fi
