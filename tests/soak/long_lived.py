"""Commands that run from the soak's beginning to its end: one task, and all that look on. What they hold must not grow, and
in the end each has seen every line."""

import os
import subprocess
import threading

import engine
from place import LIMIT, children

# Some lines every fifth of a second, and a last one.
SCRIPT = """trap 'echo last; exit 3' TERM
i=0
while :; do
    for j in 1 2 3 4 5 6 7 8 9 10; do echo "line $i"; i=$((i + 1)); done
    sleep 0.2
done"""


class Reader(threading.Thread):
    """Takes what a command prints, and counts its lines in order."""

    def __init__(self, stream):
        super().__init__(daemon=True)
        self.stream, self.lines, self.wrong, self.last = stream, 0, None, b""
        self.start()

    def run(self):
        first = None
        for line in self.stream:
            self.last = line
            if not line.startswith(b"line "):
                continue
            number = int(line.split()[1])
            first = number if first is None else first
            if number != first + self.lines and self.wrong is None:
                self.wrong = f"line {number} follows line {first + self.lines - 1}"
            self.lines += 1


class Watched:
    """A command that runs all the time."""

    def __init__(self, place, name, words):
        self.name = name
        self.process = subprocess.Popen([place.cube, *words], env=place.environment, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.reader = Reader(self.process.stdout)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self):
        """KiB in memory."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


class LongLived:
    def __init__(self, place):
        self.place, self.label = place, "cube-soak-long=" + place.mark
        flags = ["--network", "none", "--label", place.label, "--label", self.label]
        script = ["--image", place.image, "sh", "-c", SCRIPT]
        self.run = Watched(place, "run -a", ["run", "-a", "--keep", *flags, *script])
        # It prints as soon as it runs.
        while not self.run.reader.lines:
            if self.run.process.poll() is not None:
                raise RuntimeError("the long task ended at once")
        self.task = engine.containers(self.label)[0]
        self.all = [self.run] + [Watched(place, words[0], [*words, self.task])
                                 for words in (["logs", "-f"], ["wait"], ["attach", "--no-stdin"])]

    def processes(self):
        """The commands and the guards of those that have one."""
        found = set()
        for each in self.all:
            found |= {each.process.pid} | children(each.process.pid)
        return found

    def end(self):
        """Ends the task; what did not hold."""
        subprocess.run([self.place.cube, "kill", "-s", "TERM", self.task], env=self.place.environment,
                       stdout=subprocess.DEVNULL, check=True)
        wrong = []
        for each in self.all:
            code = each.process.wait(LIMIT)
            each.reader.join()
            lines = each.reader
            if code != (0 if each.name == "logs" else 3):
                wrong.append(f"{each.name} ends with {code}")
            if lines.wrong:
                wrong.append(f"{each.name}: {lines.wrong}")
            if lines.last != (b"3\n" if each.name == "wait" else b"last\n"):
                wrong.append(f"{each.name} ends its output with {lines.last!r}")
        run, logs = self.all[0].reader.lines, self.all[1].reader.lines
        print(f"the long task wrote {run} lines; `logs -f` shows {logs}")
        if run != logs:
            wrong.append(f"{run} lines by run -a, {logs} by logs -f")
        subprocess.run([self.place.cube, "stop", self.task], env=self.place.environment,
                       stdout=subprocess.DEVNULL, check=True)
        return wrong
