#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# quarbox typed at the serial console of a firmware image: nothing mounted, no clock, little memory, power cuts. IMAGE_KERNELS says
# on which kernels, else all; with IMAGE_QUICK=yes the barest image and a reboot alone.
exec "$(dirname "$0")/firmware.py"
