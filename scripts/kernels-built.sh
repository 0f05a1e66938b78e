# SPDX-License-Identifier: GPL-2.0
# Kernels that are compiled here, from a linux-source of Debian's and fragments of
# a configuration. Sourced by kernels.
# shellcheck shell=bash disable=SC2154 # top, cache: from common.sh

built_kernels="debug debug-7.3 kcsan nosysvipc"

is_built() {
	case " $built_kernels " in *" $1 "*) return 0 ;; esac
	return 1
}

# built_from NAME: the kernel whose source it is, and in whose build root, if that
# has one, it is compiled.
built_from() {
	case $1 in
	*-7.3) echo 7.3 ;;
	*) echo 6.12 ;;
	esac
}

# fragments NAME: files that its configuration is made of.
fragments() {
	local from
	from=$(built_from "$1")
	printf '%s\n' "$top/scripts/guest.config"
	[ "$1" = "${1%"-$from"}" ] || printf '%s\n' "$top/scripts/${1%"-$from"}.config"
	printf '%s\n' "$top/scripts/$1.config"
}

# What a kernel was made from, in one line: when it changes, it is made anew.
built_key() {
	local deb files
	deb=$(source_deb "$(built_from "$1")")
	[ -n "$deb" ] || return 1
	mapfile -t files < <(fragments "$1")
	printf '%s %s\n' "${deb##*/}" "$(cat "${files[@]}" | sha256sum | cut -c 1-16)"
}

# Where its make runs: in the build root of the kernel that it is built from.
built_root() {
	local root
	root=$cache/kernels/$(built_from "$1")/root
	[ ! -d "$root" ] || readlink -f "$root"
}
built_make() {
	local root
	root=$(built_root "$1")
	nice -n 10 ${root:+"$top/scripts/in-root" "$root"} make "${@:2}"
}

built_complete() {
	local dir=$cache/kernels/$1
	[ -s "$dir/vmlinuz" ] && [ -e "$dir/build/Makefile" ] &&
		[ "$(cat "$dir/key" 2>/dev/null)" = "$(built_key "$1")" ]
}

# The code of other architectures, and what is only read or run by hand, is left out.
unpack_source() {
	local arch exclude=()
	for arch in alpha arc arm arm64 csky hexagon loongarch m68k microblaze mips nios2 \
		openrisc parisc powerpc riscv s390 sh sparc xtensa; do
		exclude+=(--exclude="*/arch/$arch/*."{c,h,S,dts,dtsi})
	done
	dpkg --fsys-tarfile "$1" |
		tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
		xz -dc -T0 |
		tar -x -C "$2" --strip-components=1 "${exclude[@]}" \
			--exclude='*/Documentation/*.'{rst,yaml,txt,svg} \
			--exclude='*/tools/testing/*' --exclude='*/drivers/gpu/drm/amd/include/*'
	[ -s "$2/Makefile" ] && [ -s "$2/arch/x86/Makefile" ]
}

# Prints where it is.
source_tree() {
	local deb=$1 name=${1##*/} dir tmp
	dir=$cache/kernels/${name%.deb}
	if [ ! -s "$dir/Makefile" ]; then
		tmp=$(mktemp -d "$cache/kernels/.source.XXXXXX") || exit 1
		step "unpacking ${name%%_*}" unpack_source "$deb" "$tmp" ||
			{ rm -rf "$tmp"; exit 1; }
		chmod 755 "$tmp"
		mv "$tmp" "$dir" || exit 1
	fi
	echo "$dir"
}

# Of several lines for one option, the last.
last_of_each() {
	awk '/^CONFIG_/ { split($0, part, "="); option = part[1] }
		/^# CONFIG_.* is not set$/ { option = $2 }
		option { line[option] = $0; option = "" }
		END { for (option in line) print line[option] }' "$@" | LC_ALL=C sort
}

# configure_kernel SOURCE OBJ NAME: allnoconfig and the fragments; fails when
# one of their options was not accepted.
configure_kernel() {
	local source=$1 obj=$2 name=$3 line wrong=0 files
	mapfile -t files < <(fragments "$name")
	last_of_each "${files[@]}" >"$obj/fragments" || return
	built_make "$name" -C "$source" O="$obj" KCONFIG_ALLCONFIG="$obj/fragments" allnoconfig ||
		return
	while read -r line; do
		case $line in
		'# CONFIG_'*' is not set')
			line=${line#\# }
			! grep -q "^${line%% *}=" "$obj/.config" || {
				echo "$name.config: ${line%% *} is set in the end"
				wrong=1
			} ;;
		CONFIG_*)
			grep -qxF "$line" "$obj/.config" || {
				echo "$name.config: the kernel did not accept $line"
				wrong=1
			} ;;
		esac
	done <"$obj/fragments"
	return "$wrong"
}

compile_kernel() {
	local source=$1 obj=$2 name=$3
	export KBUILD_BUILD_USER=xshm KBUILD_BUILD_HOST=xshm
	built_make "$name" -C "$source" O="$obj" "-j$(nproc)" bzImage modules
}

# What only the kernel's own build needs, once it is done.
prune_kernel() {
	find "$1" \( -path "$1/scripts" -o -path "$1/tools" \) -prune -o \
		-type f \( -name '*.o' -o -name '*.a' -o -name '*.cmd' -o -name 'vmlinux*' \
		-o -name '.tmp_vmlinux*' -o -name '.vmlinux*' \) -exec rm -f {} +
}

# build_kernel NAME: an interrupted build is taken up where it ended.
build_kernel() {
	local name=$1 dir=$cache/kernels/$1 from deb source key
	from=$(built_from "$name")
	if root_suite "$from" >/dev/null; then
		"$0" ${update:+--update} "$from" >/dev/null || exit
	else
		"$top/scripts/setup" kernel || exit 1
	fi
	mkdir -p "$cache/kernels" || die "cannot create the cache $cache: set XDG_CACHE_HOME"
	exec 8>"$cache/kernels/$name.lock"
	flock -n 8 || { say "waiting for another build of Linux $name to finish"; flock 8; }
	lock_cache
	if root_suite "$from" >/dev/null; then
		[ -n "$(source_deb "$from")" ] || root_source "$from"
	elif [ -n "$update" ] || [ -z "$(source_deb 6.12)" ]; then
		fetch_source
	fi
	deb=$(source_deb "$from")
	if built_complete "$name"; then
		exec 8>&-
		return
	fi
	source=$(source_tree "$deb") || exit 1
	unlock_cache
	key=$(built_key "$name")
	[ "$(cat "$dir/obj/key" 2>/dev/null)" = "$key" ] || rm -rf "$dir"
	mkdir -p "$dir/obj" "$dir/modules" || exit 1
	echo "$key" >"$dir/obj/key"
	# Not part of the make that may have called this.
	unset MAKEFLAGS MFLAGS MAKELEVEL
	step "configuring Linux $name" configure_kernel "$source" "$dir/obj" "$name" || exit 1
	step "building Linux $name (some minutes)" compile_kernel "$source" "$dir/obj" "$name" || exit 1
	cp "$dir/obj/arch/x86/boot/bzImage" "$dir/vmlinuz" &&
		cp "$dir/obj/include/config/kernel.release" "$dir/release" &&
		ln -sfn obj "$dir/build" && prune_kernel "$dir/obj" || exit 1
	echo "$key" >"$dir/key"
	exec 8>&-
}
