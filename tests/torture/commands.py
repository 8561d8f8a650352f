"""The commands that are walked: what each needs, prints and leaves when nothing fails."""

import os
import subprocess

import engine

TEXT = b"".join(b"line %d\n" % n for n in range(3000))
FILES = {f"data/{name}": TEXT[:size] for name, size in (("one", 10), ("two", 20000), ("three", 0))}
SOURCE = {f"in/{name}": TEXT[:size] for name, size in (("four", 5), ("five", 17000))}


class Growing(bytes):
    """What is written as it comes: after a failure its beginning."""


class Point:
    """One run of a command: its label, its folder, and what stays of earlier commands."""

    def __init__(self, cube, image, label, folder):
        self.cube, self.image, self.label, self.folder = cube, image, label, folder
        self.usual = ["--network", "none", "--label", label]
        self.task = None
        os.makedirs(os.path.join(folder, "out"))

    def out(self, name):
        return os.path.join(self.folder, "out", name)

    def source(self, name):
        return os.path.join(self.folder, name)

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": self.folder, "DOCKER_HOST": engine.HOST, "TMPDIR": self.folder}

    def start(self, *words):
        """A task that is there before the command."""
        command = [self.cube, "run", *self.usual, "--image", self.image, *words]
        ran = subprocess.run(command, env=self.environment(), capture_output=True, timeout=300, check=True)
        self.task = ran.stdout.decode().strip()


class Command:
    """A command, and what holds of it when nothing fails."""

    def __init__(self, words, *, before=None, stdout=None, files=None, leaves=None, codes=(0,), failure=1):
        self.words, self.before, self.stdout, self.files = words, before, stdout, files or {}
        # How many containers of the label stay after a success; None: it does not matter.
        self.leaves = leaves
        self.codes, self.failure = codes, failure


def sources(point):
    for path, content in (SOURCE | {"env": b"# comment\nNAME=value\n"}).items():
        os.makedirs(os.path.dirname(point.source(path)), exist_ok=True)
        with open(point.source(path), "wb") as file:
            file.write(content)


def exited(point):
    point.start("--wait-for", "exit", "sh", "-c", "cat /data/two")


def run_attached(p):
    script = "cat /in/five; mkdir /result; cp /data/two /in/four /result"
    return ["run", "-a", *p.usual, "--cidfile", p.out("cid"), "--result-file", p.out("result.json"),
            "--env-file", p.source("env"), "--log-file", p.out("log"), "--copy-in", p.source("in") + ":/in",
            "--copy-out", "/result:" + p.out("result"), "--image", p.image, "sh", "-c", script]


RESULT = {"result/two": FILES["data/two"], "result/four": SOURCE["in/four"]}

COMMANDS = {
    "run": Command(lambda p: ["run", *p.usual, "--cidfile", p.out("cid"), "--image", p.image, "sleep", "1000"],
                   stdout="id", files={"cid": "id"}, leaves=1, failure=125),
    "run-attached": Command(run_attached, before=sources, stdout=SOURCE["in/five"], leaves=0, failure=125,
                            files={"cid": "id", "result.json": "json", "log": Growing(SOURCE["in/five"])} | RESULT),
    "run-code": Command(lambda p: ["run", "-a", *p.usual, "--image", p.image, "sh", "-c", "echo out; exit 7"],
                        stdout=b"out\n", leaves=0, codes=(7,), failure=125),
    "with": Command(lambda p: ["with", *p.usual, "--copy-out", "/data:" + p.out("data"), "--image", p.image,
                               "sleep", "1000", "--", "/bin/busybox", "sh", "-c", "echo host"],
                    stdout=b"host\n", leaves=0, failure=125, files=FILES),
    "stop": Command(lambda p: ["stop", p.task], before=lambda p: p.start("sleep", "1000"), stdout="task", leaves=0),
    "logs": Command(lambda p: ["logs", "-f", p.task], before=exited, stdout=FILES["data/two"], leaves=1),
    "cp-out": Command(lambda p: ["cp", p.task + ":/data", p.out("data")], before=exited, leaves=1, files=FILES),
    "cp-in": Command(lambda p: ["cp", p.source("in"), p.task + ":/copied"],
                     before=lambda p: (sources(p), exited(p)), leaves=1),
    "prune": Command(lambda p: ["prune", "--filter", "label=" + p.label], before=exited, stdout="task", leaves=0),
}
