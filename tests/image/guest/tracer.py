# SPDX-License-Identifier: GPL-2.0-or-later
"""A process that can be stopped at each of its calls on netlink sockets, and killed or let go on there."""
import ctypes
import os
import signal
import struct
import tempfile

TRACEME, SYSCALL, SETOPTIONS, GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
TRACE_SYSGOOD, EXITKILL = 1, 1 << 20
ENTRY, EXIT = 1, 2
AF_NETLINK = 16
CALLS = {
    "x86_64": {41: "socket", 3: "close", 44: "sendto", 46: "sendmsg", 1: "write", 45: "recvfrom", 47: "recvmsg"},
    "aarch64": {198: "socket", 57: "close", 206: "sendto", 211: "sendmsg", 64: "write", 207: "recvfrom", 212: "recvmsg"},
}[os.uname().machine]
SENDS = ("sendto", "sendmsg", "write")

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid, address=None, data=None):
    result = libc.ptrace(request, pid, address, data)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request}")
    return result


class Traced:
    """Begins stopped, before its first call. Only the thread that made it may use it."""

    def __init__(self, namespace, *command):
        self.code = None
        self.netlink = set()
        self.call = None  # its name, while it is one on a netlink socket
        self.output = tempfile.TemporaryFile()
        with namespace.entered():
            self.pid = os.fork()
            if self.pid == 0:
                self._become(command)
        os.waitpid(self.pid, 0)
        ptrace(SETOPTIONS, self.pid, None, TRACE_SYSGOOD | EXITKILL)

    def _become(self, command):
        try:
            null = os.open("/dev/null", os.O_RDONLY)
            for number, descriptor in enumerate((null, self.output.fileno(), self.output.fileno())):
                os.dup2(descriptor, number)
            ptrace(TRACEME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            os.execvp(command[0], command)
        finally:
            os._exit(127)

    def said(self):
        self.output.seek(0)
        return self.output.read().decode(errors="replace")

    def _info(self):
        info = ctypes.create_string_buffer(96)
        ptrace(GET_SYSCALL_INFO, self.pid, len(info), info)
        return info.raw

    def _look(self):
        """The call that it stands at: ("before" or "after", name) when it is on a netlink socket."""
        info = self._info()
        if info[0] == ENTRY:
            number, first = struct.unpack_from("QQ", info, 24)
            name = CALLS.get(number)
            self.call = name if name == "socket" and first == AF_NETLINK or first in self.netlink else None
            self.descriptor = first
            return ("before", self.call) if self.call not in (None, "socket", "close") else None
        if info[0] != EXIT or not self.call:
            return None
        name, self.call = self.call, None
        result = struct.unpack_from("q", info, 24)[0]
        if name == "socket" and result >= 0:
            self.netlink.add(result)
        elif name == "close":
            self.netlink.discard(self.descriptor)
        else:
            return "after", name
        return None

    def next(self):
        """Lets it run to its next stop at a call on a netlink socket. None: it has ended, and `code` says how."""
        pass_on = 0
        while self.code is None:
            ptrace(SYSCALL, self.pid, None, pass_on)
            status = os.waitpid(self.pid, 0)[1]
            if not os.WIFSTOPPED(status):
                self.code = os.waitstatus_to_exitcode(status)
                break
            stop = os.WSTOPSIG(status)
            pass_on = 0 if stop in (signal.SIGTRAP, signal.SIGTRAP | 0x80) else stop
            found = self._look() if stop == signal.SIGTRAP | 0x80 else None
            if found:
                return found
        return None

    def run_to(self, number, wanted):
        """To its stop of this number among those that `wanted` takes. False: it has ended before."""
        while number >= 0:
            stop = self.next()
            if stop is None:
                return False
            number -= bool(wanted(*stop))
        return True

    def finish(self):
        while self.next():
            pass
        return self.code

    def kill(self):
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
