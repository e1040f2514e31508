# SPDX-License-Identifier: GPL-2.0-or-later
"""The machines of tests/image/kernels, what each needs to be had before it can boot, and a test on one after the other."""
import os
import pathlib
import re
import shutil
import subprocess
import traceback

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("BUILD", "build")).resolve()
QUARBOX = pathlib.Path(os.environ.get("QUARBOX", BUILD / "quarbox")).resolve()
REQUIRED = os.environ.get("IMAGE_REQUIRED") == "yes"  # what can't be had here is a failure
MEMORY = 256  # MB, at least
# So that the device tree has no seed for the kernel's random numbers; qemu 7.2 can't leave out that of others.
UNSEEDED = {"qemu-system-aarch64": ",dtb-randomness=off", "qemu-system-arm": ",dtb-randomness=off"}
BOOTS = 3  # at most, of a machine for which died_loading_modules()
CANT_BE_HAD = 75  # tar and sh end with 2 by themselves


class Unavailable(Exception):
    """A machine that can't be tried here, and why."""


def run(*command):
    """Something that makes files, or what it needs can't be had."""
    got = subprocess.run(command, cwd=HERE.parent.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if got.returncode == CANT_BE_HAD and command[0].parent == HERE:
        raise Unavailable((got.stderr.strip() or "it does not say why").splitlines()[-1])
    if got.returncode:
        raise RuntimeError(f"{command}: exit code {got.returncode}\n{got.stdout}{got.stderr}")


class Row:
    """One of the table."""

    def __init__(self, line):
        (self.name, _, self.architecture, _, self.target, emulator, self.console, memory, self.bus, self.processor,
         self.machine) = line.split()
        self.emulator = f"qemu-system-{emulator}"
        self.smallest = int(memory)
        self.memory = max(MEMORY, self.smallest)
        self.folder = BUILD / "image" / self.name
        self.busybox = BUILD / "image" / f"busybox-{self.architecture}"
        # what make has built
        self.output = BUILD if self.target == "-" else BUILD / "cross" / self.target
        self.quarbox = QUARBOX if self.target == "-" else self.output / "quarbox"
        # what guest tests run, where that can't be this machine's
        self.programs = None if self.target == "-" else BUILD / "image" / f"programs-{self.architecture}"
        self.exec_as = self.output / "image/exec_as"

    def prepare(self):
        """All that it takes is there, or Unavailable."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        if not shutil.which(self.emulator):
            raise Unavailable(f"there is no {self.emulator}")
        run(HERE / "kernel", self.name, self.folder)
        run(HERE / "busybox", self.name, self.busybox)
        if self.target != "-":
            triplet = triplet_of(self.target)
            if not shutil.which(f"{triplet}-gcc"):
                raise Unavailable(f"there is no {triplet}-gcc")
            run(HERE.parent / "cross/make", self.target, "full_defconfig", "all", self.exec_as)

    def prepare_programs(self):
        if self.programs:
            run(HERE / "programs", self.name, self.programs)

    def command(self, memory, initramfs, append):
        """Of qemu: a machine without a screen, a network or anything on its serial ports, which ends instead of booting again."""
        machine = self.machine + UNSEEDED.get(self.emulator, "")
        return [self.emulator, "-M", machine, "-cpu", self.processor, "-accel", "tcg", "-m", str(memory), "-nographic",
                "-no-reboot", "-monitor", "none", "-kernel", str(self.folder / "vmlinuz"), "-initrd", str(initramfs),
                "-append", f"console={self.console} quiet panic=-1 oops=panic {append}"]


def died_loading_modules(name, console):
    """Whether that is what happened to the machine, and if so says that it boots again: nothing of ours has run, and no disk was
    mounted. The kernel of the s390x in qemu 7.2 calls its stack corrupt then, once in some 50 boots."""
    died = re.search(r"Kernel panic - .*\n.* Comm: insmod ", console)
    if died:
        print(f"# {name}: its kernel died while it loaded its modules, and boots again", flush=True)
    return died


def lines_of(path):
    return [line for line in path.read_text().splitlines() if line and not line.startswith("#")]


def triplet_of(target):
    return next(words[1] for words in map(str.split, lines_of(HERE.parent / "cross/targets")) if words[0] == target)


def chosen(names):
    """Those rows; without names those of IMAGE_KERNELS, else all."""
    rows = {row.name: row for row in map(Row, lines_of(HERE / "kernels"))}
    return [rows[name] for name in names or os.environ.get("IMAGE_KERNELS", "").split() or rows]


SUMMARY = "# summary {:8} {:8} {:26} {:>6} {:>6} {:>10}"


def on_each(test, names, run_on, reason_not=lambda row: None):
    """Those rows, each whatever becomes of the others. run_on: whether all is good on one. reason_not: why there is nothing to
    try on one. Returns the exit code."""
    print(SUMMARY.format(test, "machine", "kernel", "boot/s", "all/s", "passed/of"), flush=True)
    results = []
    for row in chosen(names):
        reason = reason_not(row)
        if reason:
            print_instead(row, reason)
        else:
            results.append(on_one(test, row, run_on))
    if not results:
        print(f"ok {test} # skipped: {reason}", flush=True)
    return 0 if all(results) else 1


def on_one(test, row, run_on):
    try:
        return run_on(row)
    except Unavailable as why:
        print(f"not ok {row.name} {test}: {why}" if REQUIRED else f"ok {row.name} {test} # skipped: {why}")
        print_instead(row, f"{'not tried' if REQUIRED else 'skipped'}: {why}")
        return not REQUIRED
    except Exception as why:
        print(f"not ok {row.name} {test}: {traceback.format_exception_only(why)[-1].splitlines()[0]}")
        print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
        print_instead(row, "broken")
        return False


def print_instead(row, what):
    """For a row without numbers."""
    print(f"# summary {row.name:8} {row.architecture:8} {what}", flush=True)


def print_summary(row, release, boot, seconds, passed, failed):
    """boot: seconds to the first prompt or test, or None."""
    boot = f"{boot:.1f}" if boot else "-"
    print(SUMMARY.format(row.name, row.architecture, release, boot, f"{seconds:.0f}", f"{passed}/{passed + failed}"), flush=True)
