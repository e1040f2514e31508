# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds quarbox: one static program out of the applets that the configuration selects.
# `make help` lists targets and variables. How the dependencies are obtained and compiled
# is in libs/third_party/third_party.mk.

VERSION := 0.1.0

# --- what a user may set ---------------------------------------------------------------

O ?= build
# `make clean` takes away all that is in it.
ifeq ($(abspath $O),$(CURDIR))
$(error O=$O: can't be the folder of the sources)
endif
V ?= 0
PREFIX ?= /usr
DL_DIR ?= dl
THIRD_PARTY ?= auto
THIRD_PARTY_DIR ?= $O/third_party
STATIC ?= 1
LTO ?= 1
WERROR ?= 0
PYTHON ?= /usr/bin/python3

# Make's own defaults for these know nothing of CROSS_COMPILE and of link-time optimisation.
ifneq ($(filter default undefined,$(origin CC)),)
CC := $(CROSS_COMPILE)gcc
endif
ifneq ($(filter default undefined,$(origin AR)),)
AR := $(CROSS_COMPILE)gcc-ar
endif
RANLIB ?= $(CROSS_COMPILE)gcc-ranlib
OBJCOPY ?= $(CROSS_COMPILE)objcopy
READELF ?= $(CROSS_COMPILE)readelf
PKG_CONFIG ?= pkg-config
ifeq ($(origin HOSTCC),undefined)
HOSTCC := $(firstword $(foreach name,gcc cc clang,$(if $(shell command -v $(name)),$(name))) gcc)
endif

# --- how the output looks --------------------------------------------------------------

ifneq ($(filter 1,$(V)),)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif
MAKEFLAGS += --no-print-directory -rR
# All processors, unless the call says otherwise: a -j there comes after this one and wins.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: FORCE all
all:
FORCE:

# $(call remember,TEXT): the recipe of a file that is rewritten only when TEXT is not what it
# holds, so that what depends on it is made again when, say, a flag changes.
remember = @mkdir -p $(@D); printf '%s\n' '$(subst ','\'',$1)' >$@.new; $(replace_if_changed)
replace_if_changed = if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

# --- configuration -----------------------------------------------------------------------

include configs/configure.mk
ifneq ($(mixed_goals),y)

# --- what is built -------------------------------------------------------------------------

# These goals need neither a configuration nor a compiler.
ifneq ($(filter-out $(config_goals) help clean distclean setup-%,$(or $(MAKECMDGOALS),all)),)
building := y
endif
ifeq ($(building),y)

include $O/.config
include $O/toolchain.mk

$O/toolchain.key: FORCE
	$(call remember,$(CC) $(READELF) $(CFLAGS) $(LDFLAGS))
$O/toolchain.mk: $O/toolchain.key libs/third_party/toolchain.sh libs/segments.ld
	$(Q)libs/third_party/toolchain.sh '$(CC)' '$(READELF)' >$@

# The symbols that are on, in lower case: applet_probe lib_tls use_mbedtls ...
on := $(if $(wildcard $O/.config),$(shell sed -n 's/^CONFIG_\(.*\)=y$$/\1/p' $O/.config | tr A-Z a-z))
# $(call selected,PREFIX,names): those of the names whose symbol is on
selected = $(filter $(patsubst $1_%,%,$(filter $1_%,$(on))),$2)

# An applet is a folder with a Kconfig file; a library is a folder of libs/.
folders = $(sort $(notdir $(patsubst %/,%,$(dir $(wildcard $1)))))
all_applets := $(call folders,applets/*/Kconfig)
all_libs := $(call folders,libs/*/*.c)
applets := $(call selected,applet,$(all_applets))
libs := base $(call selected,lib,$(all_libs))

sources := $(sort $(wildcard applets/*.c) $(foreach name,$(applets),$(wildcard applets/$(name)/*.c)) \
	$(foreach name,$(libs),$(wildcard libs/$(name)/*.c)))

# --- flags -------------------------------------------------------------------------------------

# One partition: the smallest result, and the same one whatever runs in parallel.
lto_flags := $(if $(filter 1,$(LTO)),$(target_lto))

# For all code of the program, the dependencies included.
code_flags = $(target_size) -ffunction-sections -fdata-sections -fno-unwind-tables -fno-asynchronous-unwind-tables \
	-fstack-protector-strong $(if $(target_pie),-fPIE,-fno-pie) $(lto_flags) \
	$(if $(libc_is_ours),$(target_own_libc) $(target_compressed)) $(CFLAGS)
# No name of a folder on this machine gets into the program.
prefix_maps := -ffile-prefix-map=$(abspath $(THIRD_PARTY_DIR))=third_party -ffile-prefix-map=$(abspath $O)=build \
	-ffile-prefix-map=$(CURDIR)=.

warnings := -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 \
	-Wvla -Wcast-qual -Wwrite-strings -Wundef -Wswitch-enum -Werror=implicit-function-declaration \
	$(if $(filter 1,$(WERROR)),-Werror)

include libs/third_party/third_party.mk

language := -std=c11 -D_GNU_SOURCE
# Constants with the same bytes need no addresses of their own: a fifth of the rule table's matches stand in it twice.
shared_constants := -fmerge-all-constants
includes := -include $O/include/config.h -Ilibs -I$O/include
compile = $(CC) $(language) $(warnings) $(includes) $(third_party_cflags) $(code_flags) $(shared_constants) \
	$(prefix_maps) -MMD -MP

# Not for a static glibc: it has variables of threads and sections of its own, between which the script leaves gaps.
segments := $(if $(or $(libc_is_ours),$(target_has_musl),$(filter 0,$(STATIC))),$(target_segments))
loose_relocations := $(if $(and $(libc_is_ours),$(target_pie)),$(target_loose_relocations))
link_flags := $(code_flags) $(shared_constants) $(third_party_ldflags) -Wl,--gc-sections -Wl,-z,relro -Wl,-z,now \
	-Wl,-z,noexecstack -Wl,-z,noseparate-code -Wl,--build-id=none -Wl,--hash-style=gnu -Wl,-O1 \
	-Wl,--sort-common -Wl,--spare-dynamic-tags=0 -Wl,-T,libs/layout.ld $(segments) $(loose_relocations) $(LDFLAGS)

# --- generated headers ------------------------------------------------------------------------------

kconfig_files := Kconfig libs/Kconfig $(sort $(wildcard applets/*/Kconfig))
generated := $O/include/config.h $O/include/applet_list.h $O/include/build_info.h

$O/include/config.h: $O/.config $(kconfig_files) configs/config_header.awk $O/kconfig.list
	@mkdir -p $(@D)
	$(Q)awk -f configs/config_header.awk $(kconfig_files) values=1 $O/.config >$@.new && $(replace_if_changed)

# A removed Kconfig file is older than nothing: the list of them notices.
$O/kconfig.list: FORCE
	$(call remember,$(kconfig_files))

$O/include/applet_list.h: FORCE
	@mkdir -p $(@D)
	$(Q){ :; $(if $(applets),printf 'APPLET(%s)\n' $(applets);) } >$@.new; $(replace_if_changed)

options := $(sort $(filter-out applet_% lib_% use_%,$(on)))
# $(call info_lines,LABEL,ITEMS)
info_lines = printf '$1\t%s\n' $(or $2,'');
# Where --list-full says that the links go, below /.
link_folder := $(if $(filter-out /,$(PREFIX)),$(PREFIX:/%=%)/)sbin/
$O/include/build_info.h: $O/.config configs/build_info.awk $(needed:%=$(tp)/%.origin) FORCE
	@mkdir -p $(@D)
	$(Q){ printf '#define QUARBOX_VERSION "%s"\n#define LINK_FOLDER "%s"\n' '$(VERSION)' '$(link_folder)'; \
	{ $(call info_lines,version,$(VERSION)) $(call info_lines,target,$(target_machine)) \
	$(call info_lines,applets,$(applets)) $(call info_lines,options,$(options)) \
	sed -n 's/^build-info \(.*\)/libraries	\1/p' $(needed:%=$(tp)/%.origin); } | awk -f configs/build_info.awk; \
	} >$@.new && $(replace_if_changed)

# --- compile and link --------------------------------------------------------------------------------

objects := $(patsubst %.c,$O/obj/%.o,$(sources) $(third_party_sources) $(third_party_lto_sources))

$O/obj/flags: FORCE
	$(call remember,$(compile))
$O/obj/link: FORCE
	$(call remember,$(CC) $(link_flags) $(objects) $(third_party_archives) $(third_party_libs))

$O/obj/%.o: %.c $O/obj/flags | $(generated) $(third_party_ready)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(compile) -c -o $@ $<

# Link-time optimisation would mind what these do: define what the compiler believes to know.
$(third_party_sources:%.c=$O/obj/%.o): private code_flags += -fno-lto -fno-builtin
# They run before the value of the stack protector is there, or write it.
$(patsubst %,$O/obj/libs/third_party/small_%.o,copy thread): private code_flags += -fno-stack-protector

-include $(objects:.o=.d)

$O/quarbox.unstripped: $(objects) $O/obj/link $(wildcard libs/*.ld) $(third_party_ready)
	$(say) LD $@
	$(Q)$(CC) $(link_flags) -Wl,-Map=$O/quarbox.map -o $@ $(third_party_start) $(objects) $(third_party_archives) \
		$(third_party_libs)

finish_cc = $(HOSTCC) -std=c11 -D_GNU_SOURCE -O1 -Wall -Wextra
$O/finish.flags: FORCE
	$(call remember,$(finish_cc))
$O/finish: configs/finish.c $O/finish.flags
	$(say) HOSTCC $<
	$(Q)$(finish_cc) -o $@ $<

$O/quarbox: $O/quarbox.unstripped $O/finish
	$(say) FINISH $@
	@rm -f $@
	$(Q)$O/finish $< $@ $(if $(loose_relocations),--pack)

# Links come from the configuration, never from running the program: it may be for another machine.
$O/bin/.made: $O/include/applet_list.h
	@rm -rf $(@D) && mkdir -p $(@D)
	$(Q)for name in $(applets); do ln -s ../quarbox $(@D)/$$name; done
	@touch $@

.PHONY: deps install install-links sizes sizes-all size-shares
all: $O/quarbox $O/bin/.made
deps: $(third_party_ready)
	@sed -n 's/^build-info /  READY   /p' $(needed:%=$(tp)/%.origin)

# --- install ----------------------------------------------------------------------------------------

sbin := $(DESTDIR)$(PREFIX)/sbin
man8 := $(DESTDIR)$(PREFIX)/share/man/man8
manual_pages := $(wildcard $(foreach name,$(applets),applets/$(name)/$(name).8) applets/quarbox.8)

install: $O/quarbox
	$(say) INSTALL $(sbin)/quarbox
	$(Q)install -D -m 755 $O/quarbox $(sbin)/quarbox
	$(Q)$(if $(manual_pages),install -d $(man8) && install -m 644 $(manual_pages) $(man8)/)

install-links:
	$(say) INSTALL '$(sbin): $(applets)'
	$(Q)install -d $(sbin) && for name in $(applets); do ln -sf quarbox $(sbin)/$$name; done

# --- sizes -------------------------------------------------------------------------------------------

sizes: size-shares
	$(Q)+$(MAKE) sizes-all

# Of all configurations, which share one set of compiled dependencies. SIZES=write: into configs/README.md; check: they
# have to be what it says.
SIZES ?= write
size_of = $$(wc -c <$O/configs/$1/quarbox)
configurations := $(defconfigs:_defconfig=)
sizes-all:
	@+for name in $(configurations); do \
		mkdir -p $O/configs/$$name && cp configs/$${name}_defconfig $O/configs/$$name/.config && \
		$(MAKE) -s O=$O/configs/$$name THIRD_PARTY_DIR=$(THIRD_PARTY_DIR) >/dev/null && \
		printf '%-20s %8d\n' $$name $(call size_of,$$name) || exit 1; \
	done
	@configs/sizes.sh $(SIZES) $(target_name) $(foreach name,$(configurations),$(name)=$(call size_of,$(name)))

# Link-time optimisation forgets whose code is whose, so the shares come from a build without it. It begins with
# the dependencies of this one: the C library, which is most of the work, is the same in both.
size-shares: $O/quarbox
	$(Q)mkdir -p $O/sizes && cp $O/.config $O/sizes/.config
	$(Q)[ -e $O/sizes/third_party ] || cp -a $(tp) $O/sizes/third_party
	$(Q)+$(MAKE) -s O=$O/sizes THIRD_PARTY_DIR=$O/sizes/third_party LTO=0 >/dev/null
	@awk -f configs/sizes.awk -v object_folder=$O/sizes/obj/ -v sysroot=$O/sizes/third_party/sysroot/lib/ \
		-v total=$$(wc -c <$O/quarbox) -v without=$$(wc -c <$O/sizes/quarbox) $O/sizes/quarbox.map
	@+$(call size_without,libyaml,VELOCIRAPTOR_CONFIG|LIB_VELOCIRAPTOR|USE_LIBYAML)
	@+$(call size_without,TLS,APPLET_PROBE|QUARANTINE_PROBE|LIB_TLS|LIB_HTTP|USE_MBEDTLS)

# $(call size_without,WHAT,SYMBOL|SYMBOL...): the same configuration without these; nothing where it has no quarantine.
size_without = ! grep -q '^CONFIG_APPLET_QUARANTINE=y' $O/.config || { mkdir -p $O/sizes/$1 && \
	sed -E 's/^(CONFIG_($2))=y/\# \1 is not set/' $O/.config >$O/sizes/$1/.config && \
	$(MAKE) -s O=$O/sizes/$1 THIRD_PARTY_DIR=$(THIRD_PARTY_DIR) >/dev/null && \
	printf '%8d  in total, stripped, in a build without $1\n' $$(wc -c <$O/sizes/$1/quarbox); }

# --- the same code for this machine, with sanitizers, for tests -----------------------------------------

host_libs := $(filter-out tls third_party,$(all_libs))
HOST_LIB_SOURCES := $(sort $(foreach name,$(host_libs),$(wildcard libs/$(name)/*.c)))
HOST_LIB_OBJS := $(HOST_LIB_SOURCES:%.c=$O/host/%.o)
HOST_SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all
# libnftnl is for the tests, which read with it what libs/nft writes.
host_cflags = $(language) $(warnings) $(includes) -O1 -g -fno-omit-frame-pointer $(HOST_SANITIZE) \
	$(shell $(PKG_CONFIG) --cflags libmnl libnftnl yaml-0.1)
HOST_CFLAGS = $(host_cflags)
HOST_LDFLAGS = $(HOST_SANITIZE)
HOST_LIBS = $(shell $(PKG_CONFIG) --libs libnftnl libmnl yaml-0.1)

$O/host/flags: FORCE
	$(call remember,$(HOSTCC) $(host_cflags))
$O/host/%.o: %.c $O/host/flags | $O/include/config.h
	$(say) HOSTCC $<
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(host_cflags) -MMD -MP -c -o $@ $<

-include $(HOST_LIB_OBJS:.o=.d)

-include tests/tests.mk

endif # building

# --- cleaning ---------------------------------------------------------------------------------------------

.PHONY: clean distclean help
# The configuration and the downloads survive clean; distclean leaves the tree as it was cloned. A DL_DIR elsewhere is
# somebody else's, too.
clean:
	$(Q)rm -rf $(filter-out $O/.config,$(wildcard $O/*))
distclean:
	$(Q)rm -rf $O dl

endif # mixed_goals

help:
	@sed -n 's/^#h \{0,1\}//p' Makefile

#h quarbox: one static program that quarantines a device, proves the server, releases it
#h
#h Build
#h   all            $O/quarbox, its links in $O/bin/, $O/quarbox.unstripped, $O/quarbox.map
#h   deps           fetch and compile the libraries it needs, and say where each came from
#h   install        to $(DESTDIR)$(PREFIX)/sbin, with the manual pages of the applets in it
#h   install-links  relative links beside it, from the configuration
#h   sizes          both of the next two
#h   size-shares    bytes in total and by library, applet and third party; in total without libyaml, and without TLS
#h   sizes-all      bytes of every configs/*_defconfig, and into configs/README.md (SIZES=check: compared with it)
#h   clean          remove what was built; the configuration and the downloads stay
#h   distclean      remove these too; the downloads only from dl, where they are by default
#h
#h Configure (all but X_defconfig need Debian's python3-kconfiglib)
#h   X_defconfig    configs/X_defconfig: full (the default), router, minimal, X_only
#h   menuconfig oldconfig olddefconfig savedefconfig allnoconfig allyesconfig randconfig
#h   update-defconfigs   bring configs/ up to date with the Kconfig files
#h
#h Test
#h   check demo bench lint leaktest fuzz   see tests/tests.mk; they install what they need (root, Debian)
#h   check-image    all of tests/image, in qemu: Debian's kernels 5.10, 6.1, 6.12 and the newest, and arm64, armv7,
#h                  riscv64, ppc64el and s390x; IMAGE_KERNELS= for some of tests/image/kernels; the first time it
#h                  downloads 700 MB to DL_DIR. A machine that can't be had is a failure; check, which has the quick
#h                  part of it (280 MB), skips it
#h   record         docs/serial-console-armv7.txt anew
#h   check-cross    builds for nine other processors with Debian's compilers, runs them under qemu-user and prints a
#h                  table of sizes; CROSS_TARGETS= for some of tests/cross/targets. check does it for two of them
#h
#h Variables
#h   O=build          where everything is made, the configuration included
#h   V=1              show the commands
#h   CC= CROSS_COMPILE= CFLAGS= LDFLAGS=   the last two are added to ours
#h   HOSTCC=          a compiler for the machine that builds: gcc, else cc or clang
#h   DESTDIR= PREFIX=/usr
#h   LTO=0            no link-time optimisation       WERROR=1   warnings are errors
#h   DL_DIR=dl        downloads; with all of them there, no network is needed
#h   THIRD_PARTY=     auto (source, else Debian's static archives), source, debian, or system:
#h                    the libraries of the compiler's own system, through pkg-config
#h   THIRD_PARTY_libmnl=debian   the same for one of them; headers, for libmnl: all but what is in the library
#h   THIRD_PARTY_DIR=O/third_party  where they are compiled; builds with the same flags can share it
#h   FUZZ_SECONDS=60  for each target of make fuzz
#h   STATIC=0         with THIRD_PARTY=system: link shared libraries
#h   SOURCE_DATE_EPOCH   changes nothing: there is no time in the program
