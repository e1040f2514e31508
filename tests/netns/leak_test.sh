#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Every way out that we know, tried packet by packet, and everything that must go on: leak/leaktest, quarbox alone.
exec "$(dirname "$(realpath "$0")")/leak/leaktest" --check
