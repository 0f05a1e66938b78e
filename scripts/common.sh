# SPDX-License-Identifier: GPL-2.0
# Shared by the scripts here: messages, the cache, steps that take long.
# shellcheck shell=bash

prog=${0##*/}
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/xshm
# Used by the scripts that source this file.
# shellcheck disable=SC2034
default_kernels="6.1 6.12"

say() { printf '%s: %s\n' "$prog" "$*" >&2; }
die() { say "$*"; exit 1; }

# step TITLE COMMAND...: run something long with its output in a log; show a
# sign of life every few seconds, and the end of the log when it fails.
step() {
	local title=$1 log pid start=$SECONDS status=0 tick=0
	shift
	log=$(mktemp "${TMPDIR:-/tmp}/xshm-step.XXXXXX") || exit 1
	printf '%s: %s ' "$prog" "$title" >&2
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.2
		tick=$((tick + 1))
		[ $((tick % 15)) -ne 0 ] || printf '.' >&2
	done
	wait "$pid" || status=$?
	if [ "$status" -eq 0 ]; then
		printf ' done (%d s)\n' $((SECONDS - start)) >&2
	else
		printf ' failed\n' >&2
		tail -n "${step_tail:-12}" "$log" >&2
	fi
	rm -f "$log"
	return "$status"
}

# Two scripts at once must not fill the same part of the cache.
lock_cache() {
	mkdir -p "$cache" || die "cannot create the cache $cache: set XDG_CACHE_HOME"
	exec 9>"$cache/lock"
	flock -n 9 || { say "waiting for another set-up to finish"; flock 9; }
}
unlock_cache() { exec 9>&-; }

# guest ARGUMENT...: scripts/guest, once more where it was the emulator that failed.
guest() {
	local status=0
	"$top/scripts/guest" "$@" || status=$?
	if [ "$status" -eq 210 ]; then
		status=0
		"$top/scripts/guest" "$@" || status=$?
	fi
	return "$status"
}

# Counts of what was checked; count adds one log with the status it ended with.
# A last line "N passed, N failed" in it is that many checks, else it is one.
passed=0 failed=0 skipped=0
count() {
	local log=$1 status=$2 p=0 f=0 s=0
	totals=$(grep -E '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "$log" | tail -n 1)
	if [ -n "$totals" ]; then
		read -r p _ f _ s _ <<<"$totals"
		[ "$status" -eq 0 ] || [ "$f" -gt 0 ] || f=1
	elif [ "$status" -eq 0 ]; then
		p=1
	else
		f=1
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + ${s:-0}))
	[ "$f" -eq 0 ]
}

# check NAME COMMAND...: one check. Its output goes to a log; what is printed is
# a line, and the end of the log when it failed.
check() {
	local name=$1 log pid start=$SECONDS status=0 tick=0
	shift
	mkdir -p "$top/build/logs" || exit 1
	log=$top/build/logs/${name//[ \/]/-}.log
	printf '%-36s ' "$name"
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.1
		tick=$((tick + 1))
		[ $((tick % 40)) -ne 0 ] || printf '.'
	done
	wait "$pid" || status=$?
	if count "$log" "$status"; then
		printf ' ok (%d s)\n' $((SECONDS - start))
		return 0
	fi
	printf ' NOT OK (%d s)\n' $((SECONDS - start))
	tail -n 20 "$log" | sed 's/^/    /'
	printf '    all of it: build/logs/%s\n' "${log##*/}"
	return 1
}

# What a suite's log tells of its failures, which may be many screens above its
# last line: the verdicts, what the guest said, and the indented lines of either.
failures=''
keep_failures() {
	local lines
	lines=$(awk '/^ *not ok|NOT OK/ || /^    / ||
		(/^guest: / && !/^guest: Linux /) { if (!seen[$0]++) print }' "$2" |
		tail -n 40)
	failures+="-- $1"$'\n'"${lines:-$(tail -n 12 "$2")}"$'\n'
}

# suite NAME COMMAND...: many checks, whose output is shown as it comes.
suite() {
	local name=$1 log start=$SECONDS verdict=ok
	shift
	mkdir -p "$top/build/logs" || exit 1
	log=$top/build/logs/${name//[ \/]/-}.log
	printf '== %s\n' "$name"
	"$@" 2>&1 </dev/null | tee "$log"
	count "$log" "${PIPESTATUS[0]}" || {
		verdict="NOT OK"
		keep_failures "$name" "$log"
	}
	printf '== %s: %s%s (%d s)\n' "$name" "$verdict" "${totals:+, $totals}" \
		$((SECONDS - start))
	[ "$verdict" = ok ]
}

# aside NAME COMMAND...: run something while other things go on, in a group of its
# own, so that what it started ends with this script. What it printed is in
# build/logs/aside-NAME.log; its status and the seconds it took, in aside-NAME.end.
declare -A asides=()
aside() {
	local name=$1 to=$top/build/logs/aside-$1 start=$SECONDS
	shift
	mkdir -p "${to%/*}" || exit 1
	echo 207 0 >"$to.end"
	if [ ${#asides[@]} -eq 0 ]; then
		trap end_asides EXIT
		trap 'exit 130' INT
		trap 'exit 143' TERM HUP
	fi
	set -m
	{ ("$@"); echo "$? $((SECONDS - start))" >"$to.end"; } >"$to.log" 2>&1 </dev/null &
	asides[$name]=$!
	set +m
}
# shellcheck disable=SC2317 # called by the trap
end_asides() {
	local pid
	for pid in "${asides[@]}"; do
		kill -TERM -- "-$pid" 2>/dev/null
	done
}

# The asides that run beside each other. reap: say which of them have ended, by
# said_end NAME STATUS SECONDS where a script has its own; the others are in running.
running=()
said_end() {
	printf '\n%-16s %s (%d s)' "$1" "$([ "$2" -eq 0 ] && echo ok || echo "NOT OK")" "$3"
}
reap() {
	local still=() name status seconds
	for name in ${running[@]+"${running[@]}"}; do
		if kill -0 "${asides[$name]}" 2>/dev/null; then
			still+=("$name")
			continue
		fi
		read -r status seconds <"$top/build/logs/aside-$name.end"
		said_end "$name" "$status" "$seconds"
	done
	running=(${still[@]+"${still[@]}"})
}

# until_below N: wait until fewer run.
until_below() {
	local tick=0
	reap
	while [ ${#running[@]} -ge "$1" ]; do
		sleep 0.5
		tick=$((tick + 1))
		[ $((tick % 8)) -ne 0 ] || printf '.'
		reap
	done
}

# show_aside NAME: what it prints, until it ends; its status.
show_aside() {
	local status
	tail -n +1 -f --pid="${asides[$1]}" "$top/build/logs/aside-$1.log"
	read -r status _ <"$top/build/logs/aside-$1.end"
	return "$status"
}

# The last line of a suite, after what failed, and its exit status.
summary() {
	[ -z "$failures" ] || printf '== failures\n%s' "$failures"
	printf '%d passed, %d failed' "$passed" "$failed"
	[ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
	echo
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}
