#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""terminal.py [--stopped] [--rate BYTES] [--pipe] FILE COMMAND...: runs the command on a new pseudo terminal, as its session leader.

What it shows is copied to FILE. --stopped: as after Ctrl-S, and nobody reads. --rate: so many bytes are read in a second. --pipe:
standard output is a pipe of one page instead; standard error is left alone. Prints the command's seconds on the last line of
FILE.seconds, and exits as it does.
"""
import argparse
import fcntl
import os
import pty
import sys
import termios
import threading
import time

F_SETPIPE_SZ = 1031

parser = argparse.ArgumentParser()
parser.add_argument("--stopped", action="store_true")
parser.add_argument("--rate", type=int, default=0)
parser.add_argument("--pipe", action="store_true")
parser.add_argument("file")
parser.add_argument("command", nargs=argparse.REMAINDER)
arguments = parser.parse_args()


def fork():
    if not arguments.pipe:
        return pty.fork()
    end, other = os.pipe()
    fcntl.fcntl(other, F_SETPIPE_SZ, 4096)
    process = os.fork()
    if process == 0:
        os.dup2(other, 1)
    os.close(other)
    return process, end


def wait():
    status = os.waitpid(pid, 0)[1]
    with open(arguments.file + ".seconds", "w") as out:
        print(f"{time.monotonic() - began:.1f}", file=out)
    codes.append(os.waitstatus_to_exitcode(status))


codes = []
began = time.monotonic()
pid, master = fork()
if pid == 0:
    if arguments.stopped:
        termios.tcflow(1, termios.TCOOFF)
    os.execvp(arguments.command[0], arguments.command)
waiting = threading.Thread(target=wait)
waiting.start()
with open(arguments.file, "wb", buffering=0) as file:
    while not arguments.stopped:
        try:
            data = os.read(master, arguments.rate // 20 or 4096)
        except OSError:  # EIO: the last process has closed it
            break
        if not data:
            break
        file.write(data)
        if arguments.rate:
            time.sleep(len(data) / arguments.rate)
waiting.join()
sys.exit(codes[0])
