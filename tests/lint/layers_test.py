#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The layers of libs/README.md, and what a library must not do."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GENERATED = {"applet_list.h", "build_info.h"}  # of the build, for applets
# Of <stdio.h> and the like: what prints, ends the process, or reads the environment.
FORBIDDEN = re.compile(r"\b(printf|fprintf|dprintf|vprintf|puts|fputs|putchar|perror|"
                       r"exit|abort|assert|getenv|secure_getenv|setenv)\s*\(")
WRITABLE = re.compile(r"^static (?!const\b|inline\b)(?!.*\bconst\s+\w+\s*(\[|=))"
                      r"[\w *]+\s\**\w+(\[[^]]*\])*( =.*|;)$")

failures = 0


def report(name, problems):
    global failures
    failures += bool(problems)
    print(f"not ok {name}: {len(problems)} times" if problems else f"ok {name}")
    for problem in problems:
        print("#", problem)


def read_layers():
    table = {}
    for line in (ROOT / "libs/README.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 3 and cells[0] != "library":
            table[cells[0]] = set(cells[1].replace("-", "").split())
    return table


def sources(folder):
    return sorted(path for path in (ROOT / folder).rglob("*.[ch]"))


def code_lines(path):
    """Number and text of each line, without comments and strings."""
    text = re.sub(r"/\*.*?\*/", lambda match: re.sub(r"[^\n]", " ", match[0]), path.read_text(), flags=re.S)
    for number, line in enumerate(text.splitlines(), 1):
        yield number, line if line.startswith("#include") else re.sub(r'"(\\.|[^"\\])*"', '""', line)


def includes(path):
    for number, line in code_lines(path):
        match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if match:
            yield f"{path.relative_to(ROOT)}:{number}", match[1]


layers = read_layers()
folders = {path.name for path in (ROOT / "libs").iterdir() if path.is_dir() and any(path.glob("*.c"))}

report("layers_table", [f"libs/{name} is not in libs/README.md" for name in folders - set(layers)] +
       [f"{name} may use {used}, which is no library" for name, uses in layers.items() for used in uses - set(layers)])

wrong = []
for name in sorted(folders - {"third_party"}):
    for path in sources(f"libs/{name}"):
        for place, header in includes(path):
            library = header.split("/")[0] if "/" in header else None
            if not (ROOT / "libs" / header).is_file() or library not in layers[name] | {name}:
                wrong.append(f"{place}: {header}")
report("layers_libraries", wrong)

wrong = []
for path in sources("applets"):
    for place, header in includes(path):
        own = (path.parent / header).resolve()
        if header in GENERATED or header == "../applet.h" or own.is_file() and own.parent == path.parent:
            continue
        if not (ROOT / "libs" / header).is_file() or header.split("/")[0] not in layers["applets"]:
            wrong.append(f"{place}: {header}")
report("layers_applets", wrong)

calls = []
globals_ = []
for path in sources("libs"):
    if path.parent.name == "third_party":
        continue
    for number, line in code_lines(path):
        if FORBIDDEN.search(line):
            calls.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
        if WRITABLE.match(line):
            globals_.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
report("libraries_neither_print_nor_exit", calls)
report("libraries_have_no_writable_globals", globals_)
sys.exit(failures > 0)
