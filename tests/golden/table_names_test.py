#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Table names: what nft could not read back, quarantine refuses; what quarantine accepts, nft accepts.

Which words nft's grammar reserves is found out, not listed here: all words that occur in libnftables (bison keeps the
names of its tokens there), all of one and two letters, and operators that the scanner spells out, are tried as a
table's name.
"""
import ctypes
import itertools
import os
import re
import string
import subprocess
import sys

if "inside" not in sys.argv:
    os.execvp("unshare", ["unshare", "--net", sys.argv[0], "inside"])

quarbox = os.path.realpath(os.environ.get("QUARBOX", "build/quarbox"))
SPELLED_OUT = "lshift rshift and or xor not eq ne lt gt le ge".split()
NAMES_THAT_ARE_NONE = ["", "1table", "-t", "a-b", "a b", "a;b", "a{", "a\nb", "a*", '"a"', "t\u00e4ble", "_a", ".a", "/a",
                       "$a", "@a", "a#", "a\\b", "a" * 128]
NAMES = ["a1", "A", "vrr_quarantine_table", "Quarantine", "a_b.c/d", "a" * 127, "filter", "TABLE", "table_", "xtable", "z/"]

nft = ctypes.CDLL("libnftables.so.1")
nft.nft_ctx_new.restype = ctypes.c_void_p
context = ctypes.c_void_p(nft.nft_ctx_new(0))
nft.nft_ctx_set_dry_run(context, ctypes.c_bool(True))
nft.nft_ctx_buffer_error(context)
nft.nft_ctx_buffer_output(context)
failures = 0


def nft_refuses(name):
    return nft.nft_run_cmd_from_buffer(context, b"add table inet " + name.encode()) != 0


def we_refuse(name):
    run = subprocess.run([quarbox, "quarantine", "-n", "--table=" + name, "https://192.0.2.1/"], capture_output=True)
    if run.returncode not in (0, 64) or (run.returncode == 64) != (b"table name" in run.stderr):
        result("ends_well", [f"{name!r}: exit code {run.returncode}, {run.stderr!r}"])
    return run.returncode == 64


def result(name, wrong):
    global failures
    failures += bool(wrong)
    print(f"not ok {name}: {' '.join(wrong)}" if wrong else f"ok {name}")


def words_of_nft():
    path = next(line.split()[-1] for line in open("/proc/self/maps") if "libnftables" in line)
    words = set(SPELLED_OUT)
    with open(path, "rb") as library:
        for text in re.findall(rb"[ -~]{2,}", library.read()):
            words.update(word.decode() for word in re.findall(rb"[a-z][a-z0-9_./]*", text) if len(word) < 128)
    for length in (1, 2):
        words.update(map("".join, itertools.product(string.ascii_lowercase, repeat=length)))
    return words


words = words_of_nft()
reserved = {word for word in words if nft_refuses(word)}
result("nft_reserves_words", [] if {"table", "drop", "xor"} <= reserved and len(reserved) > 100 else
       [f"{len(words)} words, of which nft refuses {len(reserved)}"])
result("reserved_words_are_refused", sorted(word for word in reserved if not we_refuse(word)))
result("bad_names_are_refused", [repr(name) for name in NAMES_THAT_ARE_NONE if not we_refuse(name)])
result("good_names_are_accepted", [name for name in NAMES if we_refuse(name)])
result("good_names_suit_nft", [name for name in NAMES if nft_refuses(name)])
sys.exit(failures > 0)
