#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""record.py FILE: types a session at the serial console of the armv7 firmware, from login to release, and writes down all of it.

FILE is written only when every command ended as it should.
"""
import pathlib
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]
import firmware  # noqa: E402
import machines  # noqa: E402
from console import EDITING  # noqa: E402

HEAD = """\
A session at the serial console of an ARMv7 router, from login to release, as it was seen on a terminal of 80x24.

Recorded by `make record` (tests/image/record.py), which typed it: Debian's kernel, a static busybox and quarbox in
qemu-system-arm, emulated, so that times are longer than on a device. The prompt begins with the exit code of the
command before. Nothing is left out but carriage returns, and the shell's questions to the terminal where its cursor is.

--------------------------------------------------------------------------------

"""
REACH = f"nc -w 2 {firmware.FORBIDDEN} 80 </dev/null"
SESSION = [  # what is typed, and the exit code
    ("uname -rm; quarbox --version", 0),
    ("cat /etc/quarbox.conf", 0),
    (REACH, 0),
    ("quarantine --for 8h", 0),
    (f"{REACH}  # nobody answers now", 1),
    ("status", 0),
    ("status --attempts", 0),
    (firmware.PROBE, 0),
    ("release", 0),
    (f"{REACH}  # as before", 0),
    ("status", 1),
]
FILES = {
    "etc/inittab": "::sysinit:/etc/start\nCONSOLE::respawn:/bin/getty -L CONSOLE 115200 vt100\n",
    "etc/passwd": "root::0:0:root:/root:/bin/sh\n",
    "etc/hostname": "router\n",
    "etc/start": firmware.START + "hostname -F /etc/hostname\n",
}


def record(row, work):
    made = firmware.Firmware(row, work)
    try:
        with firmware.Machine(made.command("usual"), firmware.DEADLINE) as machine:
            machine.wait_for(b"router login: ", firmware.BOOT)
            machine.begin("root")
            machine.prompt(60)
            for line, code in SESSION:
                answer = machine.type(line)
                if answer.code != code or answer.unfit():
                    raise RuntimeError(f"{line}: {answer}")
            return EDITING.sub(b"", machine.transcript).replace(b"\r", b"").decode("ascii")
    finally:
        made.close()


def main():
    row, = machines.chosen(["armv7"])
    row.prepare()
    firmware.FILES.update(FILES)
    with tempfile.TemporaryDirectory(dir=row.folder.parent) as work:
        text = record(row, pathlib.Path(work))
    # the last prompt has no answer
    lines = text.splitlines()[:-1]
    pathlib.Path(sys.argv[1]).write_text(HEAD + "\n".join(line.rstrip() for line in lines) + "\n")


main()
