#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""boot.py GUEST_TEST [KERNEL...]: runs tests/image/guest/GUEST_TEST.py in qemu, on each of these kernels.

Prints what the test prints, the kernel's name in front of each test's. The kernels are those of the command line, else of
IMAGE_KERNELS, else all of the table. A kernel that can't be had is one test, skipped with the reason; so is a machine
without qemu. Everything else that goes wrong is a failure, and what the console said is shown.
"""
import importlib
import os
import pathlib
import re
import selectors
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("BUILD", "build")).resolve()
QUARBOX_BIN = pathlib.Path(os.environ.get("QUARBOX_BIN", BUILD / "bin")).absolute()
MEMORY_MB = 256
DEADLINE = int(os.environ.get("IMAGE_DEADLINE", "240"))  # seconds, for one guest

sys.path[:0] = [str(HERE), str(HERE / "guest")]
import initramfs  # noqa: E402


def all_kernels():
    rows = (line.split() for line in (HERE / "kernels").read_text().splitlines())
    return [row[0] for row in rows if row and row[0] != "#"]


def get_kernel(name):
    """Its folder, or None and why not."""
    folder = BUILD / "image" / name
    got = subprocess.run([HERE / "kernel", name, folder], capture_output=True, text=True, check=False)
    if got.returncode == 0:
        return folder, ""
    if got.returncode == 2:
        return None, got.stderr.strip().splitlines()[-1]
    raise RuntimeError(f"kernel {name}: {got.stderr}")


def qemu_command(kernel, image, console):
    return ["qemu-system-x86_64", "-M", "q35", "-cpu", "max", "-accel", "tcg", "-m", str(MEMORY_MB), "-nographic", "-no-reboot",
            "-nic", "none", "-monitor", "none", "-kernel", str(kernel / "vmlinuz"), "-initrd", str(image),
            "-append", "console=ttyS0 quiet panic=-1 oops=panic random.trust_cpu=on", "-serial", f"file:{console}",
            "-serial", "stdio"]


class Guest:
    """A running one: passes its lines on, and knows how it ended."""

    def __init__(self, kernel_name):
        self.kernel = kernel_name
        self.failed = 0
        self.booted = None
        self.end = None

    def take(self, line):
        line = line.rstrip("\r\n")
        if line.startswith("# booted "):
            self.booted = time.monotonic()
        elif line.startswith("# end "):
            self.end = int(line.split()[2])
        self.failed += line.startswith("not ok ")
        print(re.sub(r"^((?:not )?ok )", rf"\g<1>{self.kernel} ", line), flush=True)

    def run(self, command, deadline):
        """Until it powers off, or the deadline (by the monotonic clock) has passed."""
        began = time.monotonic()
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as qemu:
            try:
                self._read(qemu.stdout, deadline)
            finally:
                qemu.kill()
        if self.booted:
            print(f"# {self.kernel}: booted in {self.booted - began:.1f} s, all in {time.monotonic() - began:.1f} s")

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


def run_on(name, test):
    folder, why = get_kernel(name)
    if not folder:
        print(f"ok {name} all # skipped: {why}")
        return True
    module = importlib.import_module(test)
    image = BUILD / "image" / f"{name}-{test}.cpio"
    console = BUILD / "image" / f"{name}-{test}.console"
    initramfs.make_initramfs(image, HERE / "guest" / f"{test}.py", module.PROGRAMS, module.MODULES, folder, QUARBOX_BIN)
    guest = Guest(name)
    guest.run(qemu_command(folder, image, console), time.monotonic() + DEADLINE)
    image.unlink()
    if guest.end is None:
        print(f"not ok {name} end: the guest stopped, or took longer than {DEADLINE} s; its console:")
        print("\n".join(f"# {line}" for line in console.read_text(errors="replace").splitlines()[-30:]))
    elif guest.end != 0 and not guest.failed:
        print(f"not ok {name} end: the test ended with {guest.end}")
    return guest.end == 0 and not guest.failed


def main():
    test = sys.argv[1]
    names = sys.argv[2:] or os.environ.get("IMAGE_KERNELS", "").split() or all_kernels()
    if not shutil.which("qemu-system-x86_64"):
        print("ok all # skipped: there is no qemu-system-x86_64")
        return 0
    (BUILD / "image").mkdir(parents=True, exist_ok=True)
    results = [run_on(name, test) for name in names]
    return 0 if all(results) else 1


sys.exit(main())
