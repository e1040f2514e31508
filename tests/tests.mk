# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make check` and its parts. Each prints a line for every test, and how many passed and failed as its last. They install the
# Debian packages that are missing, and need root: nearly all run in namespaces of their own.

-include tests/demo/demo.mk
-include tests/bench/bench.mk
-include tests/netns/leak/leak.mk

# Before anything else is looked at: the compiler may be among the missing packages.
test_goals := check unit golden netns lint check-configs golden-update fuzz image check-image record check-cross
setup_groups := $(if $(filter $(test_goals),$(MAKECMDGOALS)),check) $(filter demo bench leaktest,$(MAKECMDGOALS))
ifneq ($(strip $(setup_groups)),)
ifneq ($(shell tests/setup.sh $(setup_groups) >&2 || echo failed),)
$(error the packages that the tests need could not be installed)
endif
endif

# Without these the image tests are skipped, and say so; in check-image they fail.
image_setup := $(if $(filter check image record,$(MAKECMDGOALS)),image) $(if $(filter check-image,$(MAKECMDGOALS)),image-all)
ifneq ($(strip $(image_setup)),)
ifneq ($(shell tests/setup.sh $(image_setup) >&2 || echo failed),)
$(warning the packages that the image tests need could not be installed)
endif
endif

# Likewise.
cross_setup := $(if $(filter check,$(MAKECMDGOALS)),cross-quick) $(if $(filter check-cross,$(MAKECMDGOALS)),cross)
ifneq ($(strip $(cross_setup)),)
ifneq ($(shell tests/setup.sh $(cross_setup) >&2 || echo failed),)
$(warning the packages that the tests for other processors need could not be installed)
endif
endif

# --- unit tests: this machine's compiler and C library, with sanitizers ------------------------------------------

unit_programs := $(patsubst tests/unit/%.c,$O/tests/unit/%,$(sort $(wildcard tests/unit/*.c)))

# What applets do without the system can be tested, too.
host_applet_objects := $(addprefix $O/host/applets/quarantine/,targets.o)
-include $(host_applet_objects:.o=.d)

$O/tests/libs.a: $(HOST_LIB_OBJS) $(host_applet_objects)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)ar rc $@ $^

$(unit_programs): $O/tests/unit/%: tests/unit/%.c $O/tests/libs.a $O/host/flags | $(generated)
	$(say) HOSTCC $<
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(host_cflags) -Wno-missing-prototypes -Iapplets -MMD -MP -o $@ $< $O/tests/libs.a $(HOST_LDFLAGS) \
		-lcmocka $(HOST_LIBS)

-include $(addsuffix .d,$(unit_programs))

# --- image tests: what a firmware of theirs has beside quarbox, linked like it -----------------------------------------

image_tools := $O/image/exec_as

$(image_tools): $O/image/%: tests/image/%.c | $(third_party_ready)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(language) $(warnings) $(third_party_cflags) $(code_flags) $(third_party_ldflags) \
		-o $@ $(third_party_start) $< $(third_party_libs)

# --- what the stack protector does, in a program that is compiled and linked like quarbox ------------------------------

$O/tests/stack_guard: tests/cross/stack_guard.c $(third_party_sources:%.c=$O/obj/%.o) $O/obj/link | $(third_party_ready)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(language) $(warnings) $(third_party_cflags) $(link_flags) -o $@ $(third_party_start) \
		$(filter %.c %.o,$^) $(third_party_libs)

# --- running them ----------------------------------------------------------------------------------------------------

lint_scripts := $(sort $(wildcard tests/lint/*_test.*))
golden_scripts := $(sort $(wildcard tests/golden/*_test.*))
netns_scripts := $(sort $(wildcard tests/netns/*_test.sh))
cross_scripts := $(sort $(wildcard tests/cross/*_test.sh))
image_scripts := $(sort $(wildcard tests/image/*_test.sh))

# The tests that call make decide for themselves how: nothing of this call, not even its O=, goes down to them.
test_environment = env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u O QUARBOX='$(abspath $O/quarbox)' \
	QUARBOX_BIN='$(abspath $O/bin)' BUILD='$O' THIRD_PARTY_DIR='$(THIRD_PARTY_DIR)' \
	DL_DIR='$(DL_DIR)' ASAN_OPTIONS=detect_leaks=1 $(image_environment) $(cross_environment)
# The oldest and the newest kernel, one machine with words of 32 bits and one with the other byte order; the cases that find most.
image_environment = IMAGE_KERNELS='$(or $(IMAGE_KERNELS),5.10 newest armv7 s390x)' IMAGE_QUICK=yes
# All of it: a machine that can't be tried has not passed.
check-image: image_environment = IMAGE_KERNELS='$(IMAGE_KERNELS)' IMAGE_REQUIRED=yes TEST_TIMEOUT_image=7200
# One machine with the other byte order, and one with words of 32 bits.
cross_environment = CROSS_TARGETS='s390x armv7' CROSS_SIZES=no
check-cross: cross_environment = CROSS_TARGETS='$(CROSS_TARGETS)' CROSS_SIZES='$(CROSS_SIZES)' TEST_TIMEOUT_cross=5000
run_tests = $(Q)$(test_environment) tests/run $O/tests/logs

include tests/fuzz/fuzz.mk

.PHONY: $(test_goals)
check: all $(unit_programs) $(fuzz_targets) $(image_tools)
	$(run_tests) $(lint_scripts) $(unit_programs) tests/fuzz/fuzz_test.sh $(golden_scripts) $(netns_scripts) \
		$(image_scripts) --beside tests/configs_test.sh $(cross_scripts)
.PHONY: unit-programs
unit-programs: $(unit_programs)
unit: $(unit_programs)
	$(run_tests) $^
golden: all
	$(run_tests) $(golden_scripts)
netns: all
	$(run_tests) $(netns_scripts)
image: all $(image_tools)
	$(run_tests) $(image_scripts)
check-image: all $(image_tools)
	$(run_tests) $(image_scripts); code=$$?; sed -n 's/^# summary //p' $O/tests/logs/image-*.log; exit $$code
record: all $(image_tools)
	$(Q)$(test_environment) tests/image/record.py docs/serial-console-armv7.txt
check-cross: all
	$(run_tests) $(cross_scripts); code=$$?; sed -n 's/^# summary //p' $O/tests/logs/cross-*.log; exit $$code
lint: all
	$(run_tests) $(lint_scripts)
check-configs: all
	$(run_tests) tests/configs_test.sh
golden-update: all
	$(Q)$(test_environment) GOLDEN_UPDATE=yes tests/golden/golden_test.sh
