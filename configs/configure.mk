# SPDX-License-Identifier: GPL-2.0-or-later
#
# Makes $O/.config. Changing a configuration takes a Kconfig tool (kconfiglib); building
# with one does not, because configs/*_defconfig are complete.

export KCONFIG_CONFIG := $O/.config

defconfigs := $(notdir $(wildcard configs/*_defconfig))
kconfiglib_goals := menuconfig guiconfig oldconfig olddefconfig allnoconfig allyesconfig
config_goals := defconfig $(defconfigs) $(kconfiglib_goals) savedefconfig randconfig update-defconfigs
.PHONY: $(config_goals)

# Goals of both kinds in one call: one by one, so that the configuration is there before it is read.
ifneq ($(and $(filter $(config_goals),$(MAKECMDGOALS)),$(filter-out $(config_goals),$(MAKECMDGOALS))),)
mixed_goals := y
.PHONY: one-by-one
$(MAKECMDGOALS): one-by-one ; @:
one-by-one:
	$(Q)+for goal in $(MAKECMDGOALS); do $(MAKE) $$goal || exit 1; done
else

have_kconfiglib = $(PYTHON) -c 'import kconfiglib' 2>/dev/null
need_kconfiglib = @$(have_kconfiglib) || { \
	echo 'This needs kconfiglib for $(PYTHON) (Debian: apt install python3-kconfiglib).' >&2; exit 1; }

$O/.config:
	@mkdir -p $O
	@echo '  CONFIG  $@ is configs/full_defconfig (make help shows others)'
	@cp configs/full_defconfig $@

defconfig: full_defconfig
$(defconfigs):
	@mkdir -p $O && cp configs/$@ $O/.config
	@! $(have_kconfiglib) || $(PYTHON) -m olddefconfig Kconfig >/dev/null
	@echo '  CONFIG  $O/.config is configs/$@'

$(kconfiglib_goals):
	$(need_kconfiglib)
	@mkdir -p $O
	$(Q)$(PYTHON) -m $@ Kconfig

savedefconfig:
	$(need_kconfiglib)
	$(Q)$(PYTHON) -m savedefconfig --kconfig Kconfig --out $O/defconfig
	@echo '  CONFIG  $O/defconfig'

randconfig:
	$(need_kconfiglib)
	@mkdir -p $O
	$(Q)$(PYTHON) configs/randconfig.py Kconfig

update-defconfigs:
	$(need_kconfiglib)
	$(Q)$(PYTHON) configs/refresh.py Kconfig $(wildcard configs/*_defconfig)

endif # mixed_goals
