# SPDX-License-Identifier: GPL-2.0-or-later
# `make leaktest`: every way out that we know, tried packet by packet, with quarbox and with the artifact side by side. Needs root.

.PHONY: leaktest
leaktest: all
	$(Q)$(test_environment) tests/netns/leak/leaktest
