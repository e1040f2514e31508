#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Others change the rule set at each moment at which a transaction is planned or sent: all of one run counts then, or nothing.
# The same script runs on other kernels, in qemu.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
export PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$tests/../image/guest/disturbed.py" here
