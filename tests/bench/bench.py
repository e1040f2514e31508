#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures quarbox against what it replaces, in one run, and prints figures and ratios: bench.py FOLDER

FOLDER is where the Makefile builds ($O): quarbox, bench/run and bench/floor are in it. All of it happens in a network
and mount namespace of its own. A budget that is missed is marked, but fails nothing: ratios of milliseconds are noisy.

Another namespace holds a quarantine all the while. The kernel patches its own code when the first chain of a machine
is hooked in and when the last one goes, which takes longer than everything else here, whoever asks for it.
"""
import contextlib
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
SERVERS = HERE.parent / "netns" / "servers"
NFT = shutil.which("nft", path="/usr/sbin:/sbin:" + os.environ["PATH"])
TABLE = "vrr_quarantine_table"
SERVER = "https://192.0.2.1/"
ROUNDS = 7  # what is compared is measured by turns, so that a busy moment of the machine hits all alike
RUNS = 9  # in each round
SETS = {1: (5, 5), 100: (5, 5), 1_000: (5, 3), 10_000: (3, 3), 100_000: (1, 3)}  # addresses: runs in a round, rounds
MEMORY_RUNS = 5
ROUND_TRIPS = 20_000  # in a run
PACKET_ROUNDS = 11
CONTAINED = '"step":"contain"'  # said with -j once the kernel has acknowledged the transaction
CURVES = "P-521:P-384:P-256"


class Case:
    """Something to be measured: one or more commands that count as one."""

    def __init__(self, name, *commands, before=None, until=None):
        self.name, self.commands, self.before, self.until = name, commands, before, until
        self.walls, self.cpus, self.memory = [], [], 0

    wall = property(lambda self: statistics.median(self.walls))  # microseconds
    cpu = property(lambda self: statistics.median(self.cpus))


class Bench:
    def __init__(self, folder, work):
        self.folder, self.work = Path(folder).resolve(), Path(work)
        # What the linker has just written, the kernel holds in larger pieces than a copy, and maps whole pieces: a
        # device runs what was copied to it.
        self.bin = self.work / "bin"
        self.bin.mkdir()
        self.quarbox = self.bin / "quarbox"
        output(["cp", self.folder / "quarbox", self.quarbox])
        for link in (self.folder / "bin").iterdir():
            (self.bin / link.name).symlink_to("quarbox")

    def applet(self, name, *arguments):
        return [self.bin / name, *arguments]

    def time(self, case, runs):
        words = [self.folder / "bench" / "run", runs]
        words += ["--until", case.until] if case.until else []
        words += ["--before", *case.before, "--"] if case.before else []
        for line in output(words + joined(case.commands)).splitlines():
            wall, cpu = line.split()
            case.walls.append(int(wall))
            case.cpus.append(max(int(cpu), 1))

    def peak(self, case):
        """Median of the peak memory, in KiB: which pages of a file the kernel maps at once is partly chance."""
        peaks = []
        for _ in range(MEMORY_RUNS):
            if case.before:
                output(case.before)
            peaks.append(int(output([self.folder / "bench" / "peak"] + joined(case.commands))))
        case.memory = statistics.median(peaks)

    def least(self, case):
        """The least address space, in KiB, in which it does its work; it must, as on a device with 32 MB."""
        low, high = 0, 2 * 32 << 10
        while high - low > 4:
            middle = (low + high) // 2
            if case.before:
                output(case.before)
            words = ["prlimit", f"--as={middle << 10}", *case.commands[0]]
            if middle == 32 << 10:
                output(words)
            elif subprocess.run(words, capture_output=True, check=False).returncode:
                low = middle
                continue
            high = middle
        output(self.applet("release"))
        return high

    def measure(self, *cases, runs=RUNS, rounds=ROUNDS):
        for _ in range(rounds):
            for case in cases:
                self.time(case, runs)
                output(self.applet("release"))
        for case in cases:
            self.peak(case)
            output(self.applet("release"))


def joined(commands):
    """Commands with -- between them."""
    words = [word for command in commands for word in ["--", *command]]
    return words[1:]


def output(words, **options):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False, **options)
    if done.returncode:
        sys.exit(f"bench: {words[0]} exits with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


# --- printing -------------------------------------------------------------------------------------


def heading(text):
    print(f"\n{text}\n", flush=True)


def table(*cases):
    print(f"  {'':<40}{'wall time':>13}{'CPU time':>12}{'memory':>11}")
    for case in cases:
        print(f"  {case.name:<40}{case.wall / 1000:>10.2f} ms{case.cpu / 1000:>9.2f} ms{case.memory:>8.0f} KB")
    print(flush=True)


def verdict(name, measured, unit, sign, budget, within, remark=""):
    met = "ok" if within else "MISSED"
    print(f"  {name:<40}{measured:>8}{unit:<3} budget {sign} {f'{budget}{unit}':<7} {met}{remark}", flush=True)


def at_least(name, measured, budget, best=None):
    """A ratio against DESIGN's budget for it; best: what the floor has, and so the most that there is to be had."""
    remark = f", the floor has {best:.1f}x" if best else ""
    verdict(name, f"{measured:.1f}", "x", ">=", budget, measured >= budget, remark)


def at_most(name, measured, budget):
    verdict(name, f"{measured:.1f}", "x", "<=", budget, measured <= budget)


def memory_at_most(name, case, budget):
    verdict(name, f"{case.memory:.0f}", " KB", "<=", budget, case.memory <= budget)


# --- one transaction ------------------------------------------------------------------------------


def artifact_commands():
    """What Linux.Remediation.Quarantine calls, for one server given by address."""
    def chain(name, hook):
        return ["add", "chain", "inet", TABLE, name,
                "{", "type", "filter", "hook", hook, "priority", "0;", "policy", "drop;", "}"]

    def rule(name, *words):
        return ["add", "rule", "inet", TABLE, name, *words, "accept"]
    calls = [
        ["--version"],
        ["delete", "table", "inet", TABLE],
        ["add", "table", "inet", TABLE],
        chain("inbound_chain", "input"),
        rule("inbound_chain", *"ip saddr 192.0.2.1 tcp sport { 443 } ct state established".split()),
        rule("inbound_chain", *"udp sport domain ct state established".split()),
        chain("outbound_chain", "output"),
        rule("outbound_chain", *"ip daddr 192.0.2.1 tcp dport { 443 } ct state established,new".split()),
        rule("outbound_chain", *"tcp dport { 53 } ct state new,established".split()),
        rule("outbound_chain", *"udp dport { 53,67,68 } ct state new,established".split()),
        chain("forward_chain", "forward"),
    ]
    return [[NFT, *call] for call in calls]


def record_transaction(bench, arguments):
    """The bytes of quarantine's transaction, without the rule set's generation, which is another one each time."""
    trace, file = bench.work / "trace", bench.work / "transaction"
    output(["strace", "-o", trace, "-e", "trace=sendto", "-e", "write=all", "-xx", "-s", "100000000", "-e", "raw=sendto",
            *arguments])
    sent = []
    for line in trace.read_text().splitlines():
        if line.startswith("sendto("):
            sent.append(bytearray())
        elif line.startswith(" |"):
            sent[-1] += bytes.fromhex(line[9:58])
    transaction = next(data for data in sent if data[4:6] == b"\x10\x00")  # NFNL_MSG_BATCH_BEGIN
    length = int.from_bytes(transaction[:4], sys.byteorder)
    header = 20  # nlmsghdr and nfgenmsg; the attribute with the generation comes after it
    file.write_bytes(header.to_bytes(4, sys.byteorder) + transaction[4:header] + transaction[length:])
    output(bench.applet("release"))
    return file


def dry_run(bench, arguments, name):
    file = bench.work / name
    file.write_text(output([*arguments, "-n"]))
    return file


def one_transaction(bench):
    heading("One server: from the start of the first process to the end of the last")
    ours = bench.applet("quarantine", "--no-probe", SERVER)
    rules = dry_run(bench, ours, "rules.nft")
    transaction = record_transaction(bench, ours)
    clean = bench.applet("release")
    contained = Case("quarantine --no-probe: contained", [*ours, "-j"], before=clean, until=CONTAINED)
    inet = Case("the same, --layers inet", [*ours, "-j", "--layers", "inet"], before=clean, until=CONTAINED)
    quarantine = Case("quarantine --no-probe, to its end", ours, before=clean)
    artifact = Case("the artifact: 11 processes of nft", *artifact_commands(), before=clean)
    nft = Case("one nft -f of the same rules", [NFT, "-f", rules], before=clean)
    floor = Case("floor: the same bytes, already prepared", [bench.folder / "bench" / "floor", transaction], before=clean)
    release = Case("release", clean, before=ours)
    status = Case("status", bench.applet("status"), before=ours)
    bench.measure(contained, inet, quarantine, artifact, nft, floor, release, status)
    table(contained, inet, quarantine, artifact, nft, floor, release, status)
    print("  To its end it also ends what was open and reads back; the others do not. Listing sockets walks the machine's\n"
          "  whole table, which is as large as its memory allows.\n")
    at_least("artifact / quarantine, wall time", artifact.wall / contained.wall, 40, artifact.wall / floor.wall)
    at_least("artifact / quarantine, CPU time", artifact.cpu / contained.cpu, 30, artifact.cpu / floor.cpu)
    at_least("artifact / quarantine, memory", artifact.memory / quarantine.memory, 10)
    at_least("nft -f / quarantine, wall time", nft.wall / contained.wall, 5, nft.wall / floor.wall)
    at_least("nft -f / quarantine, memory", nft.memory / quarantine.memory, 10)
    at_most("quarantine / floor, wall time", contained.wall / floor.wall, 2)
    memory_at_most("quarantine, memory", quarantine, 512)
    memory_at_most("release, memory", release, 320)
    memory_at_most("status, memory", status, 320)
    print(f"  Where memory is short: quarantine does its work in an address space of {bench.least(quarantine)} KB.")


# --- many addresses -------------------------------------------------------------------------------


def write_config(bench, count):
    file = bench.work / f"{count}.conf"
    addresses = (f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(1, count + 1))
    file.write_text(f"server {SERVER}\n" + "".join(f"allow tcp:{address}:443\n" for address in addresses))
    return file


def many_addresses(bench):
    heading("Many allowed addresses: quarantine --no-probe until contained, to its end; and nft -f of the same rules")
    print(f"  {'addresses':>9}{'contained':>13}{'to its end':>24}{'nft -f':>25}  ratio: time, memory")
    results = {}
    for count, (runs, rounds) in SETS.items():
        ours = bench.applet("quarantine", "--no-probe", "-c", write_config(bench, count))
        rules = dry_run(bench, ours, f"{count}.nft")
        clean = bench.applet("release")
        contained = Case("contained", [*ours, "-j"], before=clean, until=CONTAINED)
        mine, nft = Case("quarantine", ours, before=clean), Case("nft -f", [NFT, "-f", rules], before=clean)
        bench.measure(contained, mine, nft, runs=runs, rounds=rounds)
        results[count] = mine, nft, contained
        print(f"  {count:>9}{contained.wall / 1000:>10.2f} ms{mine.wall / 1000:>10.2f} ms{mine.memory:>8.0f} KB"
              f"{nft.wall / 1000:>11.2f} ms{nft.memory:>8.0f} KB{nft.wall / contained.wall:>9.1f}x"
              f"{nft.memory / mine.memory:>8.1f}x", flush=True)
    print()
    (small, *_), (middle, *_), (large, nft, contained) = results[100], results[10_000], results[100_000]
    memory_at_most("quarantine, 1,000 addresses, memory", results[1_000][0], 512)
    at_least("nft -f / quarantine, 100,000, wall time", nft.wall / contained.wall, 4)
    at_least("nft -f / quarantine, 100,000, memory", nft.memory / large.memory, 100)
    print("  growth for each address, to its end, from 100 to 10,000 and from 10,000 to 100,000:")
    for what, unit, scale in ("wall", "us", 1), ("cpu", "us", 1), ("memory", "bytes", 1024):
        figures = [getattr(result, what) * scale for result in (small, middle, large)]
        first, second = (figures[1] - figures[0]) / 9_900, (figures[2] - figures[1]) / 90_000
        print(f"    {what:<10}{first:>8.2f} and {second:>8.2f} {unit}")


# --- the probe ------------------------------------------------------------------------------------


@contextlib.contextmanager
def running(words, **options):
    process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               **options)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def tls_server(bench):
    """OpenSSL's own, which takes little time of its own: TLS 1.3 only, RSA-2048, the curves of Velociraptor's."""
    return ["openssl", "s_server", "-quiet", "-accept", "127.0.0.1:8443", "-WWW", "-tls1_3", "-groups", CURVES,
            "-cert", "server.pem", "-key", "server.key"]


def one_probe(bench):
    heading("One request for server.pem: TLS 1.3, RSA-2048")
    curl = shutil.which("curl")
    output([SERVERS / "make_certificates", bench.work])
    url = "https://127.0.0.1:8443/"
    verified = bench.applet("probe", "--ca", bench.work / "ca.pem", "--name", "VelociraptorServer", url)
    with running(tls_server(bench), stdout=subprocess.DEVNULL, cwd=bench.work):
        output([curl, "-sk", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", url + "server.pem"])
        ours = Case("probe, verified", verified)
        theirs = Case("curl -k", [curl, "-sk", url + "server.pem"])
        bench.measure(ours, theirs)
        least = bench.least(ours)
    table(ours, theirs)
    at_least("curl -k / probe, wall time", theirs.wall / ours.wall, 2)
    at_least("curl -k / probe, memory", theirs.memory / ours.memory, 30)
    memory_at_most("probe, memory", ours, 512)
    print(f"  Where memory is short: probe does its work in an address space of {least} KB.")


# --- allowed packets ------------------------------------------------------------------------------


def in_peer(*words):
    return ["nsenter", "--net=/run/netns/peer", *words]


def lay_link():
    """The device's uplink; its other end, where the server is, is in the namespace peer."""
    for words in (["netns", "add", "peer"], ["link", "add", "wan", "type", "veth", "peer", "name", "eth0", "netns", "peer"],
                  ["address", "add", "192.0.2.2/24", "dev", "wan"], ["link", "set", "wan", "up"],
                  ["-n", "peer", "address", "add", "192.0.2.1/24", "dev", "eth0"], ["-n", "peer", "link", "set", "eth0", "up"]):
        output(["ip", *words])


def allowed_packets(bench):
    heading("A byte to the server and one back, over an allowed connection: two packets each way")
    lay_link()
    program = bench.folder / "bench" / "round_trips"
    states = {
        "no rules": [],
        "the artifact": artifact_commands()[2:],
        "quarantine": [bench.applet("quarantine", "-q", "--no-probe", SERVER)],
        "quarantine --layers inet": [bench.applet("quarantine", "-q", "--no-probe", "--layers", "inet", SERVER)],
    }
    times = {name: [] for name in states}
    with running(in_peer(program, "serve", "192.0.2.1", 443), stdout=subprocess.PIPE, text=True) as server:
        server.stdout.readline()
        for _ in range(PACKET_ROUNDS):
            for name, commands in states.items():
                for command in commands:
                    output(command)
                times[name].append(int(output([program, ROUND_TRIPS, "192.0.2.1", 443])))
                output(bench.applet("release"))
    best = {name: min(values) for name, values in times.items()}  # what disturbs can only add
    for name, value in best.items():
        added = (value - best["no rules"]) / 1000
        print(f"  {name:<40}{value / 1000:>10.2f} us, {added:>5.2f} us of rules,"
              f"{value / best['the artifact']:>5.2f}x the artifact's", flush=True)


# --- size -----------------------------------------------------------------------------------------


def files_of(program):
    """The program's file and those of all the shared libraries that it loads."""
    files = [Path(program)]
    listing = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    files += map(Path, re.findall(r"(/\S+) \(0x", listing))
    return {file.resolve() for file in files}


def sizes(bench):
    heading("Size of the files")
    ours = bench.quarbox.stat().st_size
    theirs = set()
    for name in "nft", "curl", "wall":
        path = NFT if name == "nft" else shutil.which(name)
        if path:
            theirs |= files_of(path)
        else:
            print(f"  {name} is not installed: left out")
    total = sum(file.stat().st_size for file in theirs)
    print(f"  {'quarbox':<40}{ours:>13} bytes")
    print(f"  {f'nft, curl, wall: {len(theirs)} files':<40}{total:>13} bytes {total / ours:>8.1f}x")


# --- the namespaces -------------------------------------------------------------------------------


@contextlib.contextmanager
def kernel_code_patched(bench):
    """Somebody else's quarantine, in a namespace of its own; see above."""
    script = f'"{bench.quarbox}" quarantine -q --no-probe --dns 192.0.2.53 {SERVER} && echo ready && exec sleep 3600'
    with running(["unshare", "--net", "sh", "-c", script], stdout=subprocess.PIPE) as process:
        if process.stdout.readline() != b"ready\n":
            sys.exit("bench: quarantine does not work here")
        yield


def main():
    if len(sys.argv) == 2:
        os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, __file__, sys.argv[1], "inside"])
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(sys.argv[1], work)
        output(["ip", "link", "set", "lo", "up"])
        output(["mount", "-t", "tmpfs", "tmpfs", "/run"])
        (bench.work / "resolv.conf").write_text("nameserver 192.0.2.53\n")
        output(["mount", "--bind", bench.work / "resolv.conf", "/etc/resolv.conf"])
        with kernel_code_patched(bench):
            one_transaction(bench)
            one_probe(bench)
            many_addresses(bench)
            allowed_packets(bench)
        sizes(bench)


if __name__ == "__main__":
    main()
