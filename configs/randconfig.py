#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes a random configuration: randconfig.py Kconfig (KCONFIG_CONFIG, KCONFIG_SEED)."""
import os
import random
import sys

import kconfiglib

seed = os.environ.get("KCONFIG_SEED") or str(random.SystemRandom().randrange(1 << 32))
print(f"KCONFIG_SEED={seed}")
dice = random.Random(seed)

kconf = kconfiglib.Kconfig(sys.argv[1])
# A value is only taken by a symbol that is visible, which depends on earlier ones: in file order, parents come first.
for symbol in kconf.unique_defined_syms:
    has_prompt = any(node.prompt for node in symbol.nodes)
    if symbol.type == kconfiglib.BOOL and has_prompt and symbol.choice is None:
        symbol.set_value(dice.choice("ny"))
for choice in kconf.unique_choices:
    dice.choice(choice.syms).set_value("y")
print(kconf.write_config())
