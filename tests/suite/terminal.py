"""Sessions of cube on a pseudo-terminal: terminal.py CUBE LABEL IMAGE SESSION."""
import fcntl, os, re, select, signal, struct, subprocess, sys, tempfile, termios, time

CUBE, LABEL, IMAGE, SESSION = sys.argv[1:]
LIMIT = 60


class Terminal:
    def __init__(self, *words):
        self.master, self.slave = os.openpty()
        self.size(24, 80)
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""
        self.read = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for number in range(3):
                os.dup2(self.slave, number)
            os.execv(CUBE, ["cube", *words])

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def until(self, text):
        """Returns what came up to `text`."""
        deadline = time.monotonic() + LIMIT
        while text.encode() not in self.seen:
            ready, _, _ = select.select([self.master], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"no {text!r} in {self.seen[-2000:]!r}"
            more = os.read(self.master, 4096)
            self.seen += more
            self.read += more
        before, _, self.seen = self.seen.partition(text.encode())
        return before.decode(errors="replace") + text

    def shows_size(self, rows, columns, set_now=False):
        """Waits in the task until its terminal has this size: that of cube's comes a moment after the start."""
        self.type(f"until [ \"$(stty size 2>&1)\" = '{rows} {columns}' ]; do :; done; stty size\r")
        self.until("; stty size\r\n")
        if set_now:
            self.note(f"the window becomes {rows} rows of {columns} columns")
            self.size(rows, columns)
        self.until(f"{rows} {columns}\r\n")
        self.until("# ")

    def note(self, text):
        """Adds a remark to what is recorded."""
        self.read += f"\n[{text}]\n".encode()

    def recorded(self):
        """All that came, as text: without what moves the cursor, a prompt that is drawn anew, the shell's version."""
        text = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", self.read).decode(errors="replace").replace("\r", "")
        text = re.sub(r"(\S+ # )+", "# ", re.sub(r"BusyBox v.* built-in", "BusyBox built-in", text))
        return "".join(line.rstrip() + "\n" for line in text.split("\n") if line.strip())

    def is_as_before(self):
        return termios.tcgetattr(self.slave) == self.before

    def ended(self):
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def run(*words):
    terminal = Terminal("run", "-it", "--label", LABEL, *words)
    terminal.until("# ")
    return terminal


def drawn(terminal, wanted):
    """Returns the first form of the changing line that is as wanted."""
    while True:
        shown = terminal.until(" s)\x1b[K").rpartition("\r")[2].removesuffix("\x1b[K")
        if wanted(shown):
            return shown


def waiting():
    wait = ["with", "--label", LABEL, "--wait-for", "port=80", "--image", IMAGE]
    wait += ["sh", "-c", "sleep 6; nc -l -p 80", "--", "echo", "do" + "ne"]
    line = Terminal(*wait)
    shown = drawn(line, lambda text: "nothing" in text)
    assert shown.startswith("waiting for port 80/tcp: nothing listens on 80/tcp; listening: no tcp p"), shown
    line.size(24, 40)
    shown = drawn(line, lambda text: len(text) < 40)
    assert shown.startswith("waiting for port 80/tcp: nothing… ("), shown
    rest = line.until("done\r\n")
    assert rest.endswith("\r\x1b[Kdone\r\n") and "\n" not in rest[:-6], rest
    assert line.ended() == 0
    # A terminal that cannot go back, and one that the task writes to, get lines of their own.
    os.environ["TERM"] = "dumb"
    dumb = Terminal(*(word.replace("sleep 6", "sleep 1") for word in wait))
    rest = dumb.until("done\r\n")
    # What is there instead may be known at once.
    first, _, then = rest.partition("\r\n")
    assert first.startswith("waiting for port 80/tcp") and then.startswith("ready after "), rest
    assert "\x1b" not in rest, rest
    assert dumb.ended() == 0
    os.environ["TERM"] = "xterm"
    script = "printf a; sleep 2; echo b; sleep 2; echo up"
    beside = Terminal("run", "-a", "--label", LABEL, "--wait-for", "log=up", "--image", IMAGE, "sh", "-c", script)
    rest = beside.until("b\r\n")
    assert rest.endswith("ab\r\n") and "\x1b" not in rest, rest
    assert beside.ended() == 0


def interrupted():
    """A shell in a task that has shown two sizes, and whose command was ended by Ctrl-C."""
    shell = run("--rm", IMAGE, "sh")
    assert not shell.is_as_before()
    shell.shows_size(24, 80)
    shell.shows_size(40, 100, set_now=True)
    shell.type("echo sl''eeps; sleep 600\r")
    shell.until("sleeps\r\n")
    shell.type("\x03")
    shell.until("# ")
    return shell


def session():
    shell = interrupted()
    shell.type("printf 'no news''line'\r")
    shell.until("no newsline")
    shell.type("vi /tmp/file\r")
    shell.until("- /tmp/file")
    shell.type("ihello")
    shell.until("hello")
    shell.type("\x1b")
    shell.until("- /tmp/file")
    shell.type(":wq\r")
    shell.until("# ")
    shell.type("cat /tmp/file; exit 3\r")
    shell.until("hello")
    assert shell.ended() == 3
    assert shell.is_as_before()


def killed():
    kill(run(IMAGE, "sh"))


def kill(shell):
    assert not shell.is_as_before()
    os.kill(shell.pid, signal.SIGKILL)
    assert shell.ended() == -signal.SIGKILL
    deadline = time.monotonic() + LIMIT
    while not shell.is_as_before():
        assert time.monotonic() < deadline, "the terminal stays raw"


def signalled():
    shell = run("--stop-timeout", "0", IMAGE, "sh")
    os.kill(shell.pid, signal.SIGTERM)
    assert shell.ended() == 143
    assert shell.is_as_before()


def detached():
    shell = run("--rm", "--detach-keys", "ctrl-a,x", IMAGE, "sh")
    shell.type("\x01x")
    assert shell.ended() == 0
    assert shell.is_as_before()
    task = shell.until("\n").strip()[-64:]
    assert all(letter in "0123456789abcdef" for letter in task) and len(task) == 64, task
    command = Terminal("exec", "-it", task, "sh")
    command.until("# ")
    command.shows_size(24, 80)
    command.type("exit 5\r")
    assert command.ended() == 5
    assert command.is_as_before()
    command = Terminal("exec", "-it", task, "sh")
    command.until("# ")
    command.type("\x10\x11")
    assert command.ended() == 0
    assert command.until("\n").strip().endswith(task)
    again = Terminal("attach", task)
    again.type("echo a$((40+2))\r")
    again.until("a42")
    again.type("\x10\x11")
    assert again.ended() == 0
    assert again.is_as_before()
    again = Terminal("attach", task)
    again.type("exit 7\r")
    assert again.ended() == 7
    assert again.is_as_before()


def recorded():
    """Prints a session as it is kept in terminal.txt."""
    shell = interrupted()
    shell.type("exit 3\r")
    shell.until("exit 3")
    code = shell.ended()
    assert shell.is_as_before()
    shell.note(f"cube exits with {code}; the settings of the terminal are as before")
    again = run(IMAGE, "sh")
    kill(again)
    again.note("kill -9 of cube; the settings of the terminal are as before")
    print(f"$ cube run -it --rm IMAGE sh\n{shell.recorded()}$ cube run -it IMAGE sh\n{again.recorded()}", end="")


def copied():
    """The task is let go of; who removes it copies out, and otherwise it is said how to."""
    with tempfile.TemporaryDirectory() as folder:
        for rm in [["--rm"], []]:
            shell = run(*rm, "--copy-out", f"/tmp/out:{folder}/out{len(rm)}", IMAGE, "sh")
            shell.type("\x10\x11")
            shell.until("is copied out at the task's end" if rm else "use `cube cp ")
            assert shell.ended() == 0
            task = re.findall("[0-9a-f]{64}", shell.recorded())[0]
            again = Terminal("attach", task)
            again.type("echo re''sult >/tmp/out; exit 4\r")
            assert again.ended() == 4
            subprocess.run([CUBE, "wait", task], stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + LIMIT
            while rm and not (os.path.exists(f"{folder}/out1") and open(f"{folder}/out1").read() == "result\n"):
                assert time.monotonic() < deadline, "nothing was copied out"
            if not rm:
                assert not os.path.exists(f"{folder}/out0")
                subprocess.run([CUBE, "cp", f"{task}:/tmp/out", f"{folder}/out0"], check=True)
                assert open(f"{folder}/out0").read() == "result\n"
                subprocess.run([CUBE, "rm", "-f", task], check=True, stdout=subprocess.DEVNULL)


def started():
    """Of a start in the background only the request is looked at."""
    Terminal("run", "-d", IMAGE).ended()


{"started": started, "copied": copied, "recorded": recorded, "session": session, "killed": killed, "signalled": signalled, "waiting": waiting, "detached": detached}[SESSION]()
