# SPDX-License-Identifier: GPL-2.0
# Kernels of other Debian suites. Each comes with a build root: a folder with
# that suite's headers, compiler and make, in which modules for it are built
# (chroot). Nothing of it is installed here. Sourced by kernels, and by setup.
# shellcheck shell=bash disable=SC2154

# Used by kernels.
# shellcheck disable=SC2034
root_kernels="7.2 7.3"

# What it is called is the version that the suite had when this was written.
root_suite() {
	case $1 in
	7.2) echo sid ;;
	7.3) echo trixie-backports ;;
	*) return 1 ;;
	esac
}

# What a kernel, and not only a module, is built with there, where one is.
root_tools() {
	case $1 in
	7.3) echo flex bison bc libelf-dev gzip diffutils perl-base ;;
	esac
}

root_complete() {
	local dir=$cache/kernels/$1
	[ -s "$dir/release" ] && [ -s "$dir/vmlinuz" ] && [ -d "$dir/modules" ] &&
		[ -x "$dir/root/usr/bin/make" ] && [ -e "$dir/build/Makefile" ] &&
		{ [ -z "$(root_tools "$1")" ] || [ -x "$dir/root/usr/bin/flex" ]; }
}

codename() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# mirror RELEASE: where this machine has one of its own releases from. The mirror
# of its main release has other suites, too.
mirror() {
	# shellcheck disable=SC2016 # for apt-get
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(SITE)' 'Created-By: Packages' |
		awk -v release="$1" '$1 == release && $2 == "main" { print $3; exit }'
}

# The sources of a suite, one "URI SUITE" a line.
suite_sources() {
	local suite=$1 uri
	uri=$(mirror "$(codename)")
	[ -n "$uri" ] || return 1
	echo "$uri $suite"
	case $suite in
	# Backports are an addition to their suite.
	*-backports) echo "$uri ${suite%-backports}" ;;
	"$(codename)")
		uri=$(mirror "$suite-security")
		[ -z "$uri" ] || echo "$uri $suite-security" ;;
	esac
}

# suite_apt SUITE [ARCHITECTURE]: a folder with an apt.conf, with which apt sees
# that suite and no installed package, and leaves the machine's own lists alone.
# Signatures are checked with the keys that this machine has: Debian adds those of
# new suites to debian-archive-keyring long before they are used.
suite_apt() {
	local suite=$1 other=${2-} dir=$cache/apt/$1 signed='' uri name
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	local architectures='"amd64";'
	[ -z "$other" ] || architectures+=" \"$other\";"
	[ ! -s "$keyring" ] || signed="[signed-by=$keyring] "
	mkdir -p "$dir/lists/partial" "$dir/archives/partial" || return
	: >"$dir/status" || return
	suite_sources "$suite" >"$dir/uris" || return
	while read -r uri name; do
		echo "deb $signed$uri $name main"
	done <"$dir/uris" >"$dir/sources.list"
	cat >"$dir/apt.conf" <<-END
		Dir::State "$dir";
		Dir::State::lists "$dir/lists";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir";
		Dir::Cache::archives "$dir/archives";
		Dir::Etc::SourceList "$dir/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "/dev/null";
		Dir::Etc::PreferencesParts "/dev/null";
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
		#clear APT::Architectures;
		APT::Architectures { $architectures };
		APT::Default-Release "$suite";
		APT::Install-Recommends "false";
		APT::Sandbox::User "root";
		Acquire::Check-Valid-Until "false";
		Acquire::http::Timeout "20";
		Acquire::Languages "none";
	END
	echo "$dir"
}

# The kernel that a suite has now, as a release: its headers' meta-package
# depends on them.
suite_release() {
	LC_ALL=C apt-cache -c "$1" show --no-all-versions linux-headers-amd64 2>/dev/null |
		sed -n 's|^Depends:.* linux-headers-\([^ ,]*\).*|\1|p' | head -n 1
}

suite_version() {
	LC_ALL=C apt-cache -c "$1" policy "$2" 2>/dev/null | sed -n 's/^ *Candidate: //p'
}

# With archives as the current folder.
suite_download() {
	local conf=$1 release=$2
	shift 2
	apt-get -c "$conf" -qy --download-only install "linux-headers-$release" \
		gcc make dash coreutils sed grep mawk findutils "$@" || return
	apt-get -c "$conf" -q download "linux-binary-$release" "linux-modules-$release"
}

# unpack_deb PACKAGE DIRECTORY
unpack_deb() {
	mkdir -p "$2" || return
	dpkg-deb --fsys-tarfile "$1" |
		tar -x -C "$2" --keep-directory-symlink --no-same-owner \
			--exclude './usr/share/doc' --exclude './usr/share/man' \
			--exclude './usr/share/locale' --exclude './usr/share/info'
	[ "${PIPESTATUS[*]}" = "0 0" ] || { echo "cannot unpack ${1##*/}"; return 1; }
}

# No maintainer script runs; the links that some of them make are made here.
prepare_root() {
	local root=$1 name
	mkdir -p "$root/usr/bin" "$root/usr/sbin" "$root/usr/lib" "$root/usr/lib64" \
		"$root/dev" "$root/proc" "$root/tmp" || return
	for name in bin sbin lib lib64; do
		ln -s "usr/$name" "$root/$name" || return
	done
	ln -s mawk "$root/usr/bin/awk" || return
	: >"$root/dev/null"
}

unpack_root() {
	local debs=$1 dir=$2 release=$3 root=$2/root deb name
	prepare_root "$root" || return
	for deb in "$debs"/*.deb; do
		case ${deb##*/} in
		linux-binary-* | linux-modules-* | "linux-base-$release"_*) name=$dir/tree ;;
		*) name=$root ;;
		esac
		unpack_deb "$deb" "$name" || return
	done
	[ -e "$root/usr/bin/sh" ] || ln -s dash "$root/usr/bin/sh" || return
	[ -e "$root/usr/src/linux-headers-$release/Makefile" ] || return
	ln -s "root/usr/src/linux-headers-$release" "$dir/build"
	take_image "$dir" "$release" "lib/modules/$release/vmlinuz" || return
	rm -rf "$dir/tree"
}

# root_kernel NAME: what cannot be had ends with the status $cannot_be_had.
root_kernel() {
	local name=$1 suite apt conf release version tools
	suite=$(root_suite "$name")
	read -ra tools <<<"$(root_tools "$name")"
	need_debian "Linux $name"
	apt=$(suite_apt "$suite") ||
		unavailable "no mirror of this Debian's main archive in /etc/apt"
	conf=$apt/apt.conf
	step "reading the package lists of Debian $suite" \
		apt-get -c "$conf" -q -o APT::Update::Error-Mode=any update ||
		unavailable "cannot read Debian $suite's package lists from the mirror (no network, or a key that debian-archive-keyring does not have yet: apt-get install debian-archive-keyring)"
	release=$(suite_release "$conf")
	[ -n "$release" ] || unavailable "Debian $suite has no linux-headers-amd64"
	case $release in
	"$name".* | "$name"[-+]*) ;;
	*) say "Debian $suite has moved on: taking Linux $release as $name" ;;
	esac
	version=$(suite_version "$conf" "linux-headers-$release")
	! is_newest "$name" "$release" "$version" || return 0
	(cd "$apt/archives" && step "downloading Linux $release and a build root (some 200 MB)" \
		suite_download "$conf" "$release" "${tools[@]}") ||
		unavailable "cannot download Linux $release of Debian $suite"
	new_kernel
	step "unpacking Linux $release" unpack_root "$apt/archives" "$new" "$release" || exit 1
	keep_kernel "$name" "$release" "$version"
	rm -f "$apt/archives/"*.deb
}

# root_source NAME: the source of the kernel that NAME is in the cache.
root_source() {
	local from=$1 package apt
	package=$(source_package "$from")=$(cat "$cache/kernels/$from/version")
	apt=$(suite_apt "$(root_suite "$from")") ||
		unavailable "no mirror of this Debian's main archive in /etc/apt"
	(cd "$cache" && step "downloading the source of Linux $from (some 160 MB)" \
		root_source_download "$apt/apt.conf" "$package") ||
		unavailable "cannot download $package: try scripts/kernels --update $from"
}
root_source_download() {
	apt-get -c "$1" -q download "$2" && return
	apt-get -c "$1" -q -o APT::Update::Error-Mode=any update &&
		apt-get -c "$1" -q download "$2"
}
