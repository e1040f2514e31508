# SPDX-License-Identifier: GPL-2.0-or-later
# `make bench`: speed, memory and size against what quarbox replaces, in one run, and against the budgets. Needs root.

bench_tools := $(addprefix $O/bench/,run floor peak round_trips)

# Linked with the C library of quarbox itself: a parent's memory counts for its children (see run.c).
$(bench_tools): $O/bench/%: tests/bench/%.c | $(third_party_ready)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(language) $(warnings) $(third_party_cflags) $(code_flags) $(third_party_ldflags) \
		-o $@ $(third_party_start) $< $(third_party_libs)

.PHONY: bench
bench: all $(bench_tools)
	$(Q)/usr/bin/python3 tests/bench/bench.py $O
	@printf '\nSize of quarbox by library, in bytes\n\n'
	$(Q)$(MAKE) -s O=$O size-shares
