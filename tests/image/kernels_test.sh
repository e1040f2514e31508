#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# quarbox on kernels of Debian's, booted in qemu: what this machine's kernel does not have, and what older ones do not know.
# IMAGE_KERNELS says which, else all; with IMAGE_QUICK=yes not all cases, on other processors than x86-64 readback alone.
exec "$(dirname "$0")/boot.py" "${IMAGE_TESTS:-flowtable,uplinks,wireguard,degradation,readback,self_release}"
