# SPDX-License-Identifier: GPL-2.0
# Roots of this machine's Debian with packages installed in them, in the cache: to build
# packages in, to check them, and the one that a virtual machine is made from. Nothing of
# them is installed here. Sourced after packages.sh and kernels-roots.sh.
# shellcheck shell=bash disable=SC2154 # cache: from common.sh

# A root is made anew when its packages' names change, or with a month: it has the
# versions of when it was made.
root_key() {
	printf '%s %s %s\n' "$(codename)" "$(date +%Y-%m)" "$(printf '%s\n' "$@" | sha256sum | cut -c 1-16)"
}

# debian_mirrors: the lines of a sources.list.
debian_mirrors() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg uri name signed=''
	[ ! -s "$keyring" ] || signed="[signed-by=$keyring] "
	suite_sources "$(codename)" | while read -r uri name; do
		echo "deb $signed$uri $name main"
	done
}

# debian_root NAME VARIANT OPTION... -- PACKAGE...: its folder is then $debian_root.
debian_root() {
	local name=$1 variant=$2 options=() mirrors new key
	shift 2
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	debian_root=$cache/roots/$name
	key=$(root_key "$variant" "${options[@]}" "$@")
	[ "$(cat "$debian_root.key" 2>/dev/null)" != "$key" ] || return 0
	need_root "a root of Debian $(codename) in the cache"
	mapfile -t mirrors < <(debian_mirrors)
	[ ${#mirrors[@]} -gt 0 ] || die "no mirror of this Debian's main archive in /etc/apt"
	lock_cache
	if [ "$(cat "$debian_root.key" 2>/dev/null)" != "$key" ]; then
		mkdir -p "$cache/roots" || exit 1
		rm -rf "$debian_root" "$debian_root.key"
		new=$(mktemp -d "$cache/roots/.new.XXXXXX") || exit 1
		step "making a root of Debian $(codename): $name (some 100 MB to download)" \
			timeout -k 10 1200 mmdebstrap --mode=root --variant="$variant" \
			--include="$(IFS=,; echo "$*")" --aptopt='Acquire::http::Timeout "20"' \
			--aptopt='APT::Install-Recommends "false"' ${options[@]+"${options[@]}"} \
			"$(codename)" "$new" "${mirrors[@]}" ||
			{ rm -rf "$new"; die "could not make it: is the mirror in /etc/apt there?"; }
		chmod 755 "$new"
		mv "$new" "$debian_root" && echo "$key" >"$debian_root.key" || exit 1
	fi
	unlock_cache
}
