#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""firmware.py [KERNEL...]: quarbox in a firmware image, typed at its serial console, with the habits that firmware has.

The image is a static busybox, quarbox and an ext4 disk. Beyond its one link, in qemu's user network that leads nowhere else, are a
management server, one that never speaks, and a host that nobody is to reach: what leaves is read off the link. Kernels are those
of the command line, else of IMAGE_KERNELS, else all of the table; with IMAGE_QUICK=yes only the barest image and a reboot are tried.
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
QUICK = os.environ.get("IMAGE_QUICK") == "yes"
DEADLINE = int(os.environ.get("IMAGE_DEADLINE", "300"))  # seconds, for one boot
BOOT = 120  # seconds, to the first prompt

sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE)]
import initramfs  # noqa: E402
import machines  # noqa: E402
from console import Machine, Stopped, frames  # noqa: E402

MODULES = ["virtio_pci", "virtio_net", "virtio_blk", "ext4", "crc32c_generic", "nf_tables", "nf_conntrack", "nft_ct", "nft_counter",
           "nft_limit", "nft_log", "nft_fib_inet", "nft_fib_netdev", "nft_meta_bridge", "nf_conntrack_bridge", "nf_conntrack_netlink",
           "inet_diag", "tcp_diag", "udp_diag"]
ADDRESS, SERVER, MOVED, FORBIDDEN = "10.0.2.15", "10.0.2.100", "10.0.2.101", "10.0.2.99"
PROBE = f"probe --ca /etc/ca.pem https://{SERVER}:8000/"
UNPROVEN = f"https://{SERVER}:8001/"  # of the server that never speaks
# Into the device tree of these qemu 7.2 puts a seed, which the kernel believes before it reads its command line.
SEEDED = ("riscv64", "ppc64el")
UNSET_CLOCK = "1970-01-01T00:00:10"
SAVED = "/etc/quarbox.saved"

INITRAMFS_INIT = """#!/bin/sh
mount -t devtmpfs dev /dev
while read -r module; do
    insmod "/modules/$module.ko" || echo "module $module: not loaded"
done </modules/order
mount -t ext4 -o ro /dev/vda /disk || echo "no disk"
if [ "$habit" = bare ]; then
    mount -t tmpfs -o mode=755 dev /disk/dev
    cp -a /dev/console "/dev/$tty" /disk/dev
    umount /dev
else
    mount --move /dev /disk/dev
fi
# the clock of an s390x is that of its host
[ "$habit" = usual ] || [ "$(date +%Y)" = 1970 ] || date -s 1970-01-01
exec switch_root /disk /sbin/init
"""

# Without /proc nobody can ask how the kernel was called: what it does not know itself is in the environment of init.
# With the habit restored somebody tries to get out from the beginning, and what was saved is in force before there is a network.
# In the time that a test takes the disk gets only what somebody has synced.
START = f"""#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
if [ "$habit" != bare ]; then
    mount -o remount,rw,commit=300 /dev/vda /
    mount -t proc proc /proc
    mount -t sysfs sysfs /sys
    mkdir -p /dev/pts
    mount -t devpts devpts /dev/pts
    mount -t tmpfs tmpfs /run
    mount -t tmpfs -o size=90% tmpfs /tmp
fi
if [ "$habit" = restored ]; then
    while sleep 1; do nc -w 1 {FORBIDDEN} 80; done </etc/empty >/dev/null 2>&1 &
    (quarantine --restore; echo "exit code $?") >/run/restored 2>&1
    (status; echo "exit code $?") >/run/status 2>&1
fi
ip link set lo up
ip link set eth0 up
ip address add {ADDRESS}/24 dev eth0
ip route add default via 10.0.2.2
"""

FILES = {
    "etc/inittab": "::sysinit:/etc/start\nCONSOLE::respawn:-/bin/sh\n",
    "etc/start": START,
    "etc/profile": "export PATH=/usr/sbin:/usr/bin:/sbin:/bin PS1='[$?] # '\nstty rows 24 cols 80\ncd /root\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/quarbox.conf": f"server https://{SERVER}:8000/\nca /etc/ca.pem\nname VelociraptorServer\n",
    "etc/by_name": "server https://vr.test:8000/\nca /etc/ca.pem\nname VelociraptorServer\n",
    "etc/many": f"server https://{SERVER}:8000/\nno-probe\n" + "".join(f"allow tcp:192.0.2.1:{port}\n" for port in range(1, 5001)),
}

failures = 0
passed = 0


def check(name, good, *why):
    global failures, passed
    passed += bool(good)
    failures += not good
    if good:
        print(f"ok {name}", flush=True)
        return
    lines = "\n".join(map(str, why)).splitlines() or ["it does not hold"]
    print(f"not ok {name}: {lines[0]}")
    print("".join(f"# {line}\n" for line in lines[1:]), end="", flush=True)


# ---- the image ----


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def make_certificates(folder):
    """As Velociraptor makes them."""
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-subj", "/O=Velociraptor CA", "-days", "3650",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign", "-out", "ca.pem")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-subj", "/CN=VelociraptorServer", "-out", "server.csr")
    (folder / "extensions").write_text("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\n"
                                       "extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:VelociraptorServer\n")
    openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "365",
            "-extfile", "extensions", "-out", "server.pem")


def make_disk(path, work, row):
    """A file system with the firmware in it, made without mounting anything."""
    root = work / "root"
    for folder in "bin sbin usr/bin usr/sbin etc dev proc sys run tmp root var/lib".split():
        (root / folder).mkdir(parents=True)
    shutil.copy(row.busybox, root / "bin/busybox")
    # this machine's, which knows less: the other one may not run here
    for name in subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    (root / "sbin/init").symlink_to("/bin/busybox")
    shutil.copy(row.quarbox, root / "usr/sbin/quarbox")
    for name in ("quarantine", "release", "status", "probe", "notify", "guard"):
        (root / "usr/sbin" / name).symlink_to("quarbox")
    shutil.copy(row.exec_as, root / "usr/bin/exec_as")
    shutil.copy(work / "ca.pem", root / "etc/ca.pem")
    for name, text in FILES.items():
        (root / name).write_text(text.replace("CONSOLE", row.console))
    (root / "etc/start").chmod(0o755)
    (root / "etc/empty").write_text("")
    subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-d", root, path, "16M"], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


def make_initramfs(path, row):
    archive = initramfs.Archive()
    for folder in ("dev", "disk", "proc"):
        archive.folder(folder)
    archive.device("dev/console", 5, 1)
    archive.device("dev/null", 1, 3)
    archive.file(str(row.busybox), "/bin/busybox")
    for name in ("sh", "mount", "umount", "cp", "date", "insmod", "switch_root", "echo"):
        archive.link(f"bin/{name}", "busybox")
    known = initramfs.Modules(row.folder / "modules")
    for name in MODULES:
        known.add(name)
    for name in known.order:
        archive.file(str(known.files[name]), f"/modules/{name}.ko")
    archive.text("modules/order", "".join(f"{name}\n" for name in known.order))
    archive.text("init", INITRAMFS_INIT, 0o755)
    archive.write(path)


# ---- the world ----


def free_port():
    with contextlib.closing(socket.socket()) as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


class Server:
    """A management server on this machine's loopback."""

    def __init__(self, work, *options):
        self.port = free_port()
        self.process = subprocess.Popen([HERE.parent / "netns/servers/management_server.py", "--address", "127.0.0.1", "--port",
                                         str(self.port), "--key", work / "server.key", "--certificate", work / "server.pem", *options],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if "ready" not in self.process.stdout.readline():
            self.stop()
            raise RuntimeError("no management server")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Firmware:
    """All that is made for one row of the table, and the machines that run on it."""

    def __init__(self, row, work):
        self.row, self.name, self.work = row, row.name, work
        self.release = "did not boot"
        self.boots = []
        self.server = SERVER  # where it is
        make_certificates(work)
        make_disk(work / "disk", work, row)
        make_initramfs(work / "initramfs", row)
        self.servers = []
        try:
            for options in ((), ("--behaviour", "silent")):
                self.servers.append(Server(work, *options))
        except BaseException:
            self.close()
            raise

    def close(self):
        for server in self.servers:
            server.stop()

    def _network(self):
        good, silent = (f"cmd:busybox nc 127.0.0.1 {server.port}" for server in self.servers)
        forwards = {f"{self.server}:8000": good, f"{self.server}:8001": silent, f"{FORBIDDEN}:80": "cmd:echo hello"}
        return ["-netdev", "user,id=net,restrict=on,ipv6=off," + ",".join(f"guestfwd=tcp:{end}-{what}" for end, what in forwards.items()),
                "-device", f"virtio-net-{self.row.bus},netdev=net" + (",romfile=" if self.row.bus == "pci" else ""),
                "-object", f"filter-dump,id=dump,netdev=net,file={self.work / 'frames'}"]

    def command(self, habit, memory=None, clock=None):
        # nobody who offers random numbers is believed; what the kernel says would stand in the middle of answers, but a panic is shown
        command = self.row.command(memory or self.row.memory, self.work / "initramfs",
                                   "random.trust_cpu=off random.trust_bootloader=off loglevel=1 "
                                   f"habit={habit} tty={self.row.console}")
        command += ["-serial", "stdio", "-drive", f"file={self.work / 'disk'},format=raw,if=virtio", *self._network()]
        return command + (["-rtc", f"base={clock}"] if clock else [])

    def boot(self, habit, memory=None, clock=None):
        """To its first prompt."""
        for _ in range(machines.BOOTS - 1):
            try:
                return self._boot(habit, memory, clock)
            except Stopped as why:
                if not machines.died_loading_modules(self.name, str(why)):
                    raise
        return self._boot(habit, memory, clock)

    def _boot(self, habit, memory, clock):
        began = time.monotonic()
        machine = Machine(self.command(habit, memory, clock), DEADLINE)
        try:
            machine.wait_for(rb"\[0\] # ", BOOT)
            machine.begin("")
            machine.prompt(20)
            self.release = machine.type("uname -r").text
        except BaseException as why:  # also when the whole test is stopped
            machine.cut_power()
            if isinstance(why, Stopped):
                raise Stopped(f"{why}\n" + "\n".join(machine.tail())) from None
            raise
        self.boots.append(time.monotonic() - began)
        return machine

    def wait_for_writes(self, count):
        """Until the disk was written to so often, as far as it can be told apart."""
        end = time.monotonic() + 60
        last = (self.work / "disk").stat().st_mtime_ns
        while count > 0:
            if time.monotonic() >= end:
                raise Stopped("nothing is written to the disk")
            time.sleep(0.001)
            written = (self.work / "disk").stat().st_mtime_ns
            count -= written != last
            last = written

    def recipients(self):
        """Addresses to which IP packets have left."""
        return {socket.inet_ntoa(frame[30:34]) for frame in frames(self.work / "frames")
                if frame[12:14] == b"\x08\x00" and frame[26:30] == socket.inet_aton(ADDRESS)}

    def sent_to(self, address):
        """How many IP packets have left for it."""
        wanted = socket.inet_aton(address)
        return sum(1 for frame in frames(self.work / "frames") if frame[12:14] == b"\x08\x00" and frame[30:34] == wanted)


class Session:
    """Somebody at a console: each answer has to fit it."""

    def __init__(self, firmware, machine, name):
        self.firmware, self.machine, self.name = firmware, machine, f"{firmware.name} {name}"
        numbers = tuple(map(int, re.findall(r"\d+", firmware.release)[:2]))
        self.code = 0 if numbers >= (5, 16) else 5  # of a quarantine, complete as far as this kernel can
        self.state = "contained" if self.code == 0 else "partial"

    def check(self, name, good, *why):
        check(f"{self.name}_{name}", good, *why)

    def gives(self, name, code, line, *regexes):
        answer = self.machine.type(line)
        unfit = answer.unfit()
        missed = [regex for regex in regexes if not re.search(regex, answer.words)]
        self.check(name, answer.code == code and not missed and not unfit, f"{line}: expected {code}, got {answer.code}",
                   *[f"no match for {regex}" for regex in missed], *[f"does not fit: {line}" for line in unfit], answer)
        return answer

    def reaches_forbidden(self, name, wanted):
        before = self.firmware.sent_to(FORBIDDEN)
        # an answer ends it at once
        answer = self.machine.type(f"nc -w {10 if wanted else 2} {FORBIDDEN} 80 </etc/empty")
        sent = self.firmware.sent_to(FORBIDDEN) - before
        self.check(name, (answer.code == 0 and "hello" in answer.text and sent > 0) if wanted else (answer.code != 0 and sent == 0),
                   f"{sent} packets left", answer)

    def whole_life(self, name="", quarantine="quarantine", *said):
        """From probe to release."""
        name = name and f"{name}_"
        self.gives(f"{name}probe", 0, PROBE, "proven: ")
        self.reaches_forbidden(f"{name}open_before", True)
        self.gives(f"{name}status_before", 1, "status", "^not quarantined")
        self.gives(f"{name}quarantine", self.code, quarantine, f"{self.state}: table", "proven", "undo with release", *said)
        self.reaches_forbidden(f"{name}closed", False)
        self.gives(f"{name}status", self.code, "status", f"^{self.state}: table vrr_quarantine_table, intact", f"allowed {SERVER}:8000")
        self.gives(f"{name}attempts", self.code, "status --attempts", f"tcp {FORBIDDEN}:80 ")
        self.gives(f"{name}probe_from_inside", 0, PROBE, "proven: ")
        self.gives(f"{name}release", 0, "release", "^released: removed table inet")
        self.gives(f"{name}status_released", 1, "status", "^not quarantined")
        self.gives(f"{name}release_again", 0, "release", "^nothing to release")
        self.reaches_forbidden(f"{name}open_again", True)


# ---- the cases ----


def bare(firmware):
    """Early, or on very little: read-only root, nothing mounted, two devices in /dev, the clock of 1970, no entropy."""
    with firmware.boot("bare", clock=UNSET_CLOCK) as machine:
        session = Session(firmware, machine, "bare")
        there = machine.type("ls /proc /sys /dev; ls /etc/resolv.conf")
        session.check("is_bare", there.words.startswith(f"/dev: console {firmware.row.console} /proc: /sys: ls: /etc/resolv.conf: No"), there)
        session.check("is_read_only", machine.type("echo >/etc/file").code != 0)
        session.check("is_1970", " 1970" in machine.type("date").text, machine.type("date"))
        waits = no_entropy_yet(session)
        session.gives("probe", 0, PROBE, "clock is before", "proven: ")
        if waits:
            session.check("probe_has_waited_for_entropy", seeded(machine))
        session.whole_life("", "quarantine", "the clock is not set", "/etc/resolv.conf: not there", "no folder for the lock")
        session.gives("rolled_back", 3, f"quarantine -T 1 {UNPROVEN}", "rolled back: nothing of ours is in force")
        session.gives("nothing_is_left", 1, "status", "no table of ours")
        closed_descriptors(session)
        notify(session, "console", "console")
        for folder in ("proc /proc", "tmpfs /run"):
            session.check(f"mounted_later_{folder.split()[0]}", machine.type(f"mount -t {folder.split()[0]} {folder}").code == 0)
        session.gives("with_a_lock", session.code, "quarantine -q --no-probe")
        session.gives("with_a_lock_status", session.code, "status -q")
        session.gives("with_a_lock_release", 0, "release -q")
        cant_be_saved(session)


def cant_be_saved(session):
    session.gives("persist", 6, "quarantine --no-probe --persist", f"warning: save {SAVED}: Read-only file system", "uncertain: table")
    session.gives("persist_status", session.code, "status")
    session.gives("persist_restore", 0, "quarantine --restore", "^nothing to restore: no quarantine is saved$")
    session.gives("persist_release", 0, "release -q")


def seeded(machine):
    """What the kernel says when it has the entropy that it waits for. It makes it of its own jitter, but not before it is asked."""
    return machine.type("dmesg | grep 'random: crng init done'").text


def no_entropy_yet(session):
    """Whether that is so."""
    said = seeded(session.machine)
    if session.firmware.name in SEEDED and said.startswith("[    0.000000] "):
        print(f"ok {session.name}_no_entropy_yet # skipped: the kernel has a seed from qemu's device tree", flush=True)
    else:
        session.check("no_entropy_yet", not said, said)
    return not said


def closed_descriptors(session):
    """Without /dev/null nothing can take what is written to a closed descriptor: quarantine changes nothing then, release does
    its work and says that it could not tell."""
    has_null = session.machine.type("test -c /dev/null").code == 0
    refused, untold = (session.code, 0) if has_null else (71, 6)
    for name, closed, code, told in (("stdin", "<&-", session.code, 0), ("stdout", ">&-", refused, untold), ("stderr", "2>&-", session.code, 0),
                                     ("all", "<&- >&- 2>&-", refused, untold)):
        answer = session.gives(f"no_{name}_quarantine", code, f"quarantine --no-probe {closed}")
        session.check(f"no_{name}_quarantine_is_quiet", len(answer.lines) <= 3 or name in ("stdin", "stderr"), answer)
        session.gives(f"no_{name}_rules", 1 if code == 71 else session.code, "status -q")
        session.gives(f"no_{name}_status", 1 if code == 71 and not told else (71 if told else session.code), f"status {closed}")
        if code == 71:
            session.gives(f"no_{name}_quarantine_set", session.code, "quarantine -q --no-probe")
        session.gives(f"no_{name}_release", told, f"release {closed}")
        session.gives(f"no_{name}_released", 1, "status -q")


def notify(session, device, about):
    """Whoever is at the console sees it. device: as whom notify finds him, and what it says about that."""
    arrives = rf"^\aMessage from quarbox on \S+ \(\d+-\d+-\d+ \d+:\d+ UTC\): {{}} /dev/{device} written$"
    session.gives("notify_list", 0, "notify --list", f"^/dev/{device} {about}$")
    session.gives("notify", 0, "notify hello there", arrives.format("hello there"))
    session.gives("notify_input", 0, r"printf 'a\tb\n\033[2Jc' | notify -", arrives.format("a b c"))
    session.gives("notify_nothing", 64, "notify", "^notify: no message; see --help$")
    session.gives("notify_no_log", 5, "notify --syslog hello", rf"hello /dev/{device} written /dev/log failed: No such file or directory$")
    session.gives("notify_of_quarantine", session.code, "quarantine -q --no-probe -m 'cut off'", r"Message from quarbox .*: cut off$")
    session.gives("notify_of_quarantine_release", 0, "release -q")


def odd_names(session):
    """argv[0] as scripts, login shells and programs in a hurry write it."""
    odd = {
        "login_shell": ('(exec -a -status /usr/sbin/quarbox)', 1, "^not quarantined"),
        "path": ('(exec -a /no/such//status /usr/sbin/quarbox)', 1, "^not quarantined"),
        "relative": ("cd /usr/sbin; ./status", 1, "^not quarantined"),
        "dots": ("/usr/../usr/sbin//status", 1, "^not quarantined"),
        "empty": ('(exec -a "" /usr/sbin/status)', 127, "^quarbox: : applet not found$"),
        "slash": ("(exec -a status/ /usr/sbin/quarbox)", 127, "^quarbox: : applet not found$"),
        "dash": ("(exec -a - /usr/sbin/quarbox)", 127, "^quarbox: : applet not found$"),
        "escape": ("""(exec -a "$(printf 'a\\033[2J')" /usr/sbin/quarbox)""", 127, r"^quarbox: a\?\[2J: applet not found$"),
        "long": ("(exec -a $(printf %02000d 7) /usr/sbin/quarbox)", 127, "^quarbox: 0{60}: applet not found$"),
        # of nothing all these kernels make one empty string, 5.10 by a later update
        "no_argv": ("exec_as /usr/sbin/status", 127, "^quarbox: : applet not found$"),
        "login_shell_quarantine": ("(exec -a -quarantine /usr/sbin/quarbox -q)", session.code, "^"),
        "login_shell_release": ("(exec -a -release /usr/sbin/quarbox)", 0, "^released: "),
    }
    for name, (line, code, regex) in odd.items():
        session.gives(f"argv_{name}", code, line, regex)


def available_memory(session):
    """In KB."""
    free = session.machine.type("grep -E 'MemTotal|MemAvailable' /proc/meminfo").words
    print(f"# {session.firmware.name} {free}")
    return int(re.search(r"MemAvailable: (\d+)", free)[1])


def fill_memory(session):
    """To about 10 MB. A busy machine may free some meanwhile, which is filled as well."""
    available = available_memory(session)
    for number in range(5):
        ballast = max(0, available - 10500)
        session.gives(f"memory_filled_{number}", 0, f"dd if=/dev/zero of=/tmp/fill{number} bs=1k count={ballast} 2>/tmp/said")
        available = available_memory(session)
        if available < 15 * 1024:
            break
    session.check("memory_is_little", available < 15 * 1024, f"{available} KB")


def loaded_size(program):
    """KB of addresses that the kernel needs to load the program, without the stack."""
    headers = subprocess.run(["readelf", "-lW", program], capture_output=True, text=True, check=True).stdout
    parts = [(int(start, 16), int(size, 16)) for start, size in
             re.findall(r"LOAD +0x\w+ (0x\w+) 0x\w+ 0x\w+ (0x\w+)", headers)]
    return (max(start + size for start, size in parts) - min(start for start, _ in parts)) // 1024


def little_memory(session):
    """10 MB for all, then limits for the process alone."""
    fill_memory(session)
    session.whole_life("memory_filled", "quarantine")
    session.gives("memory_freed", 0, "rm /tmp/fill*")
    # with large pages each part of a program takes more; with less than the smaller one it could not even begin
    large_pages = " 64 kB" in session.machine.type("grep -m 1 KernelPageSize /proc/self/smaps").text
    enough, too_little = (2000, 1000) if large_pages else (1000, loaded_size(session.firmware.row.quarbox) + 200)
    session.gives("memory_limited", session.code, f"(ulimit -v {enough}; quarantine -q; status -q)")
    session.gives("memory_limited_probe", 0, f"(ulimit -v {enough}; {PROBE})", "proven: ")
    session.gives("memory_limited_release", 0, f"(ulimit -v {enough}; release -q)")
    session.gives("memory_too_little", 71, f"(ulimit -v {too_little}; quarantine -q)", "Cannot allocate memory")
    session.gives("memory_too_little_changes_nothing", 1, "status", "no table of ours")
    limited_group(session, 8 << 20 if large_pages else 2 << 20)


def limited_group(session, limit):
    """With a limit for all that the kernel has for it, too. limit: bytes."""
    session.gives("memory_group", 0, "mkdir -p /tmp/g; mount -t cgroup2 g /tmp/g")
    if session.machine.type("grep -w memory /tmp/g/cgroup.controllers").code != 0:
        print(f"ok {session.name}_memory_group_limited # skipped: the kernel has no memory controller", flush=True)
        return
    session.gives("memory_group_controller", 0, "echo +memory >/tmp/g/cgroup.subtree_control")
    session.gives("memory_group_limit", 0, f"mkdir /tmp/g/q; echo {limit} >/tmp/g/q/memory.max")
    session.gives("memory_group_limited", 0, "cat /tmp/g/q/memory.max", f"^{limit}$")
    session.gives("memory_group_join", 0, "join() { echo 0 >/tmp/g/q/cgroup.procs; }")
    session.gives("memory_group_quarantine", session.code, "(join && quarantine -q)")
    session.gives("memory_group_probe", 0, f"(join && {PROBE})", "proven: ")
    session.gives("memory_group_release", 0, "(join && release -q)")
    session.gives("memory_group_is_enough", 0, "cat /tmp/g/q/memory.events", r"\boom_kill 0\b")


def usual(firmware):
    """What a firmware has when it is up, at the smallest size."""
    with firmware.boot("usual", firmware.row.smallest) as machine:
        session = Session(firmware, machine, "usual")
        closed_descriptors(session)
        notify(session, firmware.row.console, "in use")
        odd_names(session)
        little_memory(session)


def everything_on_disk(session):
    return session.machine.type("find / -xdev -type f | sort | xargs md5sum | md5sum").text


def cut_power(session):
    """With all on the disk that was written: what is only in the page cache is lost anyway."""
    session.gives("synced", 0, "sync")
    session.machine.cut_power()


def power_cuts(firmware):
    """On probation, and contained: nothing of either survives, in the kernel or on the disk."""
    with firmware.boot("usual") as machine:
        session = Session(firmware, machine, "power")
        # if this is there afterwards, so would be what quarantine writes
        session.gives("disk_is_written", 0, "date >/var/lib/written")
        before = everything_on_disk(session)
        session.check("disk_is_read", re.fullmatch(r"[0-9a-f]{32}  -", before), before)
        session.gives("quarantine_begins", 0, f"quarantine -T 120 {UNPROVEN} >/tmp/said 2>&1 &")
        on_probation = "while sleep 1; do status | grep '^on probation' && break; done"
        session.gives("probation_begins", 0, on_probation, "^on probation")
        cut_power(session)
    for name, line in (("on_probation", "quarantine -q"), ("contained", None)):
        with firmware.boot("usual") as machine:
            session = Session(firmware, machine, f"power_cut_{name}")
            session.gives("status", 1, "status", "^not quarantined: no table of ours")
            session.reaches_forbidden("open", True)
            same = everything_on_disk(session)
            session.check("nothing_is_left_on_disk", same == before, before, same)
            if line:
                session.gives("again", session.code, line)
                session.reaches_forbidden("again_closed", False)
                cut_power(session)


def restored(session):
    """Before there was a network, and since."""
    session.gives("early", 0, "cat /run/restored", "partial: table", "raw frames on uplinks", "saved in", "exit code 5$")
    session.gives("early_status", 0, "cat /run/status", "^partial: table vrr_quarantine_table, intact", "exit code 5$")
    session.gives("intruder", 0, f"until status --attempts | grep 'tcp {FORBIDDEN}:80 '; do sleep 1; done")
    session.gives("probe", 0, PROBE, "proven: ")
    session.reaches_forbidden("closed", False)


def restored_again(session):
    """With the network, as its scripts do it."""
    session.gives("again", session.code, "quarantine --restore", f"{session.state}: table", f"saved in {SAVED}, ")
    session.gives("status", session.code, "status", f"^{session.state}: table vrr_quarantine_table, intact",
                  f"allowed {SERVER}:8000", f"saved in {SAVED}, ", "until released, or 5[0-9]m ")
    session.gives("again_probe", 0, PROBE, "proven: ")
    session.reaches_forbidden("again_closed", False)
    recipients = session.firmware.recipients()
    session.check("nothing_else_has_left", recipients == {SERVER}, recipients)


def released(firmware, before):
    """Nothing comes back. before: what was on the disk."""
    with firmware.boot("restored", clock=UNSET_CLOCK) as machine:
        session = Session(firmware, machine, "released")
        session.gives("early", 0, "cat /run/restored", "^nothing to restore: no quarantine is saved exit code 0$")
        session.gives("status", 1, "status", "^not quarantined: no table of ours")
        session.reaches_forbidden("open", True)
        session.gives("clock_is_unset", 0, "date", " 1970$")
        same = everything_on_disk(session)
        session.check("nothing_is_left_on_disk", same == before, before, same)


def persisted(firmware):
    """Contained, and again after a reboot without a clock, until release."""
    with firmware.boot("usual") as machine:
        session = Session(firmware, machine, "persisted")
        before = everything_on_disk(session)
        session.gives("clock", 0, f"date -s @{int(time.time())}")  # not every machine has one when it boots
        session.gives("quarantine", session.code, "quarantine --persist --for 1h", "proven", f"saved in {SAVED}, ")
        saved_at = machine.type(f"sed -n 's/^saved //p' {SAVED}").text
        session.gives("not_synced", 0, "echo >/etc/not_synced")
        machine.cut_power()
    with firmware.boot("restored", clock=UNSET_CLOCK) as machine:
        session = Session(firmware, machine, "restored")
        session.gives("clock", 0, f"date +%s; [ $(date +%s) -ge {saved_at} ]")
        session.gives("not_synced_is_lost", 1, "ls /etc/not_synced", "No such file")
        restored(session)
        restored_again(session)
        session.gives("release", 0, "release", f"^released: removed .*, {SAVED}$")
        machine.cut_power()
    released(firmware, before)


def save_and_cut_power(session, line, writes):
    """Of a long file, and while others let the kernel write what it has so far. writes: to the disk, until the power is cut."""
    session.gives("can_save", 0, "save() { quarantine -q -c /etc/many --persist 2>/tmp/said; }")
    session.gives("saved", session.code, "save")
    session.gives("syncs", 0, "while sync; do :; done &")
    session.gives("saves", 0, f"while :; do {line}; done &")
    session.firmware.wait_for_writes(writes)
    session.machine.cut_power()


def saved_whole(session, may_lack):
    """And in force again."""
    end = session.machine.type(f"tail -n 1 {SAVED}")
    lacks = may_lack and "No such file" in end.text
    print(f"# {session.name}: {'nothing is' if lacks else 'it is'} saved", flush=True)
    session.check("whole", lacks or end.text == "end", end)
    session.gives("restored", 0, "grep -E '^(partial|nothing|exit)' /run/restored",
                  "^nothing to restore: no .* 0$" if lacks else "^partial: table .* 5$")


def cuts_while_saving(firmware):
    """Power cuts while it is saved anew, and after a release."""
    with firmware.boot("usual") as machine:
        save_and_cut_power(Session(firmware, machine, "before_cut"), "save", 7)
    with firmware.boot("restored", clock=UNSET_CLOCK) as machine:
        session = Session(firmware, machine, "cut")
        saved_whole(session, False)
        save_and_cut_power(session, "release -q; save", 12)
    with firmware.boot("restored", clock=UNSET_CLOCK) as machine:
        session = Session(firmware, machine, "cut_again")
        saved_whole(session, True)
        session.gives("release", 0, "release -q")
        session.gives("nothing_is_left", 1, f"ls {SAVED}*", "No such file")


def moved(firmware):
    """The server is elsewhere after a reboot: what was saved is for where it was, until somebody knows better."""
    with firmware.boot("usual") as machine:
        session = Session(firmware, machine, "moves")
        session.gives("nothing_of_before", 1, f"ls {SAVED}*", "No such file")  # release and a power cut were the last
        before = everything_on_disk(session)
        session.gives("clock", 0, f"date -s @{int(time.time())}")
        session.gives("name_is_known", 0, f"echo {SERVER} vr.test >>/etc/hosts")
        session.gives("quarantine", session.code, "quarantine -c /etc/by_name --persist", "proven", f"saved in {SAVED}, ")
        session.gives("renew_early", 0, "quarantine --renew", "^nothing to renew: a server answers$")
        cut_power(session)
    firmware.server = MOVED
    with firmware.boot("restored", clock=UNSET_CLOCK) as machine:
        session = Session(firmware, machine, "moved")
        session.gives("name_of_old", 3, "quarantine --renew", "no server answers, and none has another address")
        session.gives("name_of_another", 0, f"sed -i 's/^.* vr.test$/{FORBIDDEN} vr.test/' /etc/hosts")
        session.gives("another_does_not_prove", 3, "quarantine --renew")
        session.reaches_forbidden("closed", False)
        session.gives("name_is_known", 0, f"sed -i 's/^.* vr.test$/{MOVED} vr.test/' /etc/hosts")
        session.gives("guard", 0, "guard -r 10s >/tmp/guard 2>&1 &")
        session.gives("guard_finds_it", 0, f"until grep '{MOVED}' {SAVED}; do sleep 1; done")
        session.gives("probe", 0, PROBE.replace(SERVER, MOVED), "proven: ")
        session.reaches_forbidden("closed_again", False)
        session.gives("status", session.code, "status", f"^{session.state}: table", f"allowed {MOVED}:8000")
        machine.cut_power()
    with firmware.boot("restored", clock=UNSET_CLOCK) as machine:
        session = Session(firmware, machine, "restored_moved")
        session.gives("early", 0, "cat /run/restored", "partial: table", f"saved in {SAVED}, ")
        session.gives("renew", 0, "quarantine --renew", "^nothing to renew: a server answers$")
        session.reaches_forbidden("closed", False)
        recipients = firmware.recipients()
        session.check("nothing_else_has_left", recipients == {MOVED}, recipients)
        session.gives("guard", 0, "guard -r 10s >/tmp/guard 2>&1 &")
        # or guard's run, which puts in force anew what was refused before, notices first, and removes the tables
        session.gives("release", 0, "release", f"removed .*{SAVED}$")
        session.gives("guard_lets_it", 1, "sleep 3; status", "^not quarantined")
        session.gives("hosts", 0, "sed -i '/vr.test/d' /etc/hosts; sync")
        same = everything_on_disk(session)
        session.check("nothing_is_left_on_disk", same == before, before, same)
        machine.cut_power()
    firmware.server = SERVER


CASES = [bare, persisted] if QUICK else [bare, usual, power_cuts, persisted, cuts_while_saving, moved]


def run_on(row):
    global failures, passed
    failures = passed = 0
    if not shutil.which("mke2fs"):
        raise machines.Unavailable("there is no mke2fs")
    row.prepare()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=row.folder.parent) as work:
        firmware = Firmware(row, pathlib.Path(work))
        try:
            for case in CASES:
                try:
                    case(firmware)
                except Stopped as stopped:
                    check(f"{row.name} {case.__name__}_goes_on", False, stopped)
        finally:
            firmware.close()
    machines.print_summary(row, firmware.release, min(firmware.boots, default=None), time.monotonic() - began, passed, failures)
    return failures == 0


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that qemu and the servers end with us
    return machines.on_each("firmware", sys.argv[1:], run_on)


if __name__ == "__main__":
    sys.exit(main())
