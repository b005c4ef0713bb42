# SPDX-License-Identifier: GPL-2.0
#
# Everything is done by scripts/ and by kbuild; this only names it. The modules
# are described by Kbuild and net/ct/Kbuild, and built below build/, in a
# directory for each kernel.

KVER ?= $(shell uname -r)
PREFIX ?= /usr/local
DESTDIR ?=
SEED ?= 1
COUNT ?= 100000
PCAP ?=
TIMES ?= 20
TESTS ?=
MODULES_DIR = $(DESTDIR)/lib/modules/$(KVER)/updates/ct

all: modules ctctl

help:
	@echo 'all          the modules, for the running kernel or KVER=, and ctctl'
	@echo 'demo         see ct at work in a virtual machine'
	@echo 'check        set up, and all tests; see Documentation/testing.md'
	@echo 'check-quick  those that are worth their time many times a day'
	@echo 'lint         checkpatch, sparse, compiler warnings, shellcheck, own rules'
	@echo 'kunit        the unit tests, in user-mode Linux'
	@echo 'vm-check     those in VMs alone, with more rounds of what is repeated'
	@echo 'vm-repeat    20 times in a row, on a busy machine; TIMES=20, TESTS='
	@echo 'check-debug  on a kernel with KASAN, lockdep and kmemleak'
	@echo 'fidelity     the same packets through nf_conntrack and ct, compared;'
	@echo '             SEED=1 COUNT=100000, SEED=1-20, or PCAP=FILE'
	@echo 'flood        floods of ten times the limit, through nf_conntrack and ct'
	@echo 'kernel-scripts'
	@echo '             the scripts about NAT of the kernel itself, with ct'
	@echo 'programs     ufw, docker and others, with nf_conntrack and with ct'
	@echo 'bench-quick  what a packet costs, in nf_conntrack and in ct'
	@echo 'ctctl        the command-line tool'
	@echo 'install      modules (for KVER), modprobe.d/ct.conf, ctctl, manual'
	@echo 'uninstall    remove what install installed'
	@echo 'clean        remove what was built here'
	@echo
	@echo 'KVER=RELEASE chooses a kernel, PREFIX= and DESTDIR= where to install.'

modules:
	@scripts/build $(KVER)

ctctl:
	@$(MAKE) --no-print-directory -C tools/ctctl

demo:
	@scripts/setup build vm
	@tests/vm/demo

check:
	@scripts/setup build vm uml
	@scripts/check

check-quick:
	@scripts/setup build vm uml
	@scripts/check quick

kunit:
	@scripts/setup build uml
	@scripts/kunit

vm-check:
	@scripts/setup build vm
	@tests/vm/run 6.1 6.12

vm-repeat:
	@scripts/setup build vm
	@tests/vm/repeat -n $(TIMES) 6.1 6.12 $(if $(TESTS),-- $(TESTS))

check-debug:
	@scripts/setup build vm uml debug
	@tests/vm/run uml-debug debug

fidelity:
	@scripts/setup build vm
	@tests/fidelity/run $(if $(NAT),nat) $(or $(PCAP),$(SEED) $(COUNT))

flood:
	@scripts/setup build vm
	@tests/flood/run

kernel-scripts:
	@scripts/setup build vm debug
	@tests/vm/kernel-scripts

programs:
	@scripts/setup build vm
	@tests/vm/programs

bench-quick:
	@scripts/setup build vm uml
	@tests/bench/run

lint:
	@scripts/setup build uml lint
	@scripts/lint

install: all
	@test -e build/$(KVER)/net/ct/ct.ko || { \
		echo "KVER=$(KVER): a whole release is needed, one of:" >&2; \
		ls /lib/modules >&2; exit 1; }
	install -d $(MODULES_DIR)
	find build/$(KVER)/net/ct -name '*.ko' \
		-exec install -m 644 -t $(MODULES_DIR) {} +
	install -D -m 644 modprobe.d/ct.conf $(DESTDIR)/etc/modprobe.d/ct.conf
	install -D tools/ctctl/ctctl $(DESTDIR)$(PREFIX)/sbin/ctctl
	install -D -m 644 tools/ctctl/completion.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/ctctl
	install -D -m 644 Documentation/ctctl.8 \
		$(DESTDIR)$(PREFIX)/share/man/man8/ctctl.8
	$(if $(DESTDIR),,depmod $(KVER))

uninstall:
	rm -rf $(MODULES_DIR)
	rm -f $(DESTDIR)/etc/modprobe.d/ct.conf \
		$(DESTDIR)$(PREFIX)/sbin/ctctl \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/ctctl \
		$(DESTDIR)$(PREFIX)/share/man/man8/ctctl.8
	$(if $(DESTDIR),,depmod $(KVER))

clean:
	rm -rf build
	@$(MAKE) --no-print-directory -C tools/ctctl clean

.PHONY: all help modules ctctl demo check check-quick lint kunit vm-check \
	vm-repeat check-debug fidelity flood kernel-scripts programs \
	bench-quick install uninstall clean
