"""Where the soak works: folders, label and environment of all commands, and what one activity has of its own."""

import os
import shutil
import signal
import subprocess
import time
import uuid

import engine

# By when a command has ended and what it made is gone, on a busy machine.
LIMIT = 120
MARK = "CUBE_SOAK"


class Wrong(Exception):
    """What does not hold."""


def children(pid):
    """The processes that the threads of a process started, or inherited."""
    found = set()
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found.update(int(child) for child in file.read().split())
        except (FileNotFoundError, ProcessLookupError):
            # The thread is over; what it started has another parent by now.
            continue
    return found


class Place:
    def __init__(self, cube, image, folder):
        self.cube, self.image, self.folder = cube, image, folder
        self.mark = uuid.uuid4().hex
        self.label = "cube-soak=" + self.mark
        for name in ("home", "tmp", "run", "work"):
            os.makedirs(self.path(name))
        self.environment = {"PATH": os.environ["PATH"], "DOCKER_HOST": engine.HOST, "HOME": self.path("home"),
                            "TMPDIR": self.path("tmp"), "XDG_RUNTIME_DIR": self.path("run"), MARK: self.mark}

    def path(self, name):
        return os.path.join(self.folder, name)

    def files(self):
        """All files that commands left."""
        return [os.path.join(path, name) for part in ("home", "tmp", "run", "work")
                for path, folders, names in os.walk(self.path(part)) for name in names + folders]


class Work:
    """What an activity works with: commands, a folder, a label."""

    def __init__(self, place, chance):
        self.place, self.chance, self.image = place, chance, place.image
        self.name = "soak-" + uuid.uuid4().hex[:12]
        self.label = "cube-soak-work=" + self.name
        self.folder = os.path.join(place.path("work"), self.name)
        self.running, self.volumes = [], []
        os.makedirs(self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def flags(self, network="none"):
        return ["--network", network, "--label", self.place.label, "--label", self.label]

    def cube(self, *words, code=0, stdout=None, stdin=None):
        """Runs a command to its end; returns what it printed."""
        return self.ended(self.spawn(*words, stdin=stdin), words, code, stdout, stdin)

    def spawn(self, *words, stdin=None):
        process = subprocess.Popen([self.place.cube, *words], env=self.place.environment, cwd=self.folder,
                                   stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.running.append(process)
        return process

    def ended(self, process, words, code=0, stdout=None, stdin=None):
        try:
            printed, errors = process.communicate(stdin, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            raise Wrong(f"{words} does not end") from None
        codes = code if isinstance(code, tuple) else (code,)
        if process.returncode not in codes or b"panicked" in errors:
            raise Wrong(f"{words} ends with {process.returncode}, not {code}: {errors.decode(errors='replace')}")
        if stdout is not None and printed != stdout:
            raise Wrong(f"{words} prints {len(printed)} bytes, not {len(stdout)}: {printed[:200]!r}")
        return printed

    def start(self, *words, flags=(), network="none"):
        """A task that runs on; its id."""
        printed = self.cube("run", *self.flags(network), *flags, "--image", self.image, *words)
        if len(printed) != 65:
            raise Wrong(f"run prints {printed!r}")
        self.volumes += engine.volumes_of(printed.decode().strip())
        return printed.decode().strip()

    def foreground(self, *words, flags=()):
        """A task in the foreground that prints `up`, once it does."""
        process = self.spawn("run", "-a", *self.flags(), *flags, "--image", self.image, *words)
        line = process.stdout.readline()
        if line != b"up\n":
            raise Wrong(f"run -a prints {line!r}: {process.stderr.read()!r}")
        return process

    def kill(self, process):
        process.kill()
        process.communicate(timeout=LIMIT)

    def guard(self, process):
        """The guard of a cube that runs."""
        deadline = time.monotonic() + LIMIT
        while time.monotonic() < deadline:
            for child in children(process.pid):
                with open(f"/proc/{child}/comm") as file:
                    if file.read() == "task-guard\n":
                        return child
            time.sleep(0.02)
        raise Wrong("there is no guard")

    def finish(self):
        """Returns once nothing is left of it."""
        deadline = time.monotonic() + LIMIT
        while containers := engine.containers(self.label):
            if time.monotonic() > deadline:
                raise Wrong(f"{len(containers)} containers are left")
            time.sleep(0.1)
        left = [volume for volume in self.volumes if engine.ask("GET", f"/volumes/{volume}")[0] != 404]
        if left:
            raise Wrong(f"{len(left)} volumes are left")

    def clear(self):
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.communicate()
        for container in engine.containers(self.label):
            engine.remove(container)
        shutil.rmtree(self.folder, ignore_errors=True)
