#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# notify on real terminals. Runs as root in namespaces of its own, with a /dev, /dev/pts, /proc and /run of its own: nobody
# who is logged in here is disturbed. Prints "ok NAME" or "not ok NAME: why", and fails when any test does.
set -eu

: "${QUARBOX:=build/quarbox}"
QUARBOX=$(realpath "$QUARBOX")
export QUARBOX

if [ "${1:-}" != --inside ]; then
	exec unshare --mount --pid --fork --kill-child --propagation private /bin/sh "$0" --inside
fi

folder=$(mktemp -d)
export folder
trap 'rm -rf "$folder"' EXIT
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /dev
mkdir /dev/pts
mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts /dev/pts
ln -s pts/ptmx /dev/ptmx
mknod -m 666 /dev/null c 1 3
mknod -m 666 /dev/full c 1 7
mknod -m 666 /dev/urandom c 1 9
mknod -m 600 /dev/kmsg c 1 11
mknod -m 666 /dev/tty c 5 0

/usr/bin/python3 - <<'PYTHON'
import json, os, pty, select, signal, socket, struct, subprocess, sys, time

quarbox, folder = os.environ["QUARBOX"], os.environ["folder"]
tests = []
def test(function):
    tests.append(function)

class Terminal:
    """A pseudo terminal with a session leader on it."""
    def __init__(self, command="exec sleep 1000"):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execv("/bin/sh", ["sh", "-c", command])
        self.name = os.ptsname(self.master) if hasattr(os, "ptsname") else self.find_name()
        self.wait_for(lambda: self.is_leader())
    def find_name(self):
        import fcntl
        number = struct.unpack("i", fcntl.ioctl(self.master, 0x80045430, b"\0" * 4))[0]  # TIOCGPTN
        return "/dev/pts/%d" % number
    def is_leader(self):
        with open("/proc/%d/stat" % self.pid) as file:
            return int(file.read().rsplit(")", 1)[1].split()[4]) != 0
    @staticmethod
    def wait_for(condition, seconds=5):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "set-up took too long"
            time.sleep(0.01)
    def slave(self):
        return os.open(self.name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    def fill(self):
        """Nobody reads the master: write until nothing is taken any more."""
        fd = self.slave()
        while True:
            try:
                os.write(fd, b"x" * 64)
            except BlockingIOError:
                if not select.select([], [fd], [], 0.1)[1]:
                    break
        os.close(fd)
    def read(self, seconds=0.3):
        seen = b""
        while select.select([self.master], [], [], seconds)[0]:
            try:
                part = os.read(self.master, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        return seen
    def close(self):
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        os.close(self.master)
        os.waitpid(self.pid, 0)

class Terminals(list):
    def __init__(self, count):
        super().__init__(Terminal() for _ in range(count))
    def __enter__(self):
        return self
    def __exit__(self, *_):
        for terminal in self:
            terminal.close()

class Result:
    pass

def notify(*arguments, prefix=(), timeout=15, **options):
    """Runs it and waits; a run that doesn't end is a failure."""
    result, start = Result(), time.monotonic()
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    run = subprocess.run([*prefix, quarbox, "notify", *arguments], timeout=timeout, stderr=subprocess.PIPE, **options)
    result.seconds = time.monotonic() - start
    result.code, result.out, result.err = run.returncode, (run.stdout or b"").decode(), run.stderr.decode()
    return result

def expect(actual, wanted, what):
    assert actual == wanted, "%s is %r instead of %r" % (what, actual, wanted)

def record(line, size=384, kind=7, pid=1):
    return struct.pack("=hhi32s", kind, 0, pid, line.encode()).ljust(size, b"\0")

def write_utmp(content):
    with open("/run/utmp", "wb") as file:
        file.write(content)

def in_mounts(script):
    """A prefix that runs the command in a mount namespace of its own, after the script."""
    return ["unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec", script + '\nexec "$@"', "sh"]

@test
def everybody_reached():
    with Terminals(3) as terminals:
        run = notify("to", "all")
        expect(run.code, 0, "exit code")
        for terminal in terminals:
            seen = terminal.read()
            assert b"\r\nto all\r" in seen, "%s shows %r" % (terminal.name, seen)
            assert b"\a" in seen and b"quarbox on " + os.uname().nodename.encode() in seen, "banner: %r" % seen
            assert terminal.name in run.out and "written" in run.out, run.out
        expect(len(run.out.splitlines()), 3, "number of lines")

@test
def nobody_there():
    run = notify("x")
    expect((run.code, run.out), (0, "nobody is logged in\n"), "result")

@test
def unused_terminal_left_alone():
    master, slave = pty.openpty()
    try:
        expect(notify("x").out, "nobody is logged in\n", "output")
        expect(select.select([master], [], [], 0.2)[0], [], "what came")
    finally:
        os.close(master); os.close(slave)

@test
def foreground_without_leader_visible():
    # the shell is the leader, its child in the foreground of its own group: one terminal, once
    terminal = Terminal("set -m; sleep 1000; true")
    try:
        run = notify("x")
        expect((run.code, len(run.out.splitlines())), (0, 1), "result")
    finally:
        terminal.close()

@test
def full_terminal_does_not_hold_up():
    with Terminals(3) as terminals:
        terminals[0].fill()
        process = subprocess.Popen([quarbox, "notify", "-T", "3", "hello"], stdout=subprocess.PIPE)
        start = time.monotonic()
        for terminal in terminals[1:]:
            assert select.select([terminal.master], [], [], 1)[0], "nothing came within 1 s"
        arrived = time.monotonic() - start
        out = process.communicate(timeout=10)[0].decode()
        took = time.monotonic() - start
        expect(process.returncode, 5, "exit code")
        assert arrived < 1 and 2.5 < took < 4.5, "arrived after %.1f s, ended after %.1f s" % (arrived, took)
        assert any(terminals[0].name in line and "timed out" in line for line in out.splitlines()), out
        expect(out.count("written"), 2, "terminals written")

@test
def stopped_terminal():
    with Terminals(2) as terminals:
        os.write(terminals[0].master, b"\x13")
        time.sleep(0.2)
        run = notify("-T", "1", "hello")
        expect(run.code, 5, "exit code")
        assert run.seconds < 2.5, "took %.1f s" % run.seconds
        assert b"hello" in terminals[1].read(), "the other one got nothing"
        assert b"hello" not in terminals[0].read(), "it was not stopped"

@test
def resumed_terminal_within_deadline():
    with Terminals(1) as terminals:
        os.write(terminals[0].master, b"\x13")
        time.sleep(0.2)
        process = subprocess.Popen([quarbox, "notify", "-q", "hello"])
        time.sleep(0.4)
        os.write(terminals[0].master, b"\x11")
        expect(process.wait(timeout=10), 0, "exit code")
        assert b"hello" in terminals[0].read(), "nothing came after ^Q"

@test
def none_reached():
    with Terminals(1) as terminals:
        terminals[0].fill()
        expect(notify("-T", "1", "x").code, 71, "exit code")

@test
def own_output_stuck():
    with Terminals(2) as terminals:
        terminals[0].fill()
        fd = os.open(terminals[0].name, os.O_RDWR | os.O_NOCTTY)
        run = notify("-T", "1", "x", stdout=fd, timeout=10)
        os.close(fd)
        expect(run.code, 5, "exit code")
        assert run.seconds < 4, "took %.1f s" % run.seconds

@test
def background_of_tostop():
    done = folder + "/done"
    terminal = Terminal('stty tostop; set -m; "$QUARBOX" notify -q behind & wait $!; echo $? >%s; sleep 1000' % done)
    try:
        terminal.wait_for(lambda: os.path.exists(done) and os.path.getsize(done) > 0)
        expect(open(done).read(), "0\n", "exit code")
        assert b"behind" in terminal.read(), "nothing came"
    finally:
        terminal.close()

@test
def planted_link_and_fifo():
    with Terminals(2) as terminals:
        target, fifo = folder + "/target", folder + "/fifo"
        open(target, "w").close()
        numbers = [os.path.basename(terminal.name) for terminal in terminals]
        plant = "mount -t tmpfs tmpfs /dev/pts; ln -s %s /dev/pts/%s; mkfifo %s; ln %s /dev/pts/%s 2>/dev/null || mkfifo /dev/pts/%s" % (
            target, numbers[0], fifo, fifo, numbers[1], numbers[1])
        run = notify("-T", "2", "x", prefix=in_mounts(plant))
        expect(run.code, 71, "exit code")
        expect(run.out.count("No such device"), 2, "terminals without a device in %r" % run.out)
        assert run.seconds < 3, "took %.1f s" % run.seconds
        expect(os.path.getsize(target), 0, "size of what the link points to")

@test
def planted_names_in_utmp():
    target = folder + "/target2"
    open(target, "w").close()
    write_utmp(record("pts/0") + record("pts/1") + record("../.." + target) + record("null") + record("kmsg"))
    plant = "mount -t tmpfs tmpfs /proc; mount -t tmpfs tmpfs /dev/pts; ln -s %s /dev/pts/0; mkfifo /dev/pts/1" % target
    run = notify("x", prefix=in_mounts(plant))
    os.unlink("/run/utmp")
    expect((run.code, run.out), (0, "nobody is logged in\n"), "result")
    expect(os.path.getsize(target), 0, "size of what the link points to")

@test
def without_proc():
    with Terminals(3) as terminals:
        lines = [terminal.name[len("/dev/"):] for terminal in terminals]
        for size in (384, 400):
            write_utmp(record("~", size, 2, 0) + record(lines[0], size, 7, 99999) + record(lines[1], size, 6, 99999))
            run = notify("by utmp", prefix=in_mounts("mount -t tmpfs tmpfs /proc"))
            expect((run.code, run.out.count("written")), (0, 2), "result with records of %d" % size)
            shown = [b"by utmp" in terminal.read() for terminal in terminals]
            expect(shown, [True, True, False], "terminals that show it")
        os.unlink("/run/utmp")
        run = notify("x", prefix=in_mounts("mount -t tmpfs tmpfs /proc"))
        expect((run.code, run.out), (0, "nobody is logged in\n"), "result without utmp")

@test
def stale_record_ignored():
    master, slave = pty.openpty()
    write_utmp(record(os.ttyname(slave)[len("/dev/"):], pid=99999))
    run = notify("x")
    os.unlink("/run/utmp"); os.close(master); os.close(slave)
    expect(run.out, "nobody is logged in\n", "output")

@test
def without_pts():
    run = notify("x", prefix=in_mounts("umount /dev/pts"))
    expect((run.code, run.out), (0, "nobody is logged in\n"), "result")

@test
def device_elsewhere_in_dev():
    # the number of a pseudo terminal under another name: /dev/pts goes first
    with Terminals(1) as terminals:
        os.mknod("/dev/aaa", 0o020600, os.stat(terminals[0].name).st_rdev)
        run = notify("x")
        os.unlink("/dev/aaa")
        expect(run.code, 0, "exit code")
        assert terminals[0].name in run.out, run.out

@test
def cut_at_a_character():
    with Terminals(1) as terminals:
        run = notify("\u20ac" * 300)
        seen = terminals[0].read().decode()
        expect((run.code, seen.count("\u20ac")), (0, 255), "exit code and characters")
        assert "cut at 255" in run.out, run.out

@test
def nothing_acts_on_the_terminal():
    with Terminals(1) as terminals:
        notify(b"a\x1b[2J\x1b]0;t\x07b\xc2\x9b31m\xe2\x80\xaec\rd\xff\x7f")
        seen = terminals[0].read()
        assert b"\r\nabcd?\r" in seen, "%r" % seen
        assert b"\x1b" not in seen and b"\xc2\x9b" not in seen, "%r" % seen

@test
def standard_input():
    with Terminals(1) as terminals:
        run = notify("-", stdin=None, input=b"first\nsecond\0 \n")
        expect(run.code, 0, "exit code")
        assert b"\r\nfirst second\r" in terminals[0].read(), "wrong message"
        yes = subprocess.Popen(["yes", "without end"], stdout=subprocess.PIPE)
        expect(notify("-", stdin=yes.stdout).code, 0, "exit code without end")
        yes.stdout.close(); yes.wait()

@test
def silent_standard_input():
    reader, writer = os.pipe()
    run = notify("-T", "1", "-", stdin=reader)
    os.close(reader); os.close(writer)
    expect(run.code, 71, "exit code")
    assert run.seconds < 3 and "standard input" in run.err, run.err

@test
def usage():
    with Terminals(1) as terminals:
        for arguments in ((), ("--nonsense", "x"), ("-T", "0", "x"), ("-T", "9h", "x"), ("-l", "x"), ("",), ("\x1b[2J",)):
            run = notify(*arguments)
            expect((run.code, run.out, len(run.err.splitlines())), (64, "", 1), "result of %r" % (arguments,))
        expect(terminals[0].read(), b"", "what came")

@test
def listing():
    with Terminals(2) as terminals:
        run = notify("--list")
        expect(sorted(line.split()[0] for line in run.out.splitlines()), sorted(t.name for t in terminals), "list")
        expect(terminals[0].read(), b"", "what came")

@test
def console_listed():
    os.mknod("/dev/console", 0o020600, os.makedev(5, 1))
    try:
        os.close(os.open("/dev/console", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY))
        wanted = "console"
    except OSError:
        wanted = ""  # this machine has none
    run = notify("-l")
    os.unlink("/dev/console")
    found = "console" if any(line.split()[-1] == "console" for line in run.out.splitlines()) else ""
    expect(found, wanted, "console")

@test
def planted_console():
    os.mkfifo("/dev/console")
    reader = os.open("/dev/console", os.O_RDONLY | os.O_NONBLOCK)
    run = notify("x")
    seen = select.select([reader], [], [], 0)[0] and os.read(reader, 100)
    os.close(reader); os.unlink("/dev/console")
    expect((run.code, run.out, seen or b""), (0, "nobody is logged in\n", b""), "result")

@test
def json_lines():
    with Terminals(2) as terminals:
        terminals[0].fill()
        run = notify("-j", "-T", "1", 'say "hi"')
        rows = [json.loads(line) for line in run.out.splitlines()]
        assert all(isinstance(row["Time"], int) and isinstance(row["Result"], str) for row in rows), run.out
        results = {row["target"]: (row["ok"], row["Result"]) for row in rows if row["step"] == "terminal"}
        expect(results, {terminals[0].name: (False, "timed out"), terminals[1].name: (True, "written")}, "results")
        expect((rows[-1]["reached"], rows[-1]["missed"], rows[-1]["message"]), (1, 1, 'say "hi"'), "summary")

@test
def quiet():
    with Terminals(1):
        run = notify("-q", "x")
        expect((run.code, run.out, run.err), (0, "", ""), "result")

@test
def full_disk():
    with Terminals(1), open("/dev/full", "w") as full:
        run = notify("x", stdout=full)
        expect((run.code, len(run.err.splitlines())), (71, 1), "result")

@test
def syslog():
    log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    log.bind("/dev/log")
    log.settimeout(2)
    run = notify("-s", "to the log")
    seen = log.recv(4096)
    assert run.code == 0 and seen.startswith(b"<12>") and seen.endswith(b"]: to the log"), "%r" % seen
    filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    filler.setblocking(False)
    try:
        while True:
            filler.sendto(b"x", "/dev/log")
    except BlockingIOError:
        pass
    run = notify("-s", "-T", "1", "x")
    log.close(); os.unlink("/dev/log")
    expect(run.code, 71, "exit code of a log that hangs")
    assert run.seconds < 3, "took %.1f s" % run.seconds

@test
def syslog_missing():
    with Terminals(1):
        run = notify("-s", "x")
        expect(run.code, 5, "exit code")
        assert "/dev/log" in run.out and "failed" in run.out, run.out

@test
def kmsg():
    reader = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(reader, 0, os.SEEK_END)
    run = notify("-K", "\u20ac" * 255 + " quarbox test")
    expect(run.code, 0, "exit code")
    seen = b""
    try:
        while True:
            seen += os.read(reader, 8192)
    except BlockingIOError:
        pass
    os.close(reader)
    lines = [line for line in seen.split(b"\n") if b";notify: " in line]
    expect(len(lines), 1, "lines in the kernel's log")
    expect(int(lines[0].split(b",")[0]) & 7, 4, "priority")

failed = 0
for function in tests:
    name = "notify_" + function.__name__
    try:
        function()
        print("ok", name, flush=True)
    except Exception as error:
        failed += 1
        print("not ok %s: %s" % (name, str(error) or repr(error)), flush=True)
sys.exit(1 if failed else 0)
PYTHON
