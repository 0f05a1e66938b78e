# SPDX-License-Identifier: GPL-2.0
# busybox's ipcs and ipcrm, static, which Debian's packages of it leave out: built
# once from Debian's source, in the cache. Sourced by setup.
# shellcheck shell=bash disable=SC2154 # cache: from common.sh

# With the new folder as the current one. The machine's own lists have no sources.
download_busybox() {
	local uri suite
	mkdir -p lists/partial || return
	suite_sources "$(codename)" >uris || return
	while read -r uri suite; do
		echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $suite main"
	done <uris >sources.list
	set -- -q -o "Dir::Etc::SourceList=$PWD/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o "Dir::State::lists=$PWD/lists" -o Acquire::Languages=none \
		-o Acquire::http::Timeout=20 -o APT::Sandbox::User=root
	apt-get "$@" update && apt-get "$@" --download-only source busybox
}

build_busybox() {
	tar -xf busybox_*.orig.tar.* && cd busybox-*/ && make allnoconfig || return
	sed -i -E 's/^# CONFIG_(STATIC|BUSYBOX|SHOW_USAGE|LFS|IPCS|IPCRM) is not set/CONFIG_\1=y/' .config
	# An answer to each option that these bring along: as it is by default.
	yes '' | make oldconfig && make "-j$(nproc)" busybox && ./busybox ipcs -m
}

# Without a mirror that has sources there is none, and a check that is skipped.
fetch_busybox() {
	local new
	[ ! -x "$cache/busybox/busybox" ] || return 0
	new=$(mktemp -d "$cache/busybox.XXXXXX") || exit 1
	# shellcheck disable=SC2064 # the folder of now
	trap "rm -rf '$new'" EXIT
	if (cd "$new" && step "downloading the source of busybox" download_busybox); then
		(cd "$new" && step "building busybox's ipcs" build_busybox) || exit 1
		rm -rf "$cache/busybox"
		mkdir "$cache/busybox" && cp "$new"/busybox-*/busybox "$cache/busybox/" || exit 1
	else
		say "busybox cannot be had: is the mirror one with sources?"
	fi
	rm -rf "$new"
	trap - EXIT
}
