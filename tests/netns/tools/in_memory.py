#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""in_memory.py PID FILE: prints how many of the file's long lines are somewhere in the memory of a process."""
import sys


def readable(pid):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            span, permissions = line.split()[:2]
            if "r" not in permissions or "[v" in line:
                continue
            start, end = (int(word, 16) for word in span.split("-"))
            memory.seek(start)
            yield memory.read(end - start)


with open(sys.argv[2], "rb") as file:
    lines = [line for line in file.read().split() if len(line) > 40]
whole = b"".join(readable(sys.argv[1]))
print(sum(line in whole for line in lines))
