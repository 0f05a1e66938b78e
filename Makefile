# SPDX-License-Identifier: GPL-2.0
# xshm: System V shared memory as a module. "make help" lists the targets.
# The module alone, for the kernel that runs:
#   make -C /lib/modules/$(uname -r)/build M=$PWD

KERNEL ?= 6.1 6.12
VERSION := $(shell cat VERSION)
PREFIX ?= /usr/local
DESTDIR ?=
# A package has them below /usr/lib.
UNITDIR ?= $(PREFIX)/lib/systemd/system
UDEVDIR ?= /etc/udev/rules.d
MODULESLOADDIR ?= /etc/modules-load.d
V ?= 0
MAKEFLAGS += --no-print-directory

build := $(CURDIR)/build
Q := $(if $(filter 1,$(V)),,@)
kbuild_args := V=$(V) $(if $(WERROR),KCFLAGS=-Werror)

# The one to install for, as "make install KVER=..." may say.
KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build

.PHONY: all module lib selftests setup demo check check-builds check-programs style guest help
.PHONY: check-debug check-races coverage deb html check-install
.PHONY: fuzz mutants soak
.PHONY: check-kernels selftests-arm64 install install-module install-lib install-dkms clean

all: module lib selftests

module: $(KERNEL:%=module-%)

# One folder per kernel, with links to the sources: objects of two kernels
# never mix. $(1) is the kernel's build folder, $(2) its release, $(3) the
# command that make is run by, if any, $(4) more arguments.
define build_module
	mkdir -p "$(build)/$(2)" && \
	cp -rsf $(CURDIR)/Kbuild $(CURDIR)/VERSION $(CURDIR)/module $(CURDIR)/uapi "$(build)/$(2)/" && \
	find "$(build)/$(2)" -xtype l -delete && \
	$(3) $(MAKE) -C "$(1)" M="$(build)/$(2)" $(kbuild_args) $(KARGS) $(4) modules
endef

module-%:
	+$(Q)eval "$$(scripts/kernels --show $* || echo exit 1)" && \
	echo "  MODULE  Linux $$release" && \
	$(call build_module,$$build,$$release,$${root:+scripts/in-root "$$root"},$$make_args)

# What tests load beside it, in a folder below the module's.
test-modules-%:
	+$(Q)eval "$$(scripts/kernels --show $* || echo exit 1)" && \
	mkdir -p "$(build)/$$release/tests" && \
	cp -rsf $(CURDIR)/selftests/modules/. "$(build)/$$release/tests/" && \
	$${root:+scripts/in-root "$$root"} $(MAKE) -C "$$build" M="$(build)/$$release/tests" \
		$(kbuild_args) $$make_args modules

lib:
	$(Q)$(MAKE) -C userlib O=$(build)/userlib

$(build)/kselftest/kselftest_harness.h:
	$(Q)scripts/setup build

selftests: lib $(build)/kselftest/kselftest_harness.h
	$(Q)$(MAKE) -C selftests O=$(build)/selftests KHARNESS=$(build)/kselftest

# In the build root that has a cross compiler, where the headers' links lead nowhere.
arm64_tools := $(foreach tool,CC=gcc AR=ar LD=ld OBJCOPY=objcopy,$(subst =,=aarch64-linux-gnu-,$(tool)))
selftests-arm64: $(build)/kselftest/kselftest_harness.h
	+$(Q)mkdir -p $(build)/arm64/kselftest && \
	cp -Lu $(build)/kselftest/*.h $(build)/arm64/kselftest/ && \
	eval "$$(scripts/kernels --show arm64 || echo exit 1)" && \
	scripts/in-root "$$root" $(MAKE) -C $(CURDIR)/userlib O=$(build)/arm64/userlib $(arm64_tools) && \
	scripts/in-root "$$root" $(MAKE) -C $(CURDIR)/selftests O=$(build)/arm64/selftests \
		KHARNESS=$(build)/arm64/kselftest $(arm64_tools)

setup:
	$(Q)scripts/setup

demo:
	$(Q)scripts/demo

check:
	$(Q)scripts/check

check-builds:
	$(Q)scripts/check-builds

check-programs:
	$(Q)scripts/check-programs

check-kernels:
	$(Q)scripts/check-kernels

check-debug:
	$(Q)scripts/check-debug

check-races:
	$(Q)scripts/check-races

coverage:
	$(Q)scripts/coverage

# SEED=, OPERATIONS=, KERNELS="6.12"
fuzz:
	$(Q)scripts/fuzz $(if $(SEED),--seed $(SEED)) \
		$(if $(OPERATIONS),--operations $(OPERATIONS)) $(KERNELS:%=--kernel %)

html:
	$(Q)scripts/html

deb:
	$(Q)scripts/deb

check-install:
	$(Q)scripts/check-install

mutants: lib selftests
	$(Q)scripts/mutants

MINUTES ?= 10

soak:
	$(Q)scripts/soak --minutes $(MINUTES)

style:
	$(Q)scripts/style

guest:
	$(Q)scripts/guest

# On one kernel: the newest, unless KERNEL= says otherwise.
bench:
	$(Q)scripts/bench $(if $(filter command line,$(origin KERNEL)),--kernel $(KERNEL))

$(build)/bench/bench: lib FORCE
	$(Q)$(MAKE) -C selftests/bench O=$(build)/bench LIBXSHM=$(build)/userlib/libxshm.a

.PHONY: bench FORCE
FORCE:

install: install-module install-lib

# A distribution keeps the key that its kernel was built with; sign-file would only fail.
sig_key = $(shell sed -n 's/^CONFIG_MODULE_SIG_KEY="\(.*\)"/\1/p' "$(KDIR)/.config" 2>/dev/null)
signs = $(shell grep -s '^CONFIG_MODULE_SIG_ALL=y' "$(KDIR)/.config")
can_sign = $(if $(signs),$(filter pkcs11:%,$(sig_key))$(wildcard $(sig_key) $(KDIR)/$(sig_key)),yes)

install-module:
	$(Q)test -e "$(KDIR)/Makefile" || { \
		echo "no headers of Linux $(KVER): apt-get install linux-headers-$(KVER), or give KVER=" >&2; \
		exit 1; }
	+$(Q)$(call build_module,$(KDIR),$(KVER))
	$(Q)$(if $(can_sign),,echo "  NOTE    not signed, as the key of Linux $(KVER) is not here:" \
		"Documentation/install.rst, Secure Boot" &&) \
	$(MAKE) -C $(KDIR) M=$(build)/$(KVER) $(if $(can_sign),,CONFIG_MODULE_SIG_ALL=) \
		INSTALL_MOD_DIR=updates $(if $(DESTDIR),INSTALL_MOD_PATH=$(DESTDIR)) modules_install
	$(Q)$(if $(DESTDIR),,depmod $(KVER))

install-lib: lib
	$(Q)$(MAKE) -C userlib install O=$(build)/userlib \
		DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) $(INSTALL_ARGS)
	$(Q)install -D -m 644 scripts/install.d/60-xshm.rules \
		$(DESTDIR)$(UDEVDIR)/60-xshm.rules
	$(Q)install -D -m 644 scripts/install.d/xshm.conf \
		$(DESTDIR)$(MODULESLOADDIR)/xshm.conf
	$(Q)install -d $(DESTDIR)$(PREFIX)/lib/xshm $(DESTDIR)$(UNITDIR)
	$(Q)sed 's|@PREFIX@|$(PREFIX)|' scripts/install.d/service \
		>$(DESTDIR)$(PREFIX)/lib/xshm/service
	$(Q)chmod 755 $(DESTDIR)$(PREFIX)/lib/xshm/service
	$(Q)sed 's|@PREFIX@|$(PREFIX)|' scripts/install.d/xshm.service \
		>$(DESTDIR)$(UNITDIR)/xshm.service
	$(Q)chmod 644 $(DESTDIR)$(UNITDIR)/xshm.service
	$(Q)test -e $(DESTDIR)/etc/xshm.conf || \
		install -D -m 644 scripts/install.d/settings.conf $(DESTDIR)/etc/xshm.conf

# The sources where DKMS looks, which then builds for each kernel to come.
dkms := $(DESTDIR)/usr/src/xshm-$(VERSION)

install-dkms:
	$(Q)mkdir -p $(dkms)
	$(Q)cp -r Kbuild VERSION module uapi $(dkms)/
	$(Q)sed 's/#MODULE_VERSION#/$(VERSION)/' scripts/install.d/dkms.conf >$(dkms)/dkms.conf
	@echo "next: dkms install xshm/$(VERSION)"

clean:
	$(Q)rm -rf $(build)

help:
	@echo "make            module for Linux $(KERNEL), library and selftests, in build/"
	@echo "make module     module only; KERNEL=6.12 for one kernel"
	@echo "make lib        library only"
	@echo "make selftests  test programs only"
	@echo "make demo       see what xshm does, in a virtual machine"
	@echo "make check      style, builds and all tests; ends with N passed, N failed"
	@echo "make check-builds  library and command with other compilers and options"
	@echo "make check-kernels    selftests on 6.1, 6.12, 7.2, 7.3, rt, and other machines,"
	@echo "                also in the initial IPC namespace"
	@echo "make check-programs   PostgreSQL, Xvfb, perl, ... and the examples on xshm, on"
	@echo "                6.1, 6.12, 7.2, 7.3 and without System V IPC, by xshm run and served"
	@echo "make deb        Debian packages, in build/deb"
	@echo "make html       the documentation, in build/html"
	@echo "make check-install  a Debian machine that installs and uses them"
	@echo "make check-debug  all tests on two kernels (6.12 and the newest) with KASAN,"
	@echo "                lockdep, kmemleak, VFS and namespace checks, ..."
	@echo "make check-races  concurrent tests on a kernel with KCSAN"
	@echo "make fuzz       a million random operations compared with System V; SEED=,"
	@echo "                OPERATIONS= and KERNELS=6.12 as you like"
	@echo "make mutants    break the module in many ways; a test has to fail each time"
	@echo "make soak       random tests for MINUTES=10, and what they leave behind"
	@echo "make coverage   lines and branches of the module that the tests reach"
	@echo "make style      style checks only"
	@echo "make bench      instructions beside System V and memfd; KERNEL=7.3"
	@echo "make guest      a shell in a virtual machine with xshm loaded"
	@echo "make install    module for this kernel (or KVER=), library and headers;"
	@echo "                DESTDIR= and PREFIX= ($(PREFIX)) as usual"
	@echo "make install-dkms  the sources for DKMS"
	@echo "make setup      install with apt what the above needs"
	@echo "make clean      remove build/"
	@echo
	@echo "V=1 shows commands, WERROR=1 makes the module's warnings errors."
	@echo "scripts/guest --help: run anything with xshm loaded."
