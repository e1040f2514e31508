#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""boot.py TEST[,TEST...] [KERNEL...]: runs tests/image/guest/TEST.py in qemu, one after the other in the same guest.

Prints what the tests print, the kernel's name in front of each result's. The kernels are those of the command line, else of
IMAGE_KERNELS, else all of the table. Other processors run those of ELSEWHERE. A kernel that can't be had is one test, skipped
with the reason; so is a machine without qemu. With IMAGE_REQUIRED=yes these are failures, as is everything else that goes wrong;
what the console said is shown.
"""
import os
import pathlib
import re
import selectors
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
DEADLINE = int(os.environ.get("IMAGE_DEADLINE", "1800"))  # seconds, for one guest
QUICK = os.environ.get("IMAGE_QUICK") == "yes"  # the cases that find most
# On other processors: the rest wants pppd, or knows the numbers of system calls.
ELSEWHERE = ["readback"] if QUICK else ["flowtable", "degradation", "readback", "self_release"]

sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE / "guest")]
import initramfs  # noqa: E402
import machines  # noqa: E402


class Guest:
    """A running one: passes its lines on, and knows how it ended."""

    def __init__(self, row, tests):
        self.row = row
        self.to_end = list(tests)
        self.passed = self.failed = 0
        self.failed_before = 0  # in the tests before this one
        self.booted = None
        self.release = "did not boot"

    def take(self, line):
        line = line.rstrip("\r\n")
        words = line.split()
        if line.startswith("# booted "):
            self.booted = time.monotonic()
            self.release = words[3]
        elif line.startswith("# end ") and words[2] in self.to_end:
            self.to_end.remove(words[2])
            # what Python does not catch ends it with 1, too
            if words[3] != ("1" if self.failed > self.failed_before else "0"):
                self.take(f"not ok {words[2]}: ended with {words[3]}")
            self.failed_before = self.failed
        self.passed += line.startswith("ok ")
        self.failed += line.startswith("not ok ")
        print(re.sub(r"^((?:not )?ok )", rf"\g<1>{self.row.name} ", line), flush=True)

    def run(self, command, console, deadline, boots=machines.BOOTS):
        """Until it powers off, or the deadline (by the monotonic clock) has passed. console: the file with what the kernel says.
        boots: how many it has, should its kernel die before the tests."""
        began = time.monotonic()
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as qemu:
            try:
                self._read(qemu.stdout, deadline)
            finally:
                qemu.kill()
        if not self.booted and boots > 1 and machines.died_loading_modules(self.row.name, console.read_text(errors="replace")):
            self.run(command, console, deadline, boots - 1)
            return
        if self.to_end:
            self.take(f"not ok {self.to_end[0]}: the guest stopped, or took longer than {DEADLINE} s; its console:")
            for line in console.read_text(errors="replace").splitlines()[-30:]:
                self.take(f"# console: {line}")
        machines.print_summary(self.row, self.release, self.booted and self.booted - began, time.monotonic() - began, self.passed,
                               self.failed)

    def _read(self, stream, deadline):
        waiting = selectors.DefaultSelector()
        waiting.register(stream, selectors.EVENT_READ)
        pending = b""
        while time.monotonic() < deadline:
            if not waiting.select(deadline - time.monotonic()):
                continue
            data = os.read(stream.fileno(), 65536)
            if not data:
                break
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                self.take(line.decode(errors="replace"))


def tests_for(row, tests):
    return [test for test in tests if test in ELSEWHERE or not row.programs]


def run_on(row, tests):
    row.prepare()
    row.prepare_programs()
    lacking = [] if row.programs else initramfs.lacking_programs(tests)
    if lacking and machines.REQUIRED:
        raise machines.Unavailable(f"there is no {' '.join(lacking)}")
    image = row.folder.parent / f"{row.name}.{os.getpid()}.cpio"
    console = row.folder.parent / f"{row.name}.console"
    initramfs.make_initramfs(image, [HERE / "guest" / f"{test}.py" for test in tests], row)
    console.write_text("")
    guest = Guest(row, tests)
    command = row.command(row.memory * (2 if row.programs else 1), image, "quick" if QUICK else "")
    try:
        # what is said goes to a file: with stdio, the end of its input closes the port
        guest.run([*command, "-nic", "none", "-serial", f"file:{console}", "-device", f"virtio-serial-{row.bus}", "-chardev",
                   "file,id=said,path=/dev/stdout", "-device", "virtserialport,chardev=said"], console, time.monotonic() + DEADLINE)
    finally:
        image.unlink()
    return not guest.failed


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that qemu ends with us
    tests = sys.argv[1].split(",")
    return machines.on_each("guest", sys.argv[2:], lambda row: run_on(row, tests_for(row, tests)),
                            lambda row: None if tests_for(row, tests) else "these tests are for x86-64")


sys.exit(main())
