# SPDX-License-Identifier: GPL-2.0-or-later
#
# How the dependencies in `table' get from nowhere to $(sysroot): fetch.sh finds each
# and writes NAME.origin; here they are unpacked and compiled into NAME.ready.
#
# For the rest of the Makefile this file sets
#   third_party_ready    stamps of all that the configuration needs
#   third_party_cflags   where their headers are
#   third_party_ldflags  how to link: static or not, and without the compiler's own C library
#   third_party_start, third_party_libs   what surrounds our objects in the link

here := libs/third_party
table := $(here)/table
tp := $(THIRD_PARTY_DIR)
sysroot := $(tp)/sysroot

DEBIAN_SUITES ?= forky sid trixie

# --- which, and from whom ---------------------------------------------------------

# A compiler for musl has its C library already.
ifneq ($(target_has_musl),)
THIRD_PARTY_musl ?= system
endif

names := $(shell sed -n 's/^\([a-z0-9]\{1,\}\) .*/\1/p' $(table))
needed := musl $(call selected,use,$(names))

provider_of = $(or $(THIRD_PARTY_$1),$(THIRD_PARTY))
from_system := $(strip $(foreach name,$(needed),$(if $(filter system,$(call provider_of,$(name))),$(name))))
from_us := $(filter-out $(from_system),$(needed))
libc_is_ours := $(filter musl,$(from_us))

ifneq ($(and $(libc_is_ours),$(from_system)),)
$(error $(from_system) of this system cannot be linked with a musl of our own: THIRD_PARTY=system takes all of them)
endif

third_party_ready := $(needed:%=$(tp)/%.ready)

$(tp)/wanted: FORCE
	$(call remember,$(foreach name,$(needed),$(name)=$(call provider_of,$(name))) $(target_debian) $(DL_DIR) \
	$(if $(from_system),static=$(STATIC)))

$(tp)/fetched: $(tp)/wanted $(table) $(here)/fetch.sh $(here)/debian.sh
	$(Q)DL_DIR='$(DL_DIR)' DEBIAN_ARCH='$(target_debian)' DEBIAN_SUITES='$(DEBIAN_SUITES)' \
		PKG_CONFIG='$(PKG_CONFIG)' CC='$(CC)' STATIC='$(STATIC)' \
		$(here)/fetch.sh $(tp) \
		$(foreach name,$(needed),$(name)=$(call provider_of,$(name)))
	@touch $@

# An origin is rewritten only when it changes.
$(names:%=$(tp)/%.origin): $(tp)/fetched ;

# --- how they are compiled -----------------------------------------------------------

# The headers of our own C library and the compiler's, and no others.
target_headers := $(if $(libc_is_ours),-nostdinc -isystem $(sysroot)/include -isystem $(target_cc_headers))
tp_cflags := -std=gnu11 -D_GNU_SOURCE $(code_flags) -ffile-prefix-map=$(abspath $(tp))=third_party $(target_headers) -w
# A C library and link-time optimisation do not go together: the compiler itself calls memcpy and others. Its build
# stays in its own folder, so no name of ours can get into it. It has few buffers on the stack: -strong would only add
# to each function that hands out the address of a variable.
musl_cflags := $(filter-out -flto% -fstack-protector% -mgeneral-regs-only $(target_compressed),$(code_flags)) \
	-fstack-protector

$(tp)/flags: FORCE
	$(call remember,$(CC) $(AR) $(tp_cflags))
$(tp)/musl.flags: FORCE
	$(call remember,$(CC) $(AR) $(musl_cflags) $(target_linux_headers) $(target_asm_headers))

$(patsubst %,$(tp)/%.ready,$(filter-out musl,$(names))): $(tp)/flags
$(tp)/musl.ready: $(tp)/musl.flags

$(names:%=$(tp)/%.ready): $(tp)/%.ready: $(tp)/%.origin $(here)/install.sh $(here)/archive.mk
	$(Q)+OUT='$(tp)' DL_DIR='$(DL_DIR)' MAKE='$(MAKE)' CC='$(CC)' AR='$(AR)' RANLIB='$(RANLIB)' \
		OBJCOPY='$(OBJCOPY)' \
		CFLAGS='$(if $(filter musl,$*),$(musl_cflags),$(tp_cflags))' TARGET='$(target_machine)' Q='$(Q)' \
		LINUX_HEADERS='$(target_linux_headers)' ASM_HEADERS='$(target_asm_headers)' $(here)/install.sh $*
	@touch $@

# All else includes the C library's headers, and mbedtls our configuration of it.
$(patsubst %,$(tp)/%.ready,$(filter-out musl,$(names))): $(tp)/musl.ready
$(tp)/mbedtls.ready: $(addprefix $(here)/,mbedtls_config.h mbedtls_small.h)
$(tp)/libyaml.ready: $(here)/libyaml_small.h

# --- how they are linked ---------------------------------------------------------------

pkg_libmnl := libmnl
pkg_mbedtls := mbedtls mbedx509 mbedcrypto
pkg_libyaml := yaml-0.1
packages := $(foreach name,$(from_system),$(pkg_$(name)))
pkg_static := $(if $(filter 1,$(STATIC)),--static)

third_party_cflags := $(target_headers) $(if $(libc_is_ours),-DOWN_LIBC)
ifneq ($(packages),)
third_party_cflags += $(shell $(PKG_CONFIG) $(pkg_static) --cflags $(packages))
third_party_libs := $(shell $(PKG_CONFIG) $(pkg_static) --libs $(packages))
endif

# A library stands before those that it uses.
in_link_order := $(foreach name,libyaml mbedtls libmnl,$(filter $(name),$(from_us)))
third_party_archives := $(in_link_order:%=$(sysroot)/lib/%.a)

ifneq ($(libc_is_ours),)
# No name of an archive is for others: on mips each that is used would get an entry in tables for a dynamic linker.
third_party_ldflags := $(target_static) $(target_packed_relocations) -nostdlib -nostartfiles -Wl,--no-eh-frame-hdr \
	-Wl,--exclude-libs,ALL -Wl,-T,libs/own_libc.ld
# Without crti.o and crtn.o: they frame code in .init and .fini, and there is none (protect_relro.c has _init).
third_party_start := $(sysroot)/lib/$(if $(target_pie),rcrt1.o,crt1.o)
third_party_libs += -Wl,--start-group $(sysroot)/lib/libc.a $(target_libgcc) -Wl,--end-group
else
third_party_ldflags := $(if $(filter 1,$(STATIC)),$(target_static),-pie)
endif

# Objects of ours that come before the archives and overrule parts of them (each file says which and why). A shared
# library cannot be overruled so.
third_party_sources := \
	$(if $(libc_is_ours),$(patsubst %,$(here)/small_%.c,\
		calls clock copy date divide printf search sort thread \
		$(if $(filter mbedtls libyaml,$(needed)),,malloc))) \
	$(if $(or $(libc_is_ours),$(target_has_musl)),$(here)/protect_relro.c)
# The same, but not of the C library: the compiler knows nothing of it.
third_party_lto_sources := $(if $(filter mbedtls,$(from_us)),$(here)/small_psa.c) \
	$(if $(filter libmnl,$(from_us)),$(here)/small_netlink.c)
