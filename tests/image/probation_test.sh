#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# quarantine killed, hung and disturbed in the middle of its transactions, on other kernels than this one: on the oldest, and
# without IMAGE_QUICK=yes on all of IMAGE_KERNELS, with more of its steps.
if [ "${IMAGE_QUICK:-}" = yes ]; then
	exec "$(dirname "$0")/boot.py" killed 5.10
fi
exec "$(dirname "$0")/boot.py" killed,disturbed
