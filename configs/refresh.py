#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Brings defconfigs up to date with the Kconfig files: refresh.py Kconfig DEFCONFIG...

full and router take every new symbol at its default. In the others, which stand for a choice of
applets, a new applet is off until somebody turns it on.
"""
import os
import sys

import kconfiglib

for path in sys.argv[2:]:
    kconf = kconfiglib.Kconfig(sys.argv[1])
    kconf.load_config(path)
    if os.path.basename(path) not in ("full_defconfig", "router_defconfig"):
        for symbol in kconf.unique_defined_syms:
            if symbol.name.startswith("APPLET_") and symbol.user_value is None:
                symbol.set_value("n")
    print(kconf.write_config(path, save_old=False))
