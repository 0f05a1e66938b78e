# SPDX-License-Identifier: GPL-2.0
# Shared by the programs here. Each is a row of check-programs, runs as root in
# the guest, and fails at the first thing that is not as it must be.
# shellcheck shell=bash

set -u
dir=$(mktemp -d "/dev/shm/${0##*/}.XXXXXX") || exit 1
started=()
at_end=()
end_all() {
	local command pid
	for command in ${at_end[@]+"${at_end[@]}"}; do eval "$command"; done
	for pid in ${started[@]+"${started[@]}"}; do kill -9 "$pid" 2>/dev/null; done
	rm -rf "$dir"
}
trap end_all EXIT

# How programs are started: those that know System V only, those that make
# system calls themselves, and those that know xshm. Where the calls are served
# all are started as ever. Broken, they do not share memory on xshm, which must
# not stay unseen.
served=${XSHM_SERVED-}
# shellcheck disable=SC2034 # used by the programs
{
	on_xshm=(env) traced=(env) native=(env)
	if [ -n "${XSHM_BROKEN-}" ]; then
		native=(unshare --ipc)
	elif [ -z "$served" ]; then
		on_xshm=(xshm run --) traced=(xshm run --trace --)
	fi
}

die() { printf '%s\n' "FAILED: $*" >&2; exit 1; }
skip() { printf 'detail: %s\n' "$*"; exit 4; }
# What the last column of the row says.
detail() { printf 'detail: %s\n' "$*"; }

# must WHAT COMMAND...: else the row has failed.
must() {
	local what=$1
	shift
	"$@" || die "$what ($*)"
}

# same WHAT EXPECTED SEEN
same() {
	[ "$2" = "$3" ] || die "$1: expected '$2', but it is '$3'"
}

# until_true SECONDS WHAT COMMAND...: waits for something that has to come.
until_true() {
	local end=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || die "never happened: $what"
		sleep 0.1
	done
}

# Of /proc/xshm. field ID NUMBER: nothing if there is no such segment.
field() { awk -v id="$1" -v n="$2" 'NR > 1 && $2 == id { print $n }' /proc/xshm; }
nattch() { field "$1" 7; }
attached() { [ "$(nattch "$1")" = "$2" ]; }
exists() { [ -n "$(nattch "$1")" ]; }
segments() { tail -n +2 /proc/xshm | wc -l; }
id_of_key() { awk -v key="$(($1))" 'NR > 1 && $1 == key { print $2 }' /proc/xshm; }

# made_by NAME: how many segments of xshm a program has made since the row began,
# in any IPC namespace. The kernel knows it by the first 15 characters of NAME.
made_by() {
	awk -v name="${1::15}" '{ sub(/-[0-9]+$/, "", $1) } $1 == name { n++ } END { print n + 0 }' \
		/sys/kernel/tracing/instances/xshm/trace
}
