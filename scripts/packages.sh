# SPDX-License-Identifier: GPL-2.0
# Shared by setup and kernels: what Debian's apt and dpkg are asked for.
# shellcheck shell=bash disable=SC2154 # top, cache: from common.sh

apt_lock=(-o DPkg::Lock::Timeout=300)
apt_updated=

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]
}

need_debian() {
	local tool
	for tool in apt-get apt-cache dpkg; do
		command -v "$tool" >/dev/null ||
			die "no $tool: this needs Debian 12 (or install by hand: $*)"
	done
	[ "$(uname -m)" = x86_64 ] || die "only x86-64 machines are supported"
}

need_root() {
	[ "$(id -u)" -eq 0 ] || die "needs root to install $*: run sudo scripts/setup"
}

# Package lists may be missing (fresh container) or older than the mirror.
apt_update() {
	[ -z "$apt_updated" ] || return 1
	[ "$(id -u)" -eq 0 ] ||
		die "the package lists are missing or old: run sudo apt-get update"
	apt_updated=1
	step "apt-get update" apt-get "${apt_lock[@]}" -q \
		-o Acquire::http::Timeout=20 update ||
		die "apt-get update failed: is the network there, and the mirror in /etc/apt?"
}

candidate() {
	local version
	version=$(LC_ALL=C apt-cache policy "$1" 2>/dev/null |
		sed -n 's/^ *Candidate: //p')
	[ "$version" != "(none)" ] || version=
	printf '%s' "$version"
}

# apt_install WHAT PACKAGE[=VERSION]...
apt_install() {
	local what=$1 package
	shift
	need_debian "$@"
	need_root "$what"
	for package; do
		[ -n "$(candidate "${package%%=*}")" ] || { apt_update || :; break; }
	done
	for package; do
		[ -n "$(candidate "${package%%=*}")" ] ||
			die "package ${package%%=*} is not on the mirror: check /etc/apt/sources.list (Debian 12 with bookworm-security)"
	done
	apt_install_try "$what" "$@" && return
	# Most often the mirror moved on since the last update.
	if apt_update; then
		apt_install_try "$what" "$@" && return
	fi
	die "could not install $what: see above; try apt-get install $*"
}

apt_install_try() {
	local what=$1
	shift
	DEBIAN_FRONTEND=noninteractive step "installing $what (${*%%=*})" \
		apt-get "${apt_lock[@]}" -qy -o Acquire::http::Timeout=20 \
		--no-install-recommends install "$@"
}

# apt_fetch DIRECTORY WHAT PACKAGE[=VERSION]...: the files only, not installed.
apt_fetch() {
	local dir=$1 what=$2
	shift 2
	# As root apt would drop to a user who may not write here.
	(cd "$dir" && step "downloading $what" \
		apt-get -q -o Acquire::http::Timeout=20 \
		-o APT::Sandbox::User=root download "$@")
}

# source_deb KERNEL: its source in the cache, if it is there. Of 6.12 the newest, of
# one with a build root that of the very version.
source_deb() {
	local pattern='linux-source-6.12_*.deb' dir=$cache/kernels/$1
	if [ -d "$dir/root" ]; then
		pattern="$(source_package "$1")_$(cat "$dir/version")_all.deb"
	elif [ "$1" != 6.12 ]; then
		return
	fi
	find "$cache" -maxdepth 1 -name "$pattern" 2>/dev/null | sort -V | tail -n 1
}
source_package() { sed 's/^\([0-9]*\.[0-9]*\).*/linux-source-\1/' "$cache/kernels/$1/release"; }

# With the cache locked.
fetch_source() {
	need_debian linux-source-6.12
	[ -n "$(candidate linux-source-6.12)" ] || apt_update || :
	apt_fetch "$cache" "the source of Linux 6.12" linux-source-6.12 ||
		{ apt_update && apt_fetch "$cache" "the source of Linux 6.12" linux-source-6.12; } ||
		die "could not download linux-source-6.12: is it on the mirror?"
}

# no_services: until this script ends, packages that are installed start none.
no_services() {
	local policy=/usr/sbin/policy-rc.d
	# One that is there is the machine's own decision, unless an earlier run was killed.
	if [ "$(id -u)" -ne 0 ] || { [ -e "$policy" ] && ! grep -q 'by xshm' "$policy"; }; then
		return
	fi
	# shellcheck disable=SC2064 # the file of now
	trap "rm -f '$policy'" EXIT
	printf '#!/bin/sh\n# Put here by xshm, scripts/setup, while it installs packages.\nexit 101\n' \
		>"$policy"
	chmod 755 "$policy"
}
