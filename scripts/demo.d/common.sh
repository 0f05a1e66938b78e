# SPDX-License-Identifier: GPL-2.0
# What the parts of the demo print with. Sourced in the guest.
# shellcheck shell=bash

failed=0
bold='' plain=''
[ -z "${XSHM_COLOUR-}" ] || { bold=$'\e[1m' plain=$'\e[0m'; }
part() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
tell() { printf '%s\n' "$@" | sed 's/./  &/'; }
fail() { failed=$((failed + 1)); tell "FAILED: $*"; }
expect() { "$@" || fail "${*##*/}"; }

# /proc/xshm has the columns of /proc/sysvipc/shm; a few say it all.
table() {
	awk 'NR > 1 {
		n++
		status = int($3 / 1000) % 2 ? "marked for destruction" : ""
		printf "  %-12s %6d   %4s   %8d KiB   %8d   %s\n",
			$1 ? sprintf("0x%08x", $1) : "none", $2, substr($3, length($3) - 2),
			$4 / 1024, $7, status
	}
	BEGIN { printf "  %-12s %6s  %5s   %12s   %8s   %s\n",
		"key", "id", "perms", "size", "attached", "status" }
	END { if (!n) print "  (no segment)" }' "$1"
}

# The last lines of a demo.
verdict() {
	echo
	[ "$failed" -eq 0 ] || { tell "$failed of the above FAILED."; exit 1; }
	tell "All of it worked."
}
