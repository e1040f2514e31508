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
TEST_COLUMNS_MAX = 140  # their tables of cases
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
# A home, a working copy, the mirror of whoever wrote it.
MACHINE = re.compile(r"(?<![\w$}])/(home|root|work|Users)/\w|https?://[a-z.]*debian[a-z.]*/debian")
PARTS = ("applets", "libs", "configs", "tests", ".ci", "Makefile", "Kconfig", "README.md", "CONTRIBUTING.md",
         "CHANGELOG.md", "docs", "packaging")
BINARY = {".gz", ".xz", ".png", ".der", ".bin"}

failures = 0


def report(name, problems):
    global failures
    failures += bool(problems)
    print(f"not ok {name}: {len(problems)} times" if problems else f"ok {name}")
    for problem in problems[:200]:
        print("#", problem)


def all_files():
    for part in PARTS:
        path = ROOT / part
        found = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in found:
            data = file.suffix in BINARY or "__pycache__" in file.parts or "corpus" in file.parts
            if file.is_file() and not data:
                yield file


def shown(path, number):
    return f"{path.relative_to(ROOT)}:{number}"


def is_head(line):
    return line != "" and line[0] != "#" and not line.endswith((";", "}", "*/"))


def functions(path):
    """Name and number of lines of each function: kernel style, the braces of its body in column 0."""
    lines = path.read_text().splitlines()
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
            head = number
            while head > 0 and is_head(lines[head - 1]):
                head -= 1
        elif line == "}" and start is not None:
            name = re.search(r"(\w+)\(", " ".join(lines[head:start]))
            yield name[1] if name else "?", number - head + 1, shown(path, head + 1)
            start = None


files = {path: path.read_text(errors="replace") for path in all_files()}
code = [path for path in files if path.suffix in (".c", ".h")]
product = [path for path in code if path.relative_to(ROOT).parts[0] in ("libs", "applets")]

every = [function for path in product for function in functions(path)]
report("functions_fit_on_a_screen", [f"{place}: {name} has {count} lines" for name, count, place in every
                                     if count > FUNCTION_LINES_MAX])
median = statistics.median(count for _, count, _ in every)
report("functions_are_short", [f"the median is {median} lines"] if median >= FUNCTION_LINES_MEDIAN or len(every) < 100 else [])
print(f"# {len(every)} functions, median {median:g} lines, longest {max(count for _, count, _ in every)}")


def columns(path, line):
    """Width of a line; strings of scripts don't count, which are expressions and messages that nobody should break."""
    if path.suffix in (".sh", ".py") or files[path].startswith("#!"):
        line = re.sub(r"""\"[^"]{20,}\"|'[^']{20,}'""", '""', line)
    return len(line.expandtabs(8))


blanks, long, unfinished, machine, endings = [], [], [], [], []
for path, text in files.items():
    golden = path.suffix in (".nft", ".case", ".yaml")  # what others write
    table = path.suffix == ".md" or path.name == "table"
    limit = TEST_COLUMNS_MAX if path.relative_to(ROOT).parts[0] == "tests" else COLUMNS_MAX
    for number, line in enumerate(text.splitlines(), 1):
        if line != line.rstrip() and not golden:
            blanks.append(shown(path, number))
        if columns(path, line) > limit and not golden and not table:
            long.append(f"{shown(path, number)}: {columns(path, line)} columns")
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
    if path.parent.name == "third_party" or path.suffix != ".h":
        continue
    if not re.search(rf"^#ifndef {guard}\n#define {guard}\n", files[path], re.M):
        wrong.append(f"{path.relative_to(ROOT)}: wants #ifndef {guard}")
report("header_guards", wrong)

HEADER = re.compile(r"/\* SPDX-License-Identifier: .*? \*/\n/\*")
report("headers_say_what_they_are", [str(path.relative_to(ROOT)) for path in code
                                     if path.suffix == ".h" and not HEADER.match(files[path])])


def lacks_licence(path):
    source = path.suffix in (".c", ".h", ".py", ".sh", ".mk", ".awk", ".8") or path.name in ("Makefile", "Kconfig")
    top = "\n".join(files[path].splitlines()[:3])
    return (source or top.startswith("#!")) and "SPDX-License-Identifier: " not in top


report("every_source_names_its_licence", [str(path.relative_to(ROOT)) for path in files if lacks_licence(path)])

shells = [path for path in files if path.suffix == ".sh" or re.match(r"#!(/usr)?/bin/(env )?(ba)?sh\b", files[path])]
said = subprocess.run(["shellcheck", "-S", "error", "-x", *shells], capture_output=True, text=True, check=False)
report("shellcheck", said.stdout.splitlines())
sys.exit(failures > 0)
