#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""boot.py TEST[,TEST...] [KERNEL...]: runs tests/image/guest/TEST.py in qemu, one after the other in the same guest.

Prints what the tests print, the kernel's name in front of each result's. The kernels are those of the command line, else of
IMAGE_KERNELS, else all of the table. A kernel that can't be had is one test, skipped with the reason; so is a machine
without qemu. Everything else that goes wrong is a failure, and what the console said is shown.
"""
import os
import pathlib
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("BUILD", "build")).resolve()
QUARBOX_BIN = pathlib.Path(os.environ.get("QUARBOX_BIN", BUILD / "bin")).absolute()
MEMORY_MB = 256
DEADLINE = int(os.environ.get("IMAGE_DEADLINE", "900"))  # seconds, for one guest
QUICK = os.environ.get("IMAGE_QUICK") == "yes"  # the cases that find most

sys.dont_write_bytecode = True
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
            "-append", f"console=ttyS0 quiet panic=-1 oops=panic {'quick' if QUICK else ''}", "-serial", f"file:{console}",
            "-serial", "stdio"]


class Guest:
    """A running one: passes its lines on, and knows how it ended."""

    def __init__(self, kernel_name, tests):
        self.kernel = kernel_name
        self.to_end = list(tests)
        self.passed = self.failed = 0
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
            if words[3] not in ("0", "1") or (words[3] == "1" and not self.failed):
                self.take(f"not ok {words[2]}: ended with {words[3]}")
        self.passed += line.startswith("ok ")
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
        boot = f"{self.booted - began:.1f}" if self.booted else "-"
        print(f"# summary {self.kernel:8} {self.release:28} {boot:>8} {time.monotonic() - began:8.0f} {self.passed:8} {self.failed:8}")

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


def run_on(name, tests):
    folder, why = get_kernel(name)
    if not folder:
        print(f"ok {name} all # skipped: {why}")
        return True
    image = BUILD / "image" / f"{name}.{os.getpid()}.cpio"
    console = BUILD / "image" / f"{name}.console"
    initramfs.make_initramfs(image, [HERE / "guest" / f"{test}.py" for test in tests], folder, QUARBOX_BIN)
    guest = Guest(name, tests)
    try:
        guest.run(qemu_command(folder, image, console), time.monotonic() + DEADLINE)
    finally:
        image.unlink()
    if guest.to_end:
        print(f"not ok {name} {guest.to_end[0]}: the guest stopped, or took longer than {DEADLINE} s; its console:")
        print("\n".join(f"# {line}" for line in console.read_text(errors="replace").splitlines()[-30:]))
    return not guest.to_end and not guest.failed


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that qemu ends with us
    names = sys.argv[2:] or os.environ.get("IMAGE_KERNELS", "").split() or all_kernels()
    if not shutil.which("qemu-system-x86_64"):
        print("ok all # skipped: there is no qemu-system-x86_64")
        return 0
    (BUILD / "image").mkdir(parents=True, exist_ok=True)
    print(f"# summary {'kernel':8} {'release':28} {'boot/s':>8} {'all/s':>8} {'passed':>8} {'failed':>8}")
    results = [run_on(name, sys.argv[1].split(",")) for name in names]
    return 0 if all(results) else 1


sys.exit(main())
