# SPDX-License-Identifier: GPL-2.0
# A machine of this Debian's, as an image in the cache, and its boots in QEMU. Sourced by
# check-install.
# shellcheck shell=bash disable=SC2154 # cache, top: from common.sh

# What a server has before anybody thinks of xshm. The kernel is that for virtual machines,
# as depmod, which reads all modules each time that one is installed, takes long in TCG.
machine_packages="systemd-sysv udev dbus libpam-systemd kmod procps openssl login passwd e2fsprogs
	initramfs-tools linux-image-cloud-amd64 linux-headers-cloud-amd64 dkms gcc libc6-dev make ccache postgresql-15 perl"
# A kernel update, to another version.
second_kernel="linux-image-6.12-cloud-amd64 linux-headers-6.12-cloud-amd64"

# Done in the root, as mmdebstrap's hooks, whose first argument it is.
# shellcheck disable=SC2016 # for mmdebstrap's shell
machine_early='
	mkdir -p "$1/etc/initramfs-tools/conf.d" "$1/usr/share/initramfs-tools/modules.d"
	echo MODULES=list >"$1/etc/initramfs-tools/conf.d/check"
	printf "%s\n" virtio_pci virtio_blk ext4 >"$1/usr/share/initramfs-tools/modules.d/check"'
# shellcheck disable=SC2016 # the same
machine_late='
	echo "/dev/vda / ext4 defaults 0 0" >"$1/etc/fstab"
	printf "%s = %s\n" cache_dir /var/cache/ccache compiler_check content sloppiness \
		include_file_mtime,include_file_ctime >"$1/etc/ccache.conf"
	mkdir -p "$1/check" "$1/etc/systemd/logind.conf.d" "$1/etc/apt/apt.conf.d"
	printf "%s\n" "[Login]" UserStopDelaySec=0 >"$1/etc/systemd/logind.conf.d/check.conf"
	cat >"$1/etc/systemd/system/check.service" <<-END
		[Unit]
		Description=Checks of how xshm is installed
		After=multi-user.target
		[Service]
		Type=oneshot
		TimeoutStartSec=infinity
		ExecStartPre=/bin/mount -r /dev/vdb /check
		ExecStart=/bin/bash /check/in-guest
		[Install]
		WantedBy=graphical.target
	END
	chroot "$1" systemctl enable check.service
	chroot "$1" systemctl set-default graphical.target
	chroot "$1" systemctl mask apt-daily.timer apt-daily-upgrade.timer e2scrub_reap.service
	chroot "$1" useradd -m -s /bin/bash alice
	printf "%s\n" "shared_memory_type = sysv" "dynamic_shared_memory_type = sysv" \
		"min_dynamic_shared_memory = 4MB" >"$1/etc/postgresql/15/main/conf.d/check.conf"
	echo "deb [trusted=yes] file:/check/repo ./" >"$1/etc/apt/sources.list"
	rm -rf "$1/etc/apt/sources.list.d"/*'

# The image is made once, and copied for each run.
machine_image() {
	local root
	# shellcheck disable=SC2086 # words
	debian_root machine apt --essential-hook="$machine_early" --customize-hook="$machine_late" \
		-- $machine_packages
	root=$debian_root
	machine=$cache/roots/machine.img
	[ "$(cat "$machine.key" 2>/dev/null)" != "$(cat "$root.key")" ] || return 0
	lock_cache
	rm -f "$machine" "$machine.key"
	step "making the image of a machine" \
		mke2fs -q -t ext4 -E lazy_itable_init=1 -O ^metadata_csum,^has_journal -d "$root" "$machine" 5G &&
		cp "$root.key" "$machine.key" || exit 1
	unlock_cache
}

# The packages of the second kernel that the machine doesn't have, in $kernel_debs.
machine_kernel() {
	local apt
	kernel_debs=$cache/roots/machine-kernel
	[ "$(cat "$kernel_debs/key" 2>/dev/null)" != "$(cat "$machine.key")" ] || return 0
	lock_cache
	apt=$(suite_apt "$(codename)") || die "no mirror of this Debian's main archive in /etc/apt"
	rm -rf "$kernel_debs" && mkdir -p "$kernel_debs/partial" || exit 1
	step "downloading a second kernel for the machine" machine_kernel_download "$apt/apt.conf" ||
		die "cannot download $second_kernel"
	cp "$machine.key" "$kernel_debs/key"
	unlock_cache
}
machine_kernel_download() {
	apt-get -c "$1" -q -o APT::Update::Error-Mode=any update || return
	# shellcheck disable=SC2086 # words
	apt-get -c "$1" -qy -o Dir::State::status="$cache/roots/machine/var/lib/dpkg/status" \
		-o Dir::Cache::archives="$kernel_debs" --download-only install $second_kernel
}

# in_machine COMMAND...: in the machine's root, by scripts/in-root; what it writes goes to
# $work/over and leaves the root alone. What is in there already is seen, too.
in_machine() {
	mkdir -p "$work/over" "$work/over.work" "$work/merged" || return
	# shellcheck disable=SC2016 # for the inner shell
	timeout -k 10 900 unshare --mount --propagation private sh -ec '
		lower=$1 work=$2
		shift 2
		mount -t overlay -o "lowerdir=$lower,upperdir=$work/over,workdir=$work/over.work" \
			machine "$work/merged"
		exec scripts/in-root "$work/merged" "$@"
	' in_machine "$cache/roots/machine" "$work" "$@"
}
machine_written() { rm -rf "$work/over" "$work/over.work" "$work/merged"; }

# compiled FOLDER...: a cache of what DKMS compiles from the packages in these folders, for both
# kernels, since gcc takes many minutes in TCG. The same compiler, in the machine's root.
compiled() {
	local folder deb status=0
	machine_written
	mkdir -p "$work/over/usr/src" "$work/over/usr/lib" && ln -s usr/lib "$work/over/lib" || return
	for deb in "$kernel_debs"/{linux-headers,linux-kbuild,libbpf,libdw,pahole}*.deb; do
		unpack_deb "$deb" "$work/over" || return
	done
	for folder; do
		dpkg-deb -x "$folder"/xshm-dkms_*.deb "$work/dkms" &&
			cp -r "$work/dkms/usr/src/." "$work/over/usr/src/" && rm -rf "$work/dkms" || return
	done
	# shellcheck disable=SC2016 # for the inner shell
	in_machine sh -c '
		export PATH="/usr/lib/ccache:$PATH"
		for source in /usr/src/xshm-*; do
			for modules in /lib/modules/*; do
				dkms build -m xshm -v "${source#*xshm-}" -k "${modules##*/}" || exit
			done
		done
		ccache -s' &&
		tar -C "$work/over/var/cache" -cf "$work/extra/ccache.tar" ccache || status=1
	machine_written
	return "$status"
}

# second_disk FOLDER...: an image with the repository and what the machine runs.
second_disk() {
	local content=$work/disk folder
	rm -rf "$content" && mkdir -p "$content/repo" || return
	cp "$top/scripts/install-check.d/in-guest" "$content/" || return
	for folder; do
		cp "$folder"/*.deb "$content/repo/" || return
	done
	(cd "$content/repo" && apt-ftparchive packages . >Packages) || return
	cp -r "$work/extra/." "$content/" || return
	mke2fs -q -t ext4 -O ^has_journal -d "$content" "$work/disk.img" \
		"$(($(du -sk "$content" | cut -f 1) * 5 / 4 + 32768))k" && rm -rf "$content"
}

# boot_files IMAGE RELEASE: its kernel and initramfs, out of the image.
boot_files() {
	local file
	for file in "vmlinuz-$2" "initrd.img-$2"; do
		debugfs -R "dump /boot/$file $work/$file" "$1" 2>/dev/null
		[ -s "$work/$file" ] || { echo "no /boot/$file in the machine"; return 1; }
	done
}

# boot NAME SECONDS RELEASE [PARAMETER...]: the machine, until it is off. What its rows said is
# then in $work/NAME.rows, and its console in build/logs.
boot() {
	local name=$1 limit=$2 release=$3 qemu status=0 accel=tcg,thread=multi cpu=max clock
	shift 3
	boot_files "$work/machine.img" "$release" || return
	qemu=$(PATH="$cache/qemu/usr/bin:$PATH" command -v qemu-system-x86_64) ||
		die "no qemu-system-x86_64: run scripts/setup guest"
	clock="tsc=reliable no_timer_check$(tsc_frequency)"
	if [ "${XSHM_ACCEL-}" = kvm ]; then
		accel=kvm cpu=host clock=''
	fi
	: >"$work/$name.rows"
	timeout --foreground -k 5 "$limit" "$qemu" -nodefaults -no-user-config -display none -no-reboot \
		-machine pc,usb=off -accel "$accel" -cpu "$cpu" -smp 2,sockets=2 -m 2G \
		-kernel "$work/vmlinuz-$release" -initrd "$work/initrd.img-$release" \
		-append "root=/dev/vda ro console=ttyS0 panic=-1 oops=panic $clock check=$name $*" \
		-drive "file=$work/machine.img,format=raw,if=virtio,cache=unsafe" \
		-drive "file=$work/disk.img,format=raw,if=virtio,readonly=on" \
		-device virtio-rng-pci \
		-serial "file:$top/build/logs/install-$name.console" -serial "file:$work/$name.rows" \
		</dev/null >"$work/$name.qemu" 2>&1 || status=$?
	[ "$status" -eq 0 ] || {
		echo "the machine was ended ($name, $status): build/logs/install-$name.console"
		return 1
	}
	tr -d '\r' <"$work/$name.rows" | grep -qx end
}
