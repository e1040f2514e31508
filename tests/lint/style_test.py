#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How the files look: lengths, headers, blanks, nothing that belongs to one machine only."""
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FUNCTION_LINES_MAX = 60
FUNCTION_LINES_MEDIAN = 15
COLUMNS_MAX = 120
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
# A home, a working copy, the mirror of whoever wrote it.
MACHINE = re.compile(r"/(home|root|work|Users)/\w|https?://[a-z.]*debian[a-z.]*/debian")
PARTS = ("applets", "libs", "configs", "tests", ".ci", "Makefile", "Kconfig", "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs",
         "packaging")
BINARY = {".gz", ".xz", ".png", ".der", ".bin"}

failures = 0


def report(name, problems):
    global failures
    failures += bool(problems)
    print(f"not ok {name}: {len(problems)} times" if problems else f"ok {name}")
    for problem in problems[:40]:
        print("#", problem)


def all_files():
    for part in PARTS:
        path = ROOT / part
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in found:
            if file.is_file() and file.suffix not in BINARY and "__pycache__" not in file.parts:
                yield file


def shown(path, number):
    return f"{path.relative_to(ROOT)}:{number}"


def functions(path):
    """Name and number of lines of each function: kernel style, the braces of its body in column 0."""
    lines = path.read_text().splitlines()
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
            head = number
            while head > 0 and lines[head - 1] and not lines[head - 1].endswith((";", "}", "*/")) and lines[head - 1][0] != "#":
                head -= 1
        elif line == "}" and start is not None:
            name = re.search(r"(\w+)\(", " ".join(lines[head:start]))
            yield name[1] if name else "?", number - head + 1, shown(path, head + 1)
            start = None


files = {path: path.read_text(errors="replace") for path in all_files()}
code = [path for path in files if path.suffix in (".c", ".h")]
product = [path for path in code if path.relative_to(ROOT).parts[0] in ("libs", "applets")]

every = [function for path in product for function in functions(path)]
report("functions_fit_on_a_screen", [f"{place}: {name} has {count} lines" for name, count, place in every if count > FUNCTION_LINES_MAX])
median = statistics.median(count for _, count, _ in every)
report("functions_are_short", [f"the median is {median} lines"] if median >= FUNCTION_LINES_MEDIAN or len(every) < 100 else [])
print(f"# {len(every)} functions, median {median:g} lines, longest {max(count for _, count, _ in every)}")

blanks, long, unfinished, machine, endings = [], [], [], [], []
for path, text in files.items():
    golden = path.suffix == ".nft" or path.suffix == ".case"
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip() and not golden:
            blanks.append(shown(path, number))
        if len(line.expandtabs(8)) > COLUMNS_MAX + 8 * path.suffix.startswith(".md") and path.suffix != ".md" and not golden:
            long.append(f"{shown(path, number)}: {len(line.expandtabs(8))} columns")
        if UNFINISHED.search(line):
            unfinished.append(shown(path, number))
        if MACHINE.search(line):
            machine.append(f"{shown(path, number)}: {line.strip()}")
    if text and not text.endswith("\n") or "\r" in text:
        endings.append(str(path.relative_to(ROOT)))
report("no_trailing_blanks", blanks)
report("lines_are_not_too_long", long)
report("nothing_unfinished", unfinished)
report("nothing_of_one_machine", machine)
report("lines_end_as_they_should", endings)

wrong = []
for path in code:
    guard = "_".join(path.relative_to(ROOT).with_suffix("").parts[-2:]).upper() + "_H"
    if path.suffix == ".h" and not re.search(rf"^#ifndef {guard}\n#define {guard}\n", files[path], re.M) and path.name != "applet_list.h":
        wrong.append(f"{path.relative_to(ROOT)}: wants #ifndef {guard}")
report("header_guards", wrong)

report("headers_say_what_they_are", [str(path.relative_to(ROOT)) for path in code if path.suffix == ".h" and
       not re.match(r"/\* SPDX-License-Identifier: \S+( \S+)* \*/\n/\*", files[path])])


def needs_licence(path):
    return path.suffix in (".c", ".h", ".py", ".sh", ".mk", ".awk") or path.name in ("Makefile", "Kconfig") or files[path].startswith("#!")


report("every_source_names_its_licence", [str(path.relative_to(ROOT)) for path in files if needs_licence(path) and
       "SPDX-License-Identifier: " not in "\n".join(files[path].splitlines()[:3])])

shells = [path for path in files if path.suffix == ".sh" or re.match(r"#!(/usr)?/bin/(env )?(ba)?sh\b", files[path])]
said = subprocess.run(["shellcheck", "-S", "error", "-x", *shells], capture_output=True, text=True, check=False)
report("shellcheck", said.stdout.splitlines())
sys.exit(failures > 0)
