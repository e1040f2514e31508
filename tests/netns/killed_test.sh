#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# quarantine killed, and hung for good, at each of its calls on netlink sockets that send something: the state before counts, or
# the new one. KILLED=all: at the others, too. The same script runs on other kernels, in qemu.
set -u
. "$(dirname "$(realpath "$0")")/lib.sh"
lab_enter "$0" "$@"
export PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 "$tests/../image/guest/killed.py" here ${KILLED:-}
