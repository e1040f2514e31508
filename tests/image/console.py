# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine in qemu whose serial console somebody types at.

The prompt tells the exit code of the command before, so that a command is typed as a person would, and nothing else is.
"""
import contextlib
import os
import re
import selectors
import signal
import struct
import subprocess
import time

PROMPT = re.compile(rb"\[(\d+)\] # (?:\x1b\[6n)?$")
EDITING = re.compile(rb"\x1b\[(?:6n|J)")  # of the shell's line editor
COLUMNS, ROWS = 80, 24


class Stopped(Exception):
    """The machine is gone, or says nothing more."""


class Answer:
    """What a command typed at the console has printed, and its exit code."""

    def __init__(self, code, data):
        self.code = code
        self.data = data
        self.lines = data.decode(errors="replace").replace("\r\n", "\n").splitlines()
        self.text = "\n".join(self.lines)
        self.words = " ".join(self.text.split())

    def unfit(self):
        """Lines that a terminal of 80x24 that knows ASCII alone would spoil, and how many rows there are when it can't show all of
        them at once, between the command and the next prompt."""
        rows = 1 + len(self.lines) + 1
        lines = [line.replace("\a", "") for line in self.lines]  # a terminal rings
        return [line for line in lines if len(line) > COLUMNS - 1 or not re.fullmatch(r"[\x20-\x7e\t]*", line)] + (
            [f"{rows} rows"] if rows > ROWS else [])

    def __str__(self):
        return f"exit code {self.code}\n{self.text}"


class Machine:
    """Runs until it is closed. deadline: seconds for all of it."""

    def __init__(self, command, deadline):
        self.deadline = time.monotonic() + deadline
        self.pending = b""
        self.transcript = b""
        self.qemu = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     start_new_session=True)
        self.waiting = selectors.DefaultSelector()
        self.waiting.register(self.qemu.stdout, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.cut_power()

    def cut_power(self):
        """And what qemu has started for its network."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.qemu.pid, signal.SIGKILL)
        self.qemu.wait()
        self.qemu.stdin.close()
        self.qemu.stdout.close()

    def _read(self, seconds):
        """Whether something came."""
        if not self.waiting.select(max(0, min(seconds, self.deadline - time.monotonic()))):
            return False
        data = os.read(self.qemu.stdout.fileno(), 65536)
        if not data:
            raise Stopped("qemu has ended")
        self.pending += data
        self.transcript += data
        return True

    def wait_for(self, regex, seconds):
        """Until the console has shown it; returns the match, and forgets all up to its end."""
        end = min(time.monotonic() + seconds, self.deadline)
        while not (match := re.search(regex, self.pending)):
            if time.monotonic() >= end:
                raise Stopped(f"not seen in {seconds} s: {regex}")
            self._read(end - time.monotonic())
        self.pending = self.pending[match.end():]
        return match

    def prompt(self, seconds):
        """What stands before the next prompt, and the code in it. A prompt is one when nothing follows."""
        end = min(time.monotonic() + seconds, self.deadline)
        while True:
            match = PROMPT.search(self.pending)
            if match and not self._read(0.1):
                data, self.pending = self.pending[:match.start()], b""
                return int(match[1]), data
            if time.monotonic() >= end:
                raise Stopped(f"no prompt in {seconds} s")
            if not match:
                self._read(end - time.monotonic())

    def begin(self, line):
        self.qemu.stdin.write(line.encode() + b"\n")
        self.qemu.stdin.flush()

    def type(self, line, seconds=60):
        """A command, and its answer."""
        self.begin(line)
        code, data = self.prompt(seconds)
        echo, _, rest = EDITING.sub(b"", data).partition(b"\r\n")
        if line.encode() not in echo:
            raise Stopped(f"typed {line!r}, shown {echo!r}")
        return Answer(code, rest)

    def tail(self, count=30):
        return self.transcript.decode(errors="replace").splitlines()[-count:]


def frames(path):
    """Of a file in tcpdump's format, as qemu's filter-dump writes it: the bytes of each."""
    data = path.read_bytes()
    at = 24
    while at + 16 <= len(data):
        length, = struct.unpack_from("=I", data, at + 8)
        if at + 16 + length > len(data):
            return  # it is being written
        yield data[at + 16:at + 16 + length]
        at += 16 + length
