#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""configs/finish.c: what it leaves out is nobody's, what it packs is what was there, and a damaged program is refused.

That packed programs start is for tests/cross and tests/image, on the machines whose linker leaves the work to it.
"""
import os
import platform
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PT_LOAD, PT_DYNAMIC = 1, 2
DT_RELA, DT_RELASZ, DT_REL, DT_RELSZ, DT_RELRSZ, DT_RELR, DT_RELRENT = 7, 8, 17, 18, 35, 36, 37
# Close together, far apart, at the last bit of a bitmap and behind it, where 4 and 8 bytes are a word.
POINTERS = [0, 1, 2, 30, 31, 32, 33, 63, 64, 65, 127, 128, 500, 501, 503, 900]
PROGRAM = """
int number;
int *const volatile table[1000] = { %s };
#define PACKED __attribute__((packed, aligned(8)))
const volatile struct PACKED { int *before; short between; int *pointer; } between_words = { &number, 1, &number };
%s
void _start(void) { for (;;) number = *table[0] + *between_words.pointer; }
"""
ODD = "struct PACKED { char before; int *pointer; } odd = { 1, &number };"
CALLED = """
static int one(void) { return 1; }
static void *choose(void) { return one; }
int chosen(void) __attribute__((ifunc("choose")));
int (*const volatile pointer)(void) = chosen;
"""
LAST = f"-Wl,-T,{ROOT}/libs/relocations.ld"

failures = 0


def report(name, wrong):
    global failures
    print(f"not ok {name}: {wrong}" if wrong else f"ok {name}")
    failures += bool(wrong)


class Elf:
    """As much of a little-endian ELF file as is looked at here."""

    def __init__(self, data):
        self.data = data
        self.wide = data[4] == 2
        self.word = 8 if self.wide else 4
        header = struct.unpack_from("<QQIHHHHHH" if self.wide else "<IIIHHHHHH", data, 32 if self.wide else 28)
        table, self.sections_at, _, _, size, count, _, self.section_count, self.section_names = header
        self.segments = []
        for i in range(count):
            if self.wide:
                kind, _, offset, address, _, in_file = struct.unpack_from("<IIQQQQ", data, table + i * size)
            else:
                kind, offset, address, _, in_file = struct.unpack_from("<IIIII", data, table + i * size)
            self.segments.append((kind, offset, address, in_file))
        self.end = max(offset + in_file for kind, offset, _, in_file in self.segments if kind == PT_LOAD)
        self.dynamic = {}
        for kind, offset, _, in_file in self.segments:
            for at in range(offset, offset + in_file, 2 * self.word) if kind == PT_DYNAMIC else []:
                tag, value = self.at(at), self.at(at + self.word)
                self.dynamic.setdefault(tag, value)

    def at(self, offset):
        return int.from_bytes(self.data[offset : offset + self.word], "little")

    def offset(self, address):
        for kind, offset, begin, in_file in self.segments:
            if kind == PT_LOAD and begin <= address < begin + in_file:
                return offset + address - begin
        raise ValueError(f"{address:#x} is not in the file")

    def relocated(self):
        """address: what is added to the place where the program is loaded, of the relocations that are not packed."""
        found = {}
        rela = DT_RELA in self.dynamic
        for at in self.entries():
            address = self.at(at)
            found[address] = self.at(at + 2 * self.word) if rela else self.at(self.offset(address))
        return found

    def entries(self):
        """Where in the file the relocations are that are not packed."""
        rela = DT_RELA in self.dynamic
        begin = self.offset(self.dynamic[DT_RELA if rela else DT_REL])
        return range(begin, begin + self.dynamic[DT_RELASZ if rela else DT_RELSZ], (3 if rela else 2) * self.word)

    def packed(self):
        """The same, of those that are (SHT_RELR)."""
        found = {}
        begin = self.offset(self.dynamic[DT_RELR])
        following = 0
        for at in range(begin, begin + self.dynamic[DT_RELRSZ], self.word):
            entry = self.at(at)
            if entry % 2 == 0:
                addresses = [entry]
                following = entry + self.word
            else:
                addresses = [following + bit * self.word for bit in range(8 * self.word - 1) if entry >> (bit + 1) & 1]
                following += (8 * self.word - 1) * self.word
            found.update((address, self.at(self.offset(address))) for address in addresses)
        return found


def finish(tool, *words):
    return subprocess.run([tool, *words], capture_output=True, text=True, check=False)


def said_wrong(done, copy):
    """One line, and nothing is left."""
    if done.returncode != 1 or done.stderr.count("\n") != 1 or not done.stderr.startswith("finish: "):
        return f"exit code {done.returncode}: {done.stderr[-300:]!r}"
    return "a copy was left" if copy.exists() else None


def without_sections(elf):
    if elf.sections_at or elf.section_count or elf.section_names:
        return "it names section headers"
    if elf.end != len(elf.data):
        return f"it has {len(elf.data)} bytes, of which {elf.end} are loaded"
    return None


def check_quarbox(program):
    """That of the build: where its relocations were packed, that they are all there."""
    elf = Elf(program.read_bytes())
    report("quarbox_is_what_is_loaded", without_sections(elf))
    before = Elf(program.with_name(program.name + ".unstripped").read_bytes())
    if DT_RELR in elf.dynamic and DT_RELR not in before.dynamic:
        same = before.relocated() == elf.packed()
    else:
        same = before.data[64 : elf.end] == elf.data[64:] and before.segments == elf.segments
    report("quarbox_is_as_linked", None if same else "a segment differs")


def link(work, name, flags, more=""):
    program = work / name
    (work / "program.c").write_text(PROGRAM % (", ".join(f"[{i}] = &number + {i}" for i in POINTERS), more))
    command = ["gcc", *flags, "-fPIE", "-nostdlib", "-static-pie", "-Wl,--build-id=none", "-o", program, work / "program.c"]
    subprocess.run(command, check=True)
    return program


def shuffle(program):
    """The same in another order; and where they say what is added, nothing of it in its place."""
    elf = Elf(program.read_bytes())
    data = bytearray(elf.data)
    places = elf.entries()
    entries = [elf.data[at : at + places.step] for at in places]
    random.Random(1).shuffle(entries)
    for at, entry in zip(places, entries):
        data[at : at + places.step] = entry
    for address in elf.relocated() if DT_RELA in elf.dynamic else []:
        at = elf.offset(address)
        data[at : at + elf.word] = bytes(elf.word)
    program.write_bytes(data)


def check_packing(tool, work, name, flags):
    program, copy = link(work, name, [*flags, LAST]), work / f"{name}.copy"
    shuffle(program)
    done = finish(tool, program, copy, "--pack")
    if done.returncode or done.stderr:
        report(f"{name}_packs", f"exit code {done.returncode}: {done.stderr}")
        return
    before, after = Elf(program.read_bytes()), Elf(copy.read_bytes())
    wanted = before.relocated()
    report(f"{name}_has_relocations", None if len(wanted) > len(POINTERS) else f"only {len(wanted)}")
    got = after.packed()
    report(f"{name}_packs", None if got == wanted else f"{sorted(wanted.items())} became {sorted(got.items())}")
    old = {DT_RELA, DT_RELASZ, DT_REL, DT_RELSZ} & set(after.dynamic)
    report(f"{name}_has_no_others", f"tags {old}" if old else None)
    each = after.dynamic[DT_RELRENT]
    report(f"{name}_entry_size", None if each == after.word else f"{each}")
    end = after.offset(after.dynamic[DT_RELR]) + after.dynamic[DT_RELRSZ]
    report(f"{name}_ends_with_them", None if end == after.end else f"{end}, {after.end}")
    report(f"{name}_is_what_is_loaded", without_sections(after))
    mode = copy.stat().st_mode & 0o777
    report(f"{name}_can_be_run", None if mode == 0o755 else oct(mode))
    check_kept(tool, work, f"{name}_odd", "one is not relative, or", [*flags, LAST], ODD)
    check_kept(tool, work, f"{name}_not_relative", "one is not relative, or", [*flags, LAST], CALLED)
    check_kept(tool, work, f"{name}_elsewhere", "they are not the last", flags, "")
    check_damage(tool, work, name, program, copy)


def check_kept(tool, work, name, reason, flags, more):
    """What can't be packed is left as it is, and that is said."""
    program, copy = link(work, name, flags, more), work / f"{name}.copy"
    done = finish(tool, program, copy, "--pack")
    wrong = None
    if done.returncode or done.stderr.count("\n") != 1 or f"stay unpacked: {reason}" not in done.stderr:
        wrong = f"exit code {done.returncode}: {done.stderr}"
    else:
        before, after = Elf(program.read_bytes()), Elf(copy.read_bytes())
        if before.data[64 : before.end] != after.data[64:] or before.segments != after.segments:
            wrong = "a segment differs"
    report(f"{name}_is_kept", wrong)


def check_damage(tool, work, name, program, copy):
    data = program.read_bytes()
    damaged = work / "damaged"
    wrong = None
    for length in list(range(0, 64)) + list(range(64, Elf(data).end, 211)):
        copy.unlink(missing_ok=True)
        damaged.write_bytes(data[:length])
        wrong = wrong or said_wrong(finish(tool, damaged, copy, "--pack"), copy)
    report(f"{name}_cut_off", wrong)
    wrong = None
    chance = random.Random(1)
    dynamic = next(offset for kind, offset, _, _ in Elf(data).segments if kind == PT_DYNAMIC)
    for _ in range(300):
        bad = bytearray(data)
        for _ in range(chance.randint(1, 3)):
            at = chance.choice([chance.randrange(4, 400), dynamic + chance.randrange(0, 300)])
            bad[at] = chance.choice([0, 1, 0x7F, 0xFF, chance.randrange(256)])
        damaged.write_bytes(bad)
        done = finish(tool, damaged, copy, "--pack")
        if done.returncode not in (0, 1) or done.stderr.count("\n") > 1:
            wrong = f"exit code {done.returncode}: {done.stderr[-500:]}"
    report(f"{name}_damaged", wrong)


def main():
    quarbox = Path(os.environ.get("QUARBOX", ROOT / "build/quarbox"))
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        tool = work / "finish"
        flags = "-std=c11 -D_GNU_SOURCE -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
        subprocess.run(["gcc", *flags.split(), "-o", tool, ROOT / "configs/finish.c"], check=True)
        check_quarbox(quarbox)
        if platform.machine() == "x86_64":
            check_packing(tool, work, "rela", ["-m64"])
            check_packing(tool, work, "rel", ["-m32"])
        else:
            print("ok packing # skipped: only gcc for x86-64 links for two word sizes")
        copy = work / "copy"
        copy.unlink(missing_ok=True)
        (work / "text").write_text("no program, though it is long enough for a header of one, and somewhat longer\n")
        report("no_program", said_wrong(finish(tool, work / "text", copy), copy))
        report("no_file", said_wrong(finish(tool, work / "none", copy), copy))
        report("no_folder", said_wrong(finish(tool, quarbox, work / "none" / "copy"), work / "none"))
        done = finish(tool, quarbox, "/dev/full")
        report("disk_full", None if "No space left" in done.stderr and done.returncode == 1 else repr(done.stderr))
    return failures > 0


sys.exit(main())
