#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""terminal.py [--stopped] FILE COMMAND...: runs the command on a new pseudo terminal, as its session leader.

What it shows is copied to FILE. --stopped: as after Ctrl-S, and nobody reads. Exits as the command does.
"""
import os
import pty
import sys
import termios

arguments = sys.argv[1:]
stopped = arguments[0] == "--stopped"
path, *command = arguments[stopped:]

pid, master = pty.fork()
if pid == 0:
    if stopped:
        termios.tcflow(1, termios.TCOOFF)
    os.execvp(command[0], command)

with open(path, "wb", buffering=0) as file:
    while not stopped:
        try:
            data = os.read(master, 4096)
        except OSError:  # EIO: the last process has closed it
            break
        if not data:
            break
        file.write(data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
