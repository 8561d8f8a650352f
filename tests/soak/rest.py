"""What is looked at between two rounds, when no activity runs: containers, volumes, networks, processes, zombies, files, and
what the long commands and the engine hold."""

import ctypes
import json
import os
import socket
import statistics
import struct
import threading
import time

import engine
from place import LIMIT, MARK, children

SUBREAPER = 36
# A guard in doubt whether the engine still makes a container looks out for two minutes.
IN_DOUBT = 150
# What the allocator and the kernel's counting per processor may add, in KiB.
MEMORY = 1024
# What an engine keeps open for a while.
DESCRIPTORS, GOROUTINES = 3, 10
# What dockerd never lets go of for a container that was attached to and removed before it started, whoever asked for it.
DESCRIPTORS_LOST, GOROUTINES_LOST = 2, 5


def become_subreaper():
    """Has processes whose parent died become children of this one: else the machine's first process had to collect them."""
    ctypes.CDLL(None).prctl(SUBREAPER, 1)


class Unstarted(threading.Thread):
    """Counts the containers that were attached to and removed without a start, by the engine's events."""

    def __init__(self, label):
        super().__init__(daemon=True)
        self.label, self.count = label, 0
        self.start()

    def run(self):
        attached = set()
        for event in engine.events(self.label):
            name, container = event.get("Action"), event["Actor"]["ID"]
            if name == "attach":
                attached.add(container)
            elif name == "start":
                attached.discard(container)
            elif name == "destroy" and container in attached:
                attached.discard(container)
                self.count += 1


class Engine:
    """The engine, as far as it shows what it holds."""

    def __init__(self, place):
        self.label = place.label
        self.pid = engine_process()
        self.before = self.holds()
        self.is_alone = not self.before["containers"]
        self.unstarted = Unstarted(place.label)

    def holds(self):
        """Ids and names of what there is."""
        volumes = json.loads(engine.ask("GET", "/volumes")[1]).get("Volumes") or []
        networks = json.loads(engine.ask("GET", "/networks")[1])
        containers = json.loads(engine.ask("GET", "/containers/json", all=1)[1])
        return {"containers": {each["Id"] for each in containers}, "volumes": {each["Name"] for each in volumes},
                "networks": {each["Id"] for each in networks}}

    def left(self):
        """What there is more than before, of cube's label where others use the engine too."""
        if self.is_alone:
            return {kind: len(now - self.before[kind]) for kind, now in self.holds().items()}
        filters = json.dumps({"label": [self.label]})
        networks = json.loads(engine.ask("GET", "/networks", filters=json.dumps({"name": ["soak-"]}))[1])
        volumes = json.loads(engine.ask("GET", "/volumes", filters=filters)[1]).get("Volumes") or []
        return {"containers": len(engine.containers(self.label)), "volumes": len(volumes), "networks": len(networks)}

    def goroutines(self):
        return json.loads(engine.ask("GET", "/info")[1]).get("NGoroutines") or 0

    def descriptors(self):
        try:
            return len(os.listdir(f"/proc/{self.pid}/fd"))
        except OSError:
            return 0


def engine_process():
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(engine.HOST.removeprefix("unix://"))
        return struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]


class Rest:
    def __init__(self, place, of_engine, long_lived):
        self.place, self.engine, self.long = place, of_engine, long_lived
        self.columns, self.seen = {}, {}
        # What the processes are that should be over.
        self.left = []

    def heading(self):
        return " round   done wrong | containers volumes networks processes in-doubt zombies files | engine: files goroutines | " \
            + ", ".join(f"{each.name} files KiB" for each in self.long.all)

    def take(self, number, done, wrong):
        """Looks once everything has calmed down; prints a line, and returns what does not hold."""
        deadline = time.monotonic() + LIMIT
        while True:
            found, bad = self.look(of_long_lived=1)
            if not bad or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        held = {"engine files": self.engine.descriptors(), "engine goroutines": self.engine.goroutines()}
        for each in self.long.all:
            held |= {f"{each.name} files": each.descriptors(), f"{each.name} KiB": each.memory()}
        for name, value in held.items():
            self.columns.setdefault(name, []).append(value)
        values = list(held.values())
        long = ", ".join(f"{files} {memory}" for files, memory in zip(values[2::2], values[3::2]))
        print(f"{number:6} {done:6} {wrong + len(bad):5} | {found['containers']:10} {found['volumes']:7} {found['networks']:8} "
              f"{found['processes']:9} {found['in doubt']:8} {found['zombies']:7} {found['files']:5} | "
              f"{values[0]:13} {values[1]:10} | {long}", flush=True)
        self.name_left()
        return [f"round {number}: {words}" for words in bad]

    def last(self):
        """When even the long commands have ended: nothing is left, and nothing grew."""
        deadline = time.monotonic() + IN_DOUBT
        while True:
            found, bad = self.look(of_long_lived=0)
            bad += ["guards are left"] if found["in doubt"] else []
            if not bad or time.monotonic() > deadline:
                break
            time.sleep(0.5)
        print("in the end:", ", ".join(f"{count} {name}" for name, count in found.items()))
        self.name_left()
        print(f"{self.engine.unstarted.count} containers were attached to and removed before they started")
        return [f"in the end: {words}" for words in bad] + list(self.grown())

    def look(self, of_long_lived):
        long = self.long.processes() if of_long_lived else set()
        reap(long)
        found = self.engine.left() | self.processes(long) | {"files": len(self.place.files())}
        wanted = {"containers": of_long_lived}
        bad = [f"{count} {name}" for name, count in found.items() if name != "in doubt" and count != wanted.get(name, 0)]
        return found, bad

    def processes(self, long):
        """Those of cube that should be over, and zombies that one of them should have collected."""
        now, doubtful, zombies = time.monotonic(), 0, 0
        alive, self.left = set(), []
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            try:
                with open(f"/proc/{pid}/stat") as file:
                    state, parent = file.read().rpartition(")")[2].split()[:2]
                if state == "Z":
                    zombies += int(parent) in long
                    continue
                with open(f"/proc/{pid}/environ", "rb") as file:
                    ours = f"{MARK}={self.place.mark}".encode() in file.read().split(b"\0")
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().rstrip(b"\0").split(b"\0")
            except OSError:
                continue
            if ours and pid not in long:
                alive.add(pid)
                since = self.seen.setdefault(pid, now)
                patient = b"in-doubt" in words and now - since < IN_DOUBT
                doubtful += patient
                if not patient:
                    self.left.append(f"{pid}, seen for {now - since:.0f} s: {b' '.join(words).decode(errors='replace')}")
        self.seen = {pid: since for pid, since in self.seen.items() if pid in alive}
        return {"processes": len(self.left), "in doubt": doubtful, "zombies": zombies}

    def name_left(self):
        for words in self.left:
            print("       left:", words, flush=True)

    def grown(self):
        """What is more in the last third than in the first."""
        for name, values in self.columns.items():
            third = len(values) // 3
            if not third or (name.startswith("engine") and not self.engine.is_alone):
                continue
            # The first round warms up.
            first, last = statistics.median(values[min(1, third - 1):third + 1]), statistics.median(values[-third:])
            lost = self.engine.unstarted.count
            of_engine = {"engine files": DESCRIPTORS + lost * DESCRIPTORS_LOST,
                         "engine goroutines": GOROUTINES + lost * GOROUTINES_LOST}
            slack = MEMORY if name.endswith("KiB") else of_engine.get(name, 0)
            if last > first + slack:
                yield f"{name}: {first:.0f} at first, {last:.0f} in the end"


def reap(others):
    """Collects the children that were not started here: guards whose cube is gone, and what they left."""
    for child in children(os.getpid()) - others:
        try:
            os.waitpid(child, os.WNOHANG)
        except ChildProcessError:
            pass
