#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An initramfs with quarbox, a busybox, what a guest test runs, and the modules that it loads.

Programs of this machine come with their shared libraries, Python scripts with the modules of the library that they import.
Nothing is unpacked or mounted, so that no privilege is needed.
"""
import functools
import glob
import importlib
import os
import pathlib
import re
import shutil
import stat
import subprocess

NEWC = "070701" + "%08X" * 13


class Archive:
    """A cpio archive in the kernel's format (Documentation/driver-api/early-userspace/buffer-format)."""

    def __init__(self):
        self.entries = {}

    def _add(self, path, mode, data=b"", device=(0, 0), time=0):
        path = path.strip("/")
        parent = os.path.dirname(path)
        if parent and parent not in self.entries:
            self.folder(parent)
        self.entries[path] = (mode, data, device, time)

    def folder(self, path):
        self._add(path, stat.S_IFDIR | 0o755)

    def link(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def device(self, path, major, minor):
        self._add(path, stat.S_IFCHR | 0o600, device=(major, minor))

    def text(self, path, text, mode=0o644):
        self._add(path, stat.S_IFREG | mode, text.encode())

    def file(self, source, path=None):
        """A file of this machine, at the same place; what links to it is followed. Its time stays: compiled Python has it."""
        about = os.stat(source)
        data = pathlib.Path(source).read_bytes()
        self._add(path or source, stat.S_IFREG | (about.st_mode & 0o755), data, time=int(about.st_mtime))

    def program(self, source, path=None):
        """A program or shared object, and what it is linked with."""
        self.file(source, path)
        for library in libraries_of(source):
            if library.strip("/") not in self.entries:
                self.file(library)

    def tree(self, folder):
        """All of a folder of this machine, at the root."""
        for found in sorted(folder.rglob("*")):
            path = str(found.relative_to(folder))
            if found.is_symlink():
                self.link(path, os.readlink(found))
            elif found.is_file():
                self.file(found, path)

    def write(self, path):
        with open(path, "wb") as out:
            for number, (name, (mode, data, device, time)) in enumerate([*self.entries.items(), ("TRAILER!!!", (0, b"", (0, 0), 0))]):
                name = name.encode() + b"\0"
                head = NEWC % (number + 1, mode, 0, 0, 1, time, len(data), 0, 0, *device, len(name), 0)
                for part in (head.encode() + name, data):
                    out.write(part + bytes(-len(part) % 4))


@functools.lru_cache(maxsize=None)
def libraries_of(path):
    """As the dynamic linker finds them."""
    said = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(?:=> )?(/\S+) \(0x", said)


def add_python(archive, scripts):
    """The interpreter, and all that it reads when it imports the scripts: files beside them, and of the library."""
    archive.program("/usr/bin/python3")
    folder = scripts[0].parent
    names = ", ".join(script.stem for script in scripts)
    said = subprocess.run(["/usr/bin/python3", "-Bc", f"import {names}, sys\n"
                           "for module in list(sys.modules.values()):\n"
                           "    print(getattr(module, '__file__', None) or '', getattr(module, '__cached__', None) or '')"],
                          cwd=folder, env={"PYTHONPATH": str(folder), "LC_ALL": "C"}, capture_output=True, text=True, check=True)
    for file in sorted(set(said.stdout.split())):
        if file.startswith(f"{folder}/"):
            if file.endswith(".py"):
                archive.file(file, f"/test/{os.path.basename(file)}")
        elif file.endswith(".so"):
            archive.program(file)
        elif os.path.exists(file):
            archive.file(file)


# ---- modules ----


class Modules:
    """Those of a kernel, by name, alias and dependency, as their .modinfo sections say it."""

    def __init__(self, folder):
        self.files = {path.stem.replace("-", "_"): path for path in sorted(folder.glob("*.ko"))}
        self.order = []

    def info(self, name, key):
        data = self._read(name)
        return [match.decode() for match in re.findall(rb"\0" + key.encode() + rb"=([^\0]*)\0", data)]

    @functools.lru_cache(maxsize=None)
    def _read(self, name):
        # entries end with one zero byte each; another one makes them all begin with one
        return self.files[name].read_bytes().replace(b"\0", b"\0\0")

    @functools.lru_cache(maxsize=None)
    def _algorithms(self):
        """Modules of crypto that others ask for by a name."""
        found = {}
        for name in self.files:
            if name.startswith("crc32"):
                found.update((alias, name) for alias in self.info(name, "alias"))
        return found

    def add(self, name):
        """It and before it what it needs. One that is not there is part of the kernel, or of no use to it."""
        name = self._algorithms().get(name, name).replace("-", "_")
        if name in self.order or name not in self.files:
            return
        needs = [part for text in self.info(name, "depends") for part in text.split(",") if part]
        for text in self.info(name, "softdep"):
            needs += re.findall(r"[\w-]+(?!:)\b", text.partition("pre:")[2].partition("post:")[0])
        for need in needs:
            self.add(need)
        self.order.append(name)


# ---- the whole ----


def programs_of(script):
    """PROGRAMS of a guest test, each with where it is found on this machine."""
    return [(program, glob.glob(shutil.which(program) or program)) for program in importlib.import_module(script).PROGRAMS]


def lacking_programs(scripts):
    return sorted({program for script in scripts for program, found in programs_of(script) if not found})


# The console is the kernel's and the shell's, a port of its own takes what the test says.
INIT = """#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /run /tmp
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
export PATH=/usr/sbin:/usr/bin:/sbin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/test HOME=/
while read -r module; do
    insmod "/modules/$module.ko" || not_loaded="$not_loaded $module"
done </modules/order
exec 3>/dev/vport0p1
echo "# booted $(cut -d ' ' -f 1 /proc/uptime) $(uname -r)${not_loaded:+ without$not_loaded}" >&3
for test in TESTS; do
    /usr/bin/python3 "/test/$test.py" "$@" >&3 2>&1 3>&- </dev/null
    echo "# end $test $?" >&3
done
reboot -f
"""


def make_initramfs(path, scripts, row):
    """Scripts are those that /init runs, in this order; PROGRAMS and MODULES of each say what it needs. On another processor the
    programs are all those of row.programs."""
    archive = Archive()
    for folder in ("dev", "proc", "sys", "run", "tmp", "etc", "root", "var/lock", "etc/ppp"):
        archive.folder(folder)
    archive.link("var/run", "/run")
    archive.device("dev/console", 5, 1)
    archive.device("dev/null", 1, 3)
    if row.programs:
        archive.tree(row.programs)
    archive.file(row.busybox, "/usr/bin/busybox")
    archive.file(row.busybox, "/bin/busybox")
    for name in ("sh", "mount", "mkdir", "insmod", "reboot", "cut", "uname", "echo", "cat", "dmesg", "kill", "sleep", "ps", "true"):
        archive.link(f"bin/{name}", "/bin/busybox")
    archive.file(row.quarbox, "/usr/sbin/quarbox")
    for applet in sorted((row.quarbox.parent / "bin").iterdir()):
        if applet.is_symlink():
            archive.link(f"usr/sbin/{applet.name}", "quarbox")
    known = Modules(row.folder / "modules")
    for name in ("virtio_pci", "virtio_console"):
        known.add(name)
    for script in scripts:
        for _, paths in () if row.programs else programs_of(script.stem):
            for found in paths:
                archive.program(found)
        for name in importlib.import_module(script.stem).MODULES:
            known.add(name)
    if row.programs:
        for script in scripts[0].parent.glob("*.py"):
            archive.file(script, f"/test/{script.name}")
    else:
        add_python(archive, scripts)
    for name in known.order:
        archive.file(str(known.files[name]), f"/modules/{name}.ko")
    archive.text("modules/order", "".join(f"{name}\n" for name in known.order))
    archive.text("etc/passwd", "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
    archive.text("etc/group", "root:x:0:\nnogroup:x:65534:\n")
    archive.text("etc/hosts", "127.0.0.1 localhost\n")
    archive.text("init", INIT.replace("TESTS", " ".join(script.stem for script in scripts)), 0o755)
    archive.write(path)
