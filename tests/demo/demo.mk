# SPDX-License-Identifier: GPL-2.0-or-later
# `make demo`: the main job, shown and checked in network namespaces. Needs root.

.PHONY: demo
demo: all
	$(Q)tests/demo/run $O/quarbox
