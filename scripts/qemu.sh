# SPDX-License-Identifier: GPL-2.0
# A newer QEMU than the machine's own, where its Debian has one in backports. Before
# 8.1 TCG may run the old code of a kernel that changed it (ftrace, kprobes, static
# keys) on another processor just then. Nothing is installed. Sourced by setup, after
# kernels-roots.sh; and, for the clock of guests, by what boots them.
# shellcheck shell=bash disable=SC2154

# The oldest that will do, as MAJOR.MINOR.
qemu_wanted=8.1

qemu_is_new() {
	local version
	version=$("$1" --version 2>/dev/null | sed -n '1s/.*version \([0-9.]*\).*/\1/p')
	[ -n "$version" ] && [ "$(printf '%s\n' "$qemu_wanted" "$version" | sort -V | head -n 1)" = "$qemu_wanted" ]
}

qemu_download() {
	local conf=$1/apt.conf
	apt-get -c "$conf" -q -o APT::Update::Error-Mode=any update || return
	rm -f "$1/archives/"*.deb
	cd "$1/archives" && apt-get -c "$conf" -q download \
		qemu-system-x86 qemu-system-arm qemu-system-common qemu-system-data
}

qemu_unpack() {
	local debs=$1 dir=$2 deb
	for deb in "$debs"/*.deb; do
		unpack_deb "$deb" "$dir" || return
	done
	# It uses the libraries of this machine's own QEMU.
	qemu_is_new "$dir/usr/bin/qemu-system-x86_64" && chmod 755 "$dir"
}

# Done at most once a day: tests go on with what is there.
newer_qemu() {
	local dir=$cache/qemu tried=$cache/qemu-tried apt new suite
	if qemu_is_new "$dir/usr/bin/qemu-system-x86_64" || qemu_is_new qemu-system-x86_64 ||
		[ -n "$(find "$tried" -mtime -1 2>/dev/null)" ]; then
		return 0
	fi
	suite=$(codename)-backports
	lock_cache
	: >"$tried"
	new=$(mktemp -d "$cache/qemu.XXXXXX") || exit 1
	if apt=$(suite_apt "$suite") &&
		step "downloading QEMU of Debian $suite (some 25 MB)" qemu_download "$apt" &&
		step "unpacking it" qemu_unpack "$apt/archives" "$new"; then
		rm -rf "$dir"
		mv "$new" "$dir"
	else
		say "going on with this machine's QEMU, which misses some changes of code: see Documentation/testing.rst"
		rm -rf "$new"
	fi
	unlock_cache
}

# TCG's time stamp counter is this machine's own. On a busy machine a guest that
# measures it against a timer may be wrong by far, and with it all its clocks. Prints
# a parameter for the kernel, with a blank before it.
tsc_frequency() {
	local key khz prog
	key=$(cat /proc/sys/kernel/random/boot_id)
	khz=$(sed -n "s/^$key //p" "$cache/tsc" 2>/dev/null)
	if [ -z "$khz" ]; then
		prog=$(mktemp "${TMPDIR:-/tmp}/xshm-tsc.XXXXXX") || return 0
		cc -O -x c -o "$prog" "$top/scripts/tsc.c" 2>/dev/null && khz=$("$prog")
		rm -f "$prog"
		[ -n "$khz" ] || return 0
		mkdir -p "$cache" && echo "$key $khz" >"$cache/tsc"
	fi
	echo " tsc_early_khz=$khz"
}
