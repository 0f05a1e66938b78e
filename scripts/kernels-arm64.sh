# SPDX-License-Identifier: GPL-2.0
# Linux 6.12 for arm64: its kernel, a build root with a cross compiler (which
# cannot be installed beside one for 32-bit x86), and those programs of Debian's
# arm64 that the selftests run, as the guest's files cannot be this machine's.
# Sourced by kernels.
# shellcheck shell=bash disable=SC2154

# What make needs to be told; used by kernels.
# shellcheck disable=SC2034
arm64_make_args="ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-"

arm64_complete() {
	local dir=$cache/kernels/arm64
	root_complete arm64 && [ -x "$dir/sysroot/usr/bin/ipcs" ] &&
		[ -e "$dir/sysroot/usr/lib/locale/C.utf8" ]
}

# Headers are for arm64, but the programs that come with them run here.
arm64_download() {
	local conf=$1 release=$2 version=$3
	local base=${release%-arm64}
	apt-get -c "$conf" -qy --download-only install \
		"linux-kbuild-$base=$version" gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
		make dash coreutils sed grep mawk findutils || return
	apt-get -c "$conf" -qy --download-only install busybox-static:arm64 bash:arm64 libc-bin:arm64 \
		dash:arm64 coreutils:arm64 sed:arm64 grep:arm64 mawk:arm64 findutils:arm64 \
		util-linux:arm64 bsdutils:arm64 procps:arm64 perl-base:arm64 || return
	apt-get -c "$conf" -q download "linux-headers-$base-common=$version" \
		"linux-headers-$release:arm64=$version" "linux-image-$release:arm64=$version"
}

arm64_unpack() {
	local debs=$1 dir=$2 release=$3 root=$2/root system=$2/sysroot deb name applet
	prepare_root "$root" && prepare_root "$system" || return
	for deb in "$debs"/*.deb; do
		case ${deb##*/} in
		linux-image-*) name=$dir/tree ;;
		linux-headers-*) name=$root ;;
		*_arm64.deb) name=$system ;;
		*) name=$root ;;
		esac
		unpack_deb "$deb" "$name" || return
	done
	for name in "$root" "$system"; do
		[ -e "$name/usr/bin/sh" ] || ln -s dash "$name/usr/bin/sh" || return
	done
	ln -s "root/usr/src/linux-headers-$release" "$dir/build"
	take_image "$dir" "$release" "boot/vmlinuz-$release" || return
	rm -rf "$dir/tree"
	mkdir -p "$system/etc" "$system/root" "$system/sys" "$system/run" "$system/lib/modules" || return
	echo root:x:0:0:root:/root:/bin/bash >"$system/etc/passwd"
	echo root:x:0: >"$system/etc/group"
	# The same version has the same applets.
	for applet in $(busybox --list); do
		[ -e "$system/bin/$applet" ] || ln -s busybox "$system/bin/$applet" || return
	done
}

arm64_kernel() {
	local suite apt conf release version
	need_debian "Linux for arm64"
	suite=$(codename)
	apt=$(suite_apt "$suite" arm64) || unavailable "no mirror of this Debian in /etc/apt"
	conf=$apt/apt.conf
	step "reading the package lists of arm64" \
		apt-get -c "$conf" -q -o APT::Update::Error-Mode=any update ||
		unavailable "cannot read arm64's package lists from the mirror"
	release=$(LC_ALL=C apt-cache -c "$conf" depends linux-image-6.12-arm64:arm64 2>/dev/null |
		sed -n 's/^ *Depends: linux-image-\([^:]*\).*/\1/p' | head -n 1)
	[ -n "$release" ] || unavailable "no linux-image-6.12-arm64 on the mirror"
	version=$(suite_version "$conf" "linux-image-$release:arm64")
	(cd "$apt/archives" && step "downloading Linux $release and a build root (some 200 MB)" \
		arm64_download "$conf" "$release" "$version") ||
		unavailable "cannot download Linux $release and its cross compiler"
	new_kernel
	step "unpacking Linux $release" arm64_unpack "$apt/archives" "$new" "$release" || exit 1
	keep_kernel "$name" "$release" "$version"
	rm -f "$apt/archives/"*.deb
}
