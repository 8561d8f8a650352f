"""Makes every system call of cube's commands fail once, and looks at what becomes of it.

    python3 tests/torture [--cube FILE] [--every N] [--jobs N] [COMMAND...] [--call NAME] [--at ERROR:NUMBER]

Each point is one run of a command under strace in which the N-th call of one kind fails in each thread that gets so far,
with an error that a kernel can really give (faults.py). Of the rounds of a loop some are visited. Afterwards: a documented exit code and a message, no panic, no
hang, each file whole or not there, no draft beside it, no container. Needs strace, busybox, and an engine at a socket.
"""

import argparse
import concurrent.futures
import json
import os
import shutil
import sys
import tempfile
import time
import uuid

# Nothing is to be left beside the sources.
sys.dont_write_bytecode = True

import engine
import faults
from commands import COMMANDS, FILES, Growing, Point
from trace import Trace

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
DEBUG = os.path.join(ROOT, "target", "x86_64-unknown-linux-gnu", "debug", "cube")
# Longer than any command takes on a busy machine; a guard in doubt looks out for two minutes.
LIMIT = 240


def main():
    options = arguments()
    image = f"cube-torture-{os.getpid()}"
    engine.make_image(image, FILES)
    try:
        walk = Walk(os.path.abspath(options.cube), image, options.verbose)
        points = [point for name in options.commands or COMMANDS for point in walk.points(name, options)]
        points = [point for n, point in enumerate(points) if n % options.every == options.offset % options.every]
        print(f"{len(points)} points", flush=True)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(lambda point: walk.visit(*point), points))
        return walk.report()
    finally:
        engine.remove_image(image)


def arguments():
    parser = argparse.ArgumentParser(prog="tests/torture", description=__doc__.splitlines()[0])
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=", ".join(COMMANDS))
    parser.add_argument("--cube", default=DEBUG, help="the program, for example of a release build")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th point")
    parser.add_argument("--offset", type=int, default=0, metavar="N", help="begin with the N-th of them")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="points at once")
    parser.add_argument("--call", metavar="NAME", help="only this system call")
    parser.add_argument("--at", metavar="ERROR:NUMBER", help="only this point of it")
    parser.add_argument("--verbose", action="store_true", help="print each point")
    options = parser.parse_args()
    for name in options.commands:
        if name not in COMMANDS:
            parser.error(f"{name} is none of {', '.join(COMMANDS)}")
    return options


class Walk:
    def __init__(self, cube, image, verbose):
        self.cube, self.image, self.verbose = cube, image, verbose
        self.walked, self.excluded, self.missed, self.bad = {}, 0, 0, []

    def points(self, name, options):
        """Every point of a command, from a run in which nothing fails."""
        _, trace, wrong = self.run(name, None)
        if wrong:
            raise SystemExit(f"{name} fails by itself: {wrong}\n{trace.stderr}")
        calls = [options.call] if options.call else faults.CALLS
        for call in calls:
            numbers = sorted(number for made, number in trace.calls if made == call)
            numbers = numbers[:1] if call in faults.FIRST_ALONE else numbers
            once = faults.without_repetitions([trace.calls[call, number] for number in numbers])
            numbers = [number for number, is_new in zip(numbers, once) if is_new or options.at]
            for error in faults.CALLS[call].split():
                for number in numbers:
                    possible = not all(faults.is_excluded(text, error) for text in trace.calls[call, number])
                    if possible and options.at in (None, f"{error}:{number}"):
                        yield name, (call, error, number)

    def visit(self, name, fault):
        point, trace, wrong = self.run(name, fault)
        words = f"{name} {fault[0]} {fault[1]}:{fault[2]}"
        real = [call for call in trace.failed if not faults.is_excluded(call, fault[1])]
        # The very first execve is strace's own.
        if not real or trace.stderr.startswith("strace: exec"):
            if trace.failed:
                self.excluded += 1
            else:
                self.missed += 1
            return
        if wrong and len(real) < len(trace.failed):
            # What is wrong may come of a failure that no kernel gives, in another thread.
            self.excluded += 1
            print(f"left out: {words}: {'; '.join(wrong)}", flush=True)
            return
        self.walked[name, *fault[:2]] = self.walked.get((name, *fault[:2]), 0) + 1
        if sum(self.walked.values()) % 100 == 0:
            print(f"{sum(self.walked.values())} walked", flush=True)
        if self.verbose:
            print(f"{words}: {trace.code} in {trace.took:.1f} s", flush=True)
        if wrong:
            self.bad.append(words)
            repeat = f"tests/torture {name} --call {fault[0]} --at {fault[1]}:{fault[2]}"
            failed = "\n    ".join(real)
            print(f"WRONG {words} (code {trace.code}, {trace.took:.1f} s): {'; '.join(wrong)}\n  {repeat}\n"
                  f"    {failed}\n  | " + trace.stderr[-1500:].replace("\n", "\n  | "), flush=True)

    def run(self, name, fault):
        command, label = COMMANDS[name], f"torture={uuid.uuid4().hex}"
        folder = tempfile.mkdtemp(prefix="cube-torture-")
        point = Point(self.cube, self.image, label, folder)
        try:
            if command.before:
                command.before(point)
            words = [self.cube, *command.words(point)]
            trace = Trace(words, point.environment(), folder, faults.CALLS, fault, LIMIT)
            return point, trace, list(wrongs(command, point, trace))
        finally:
            for container in engine.containers(label):
                engine.remove(container)
            shutil.rmtree(folder, ignore_errors=True)

    def report(self):
        calls = sorted({walked[1:] for walked in self.walked})
        names = [name for name in COMMANDS if any(name == walked[0] for walked in self.walked)]
        print("call".ljust(30) + "".join(name.rjust(14) for name in names))
        for call in calls:
            counts = (str(self.walked.get((name, *call), "")).rjust(14) for name in names)
            print(" ".join(call).ljust(30) + "".join(counts))
        total = sum(self.walked.values())
        print(f"{total} points walked, {len(self.bad)} wrong; {self.excluded} excluded, {self.missed} not reached")
        return 1 if self.bad or not total else 0


def wrongs(command, point, trace):
    """What does not hold after a run."""
    if trace.hung:
        yield f"it hangs for {LIMIT} s"
    if "panicked" in trace.stderr:
        yield "it panics"
    yield from trace.crashes
    succeeded = trace.code in command.codes
    # Whoever closes the output has what they wanted.
    closed = any(is_output(call, 1) and "EPIPE" in call for call in trace.failed)
    silent = any(is_output(call, 2) for call in trace.failed)
    # HOST-COMMAND cannot be executed, or is not found.
    unrunnable = trace.code in (126, 127) and any(call.startswith("execve(") for call in trace.failed)
    if not (succeeded or unrunnable or trace.code == command.failure or (closed and trace.code == 0)):
        yield f"exit code {trace.code}"
    if not succeeded and not closed and not silent and not has_message(trace.stderr):
        yield "no message"
    yield from wrong_containers(command, point, trace, succeeded, closed)
    yield from wrong_files(command, point, trace, succeeded and not closed)


def is_output(call, descriptor):
    return call.startswith((f"write({descriptor}<", f"writev({descriptor}<"))


def has_message(stderr):
    return any(line.startswith("cube: ") for line in stderr.splitlines())


def wrong_containers(command, point, trace, succeeded, closed):
    wanted = command.leaves if succeeded else (None if command.before else 0)
    if closed or wanted is None:
        return
    left = engine.containers(point.label)
    deadline = time.monotonic() + 15
    while len(left) != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
        left = engine.containers(point.label)
    if len(left) != wanted:
        yield f"{len(left)} containers, not {wanted}"
    printed = trace.stdout.decode(errors="replace")
    if succeeded and command.stdout == "id" and [printed] != [id + "\n" for id in left]:
        yield f"it prints {printed!r}"
    if succeeded and command.stdout == "task" and printed != point.task + "\n":
        yield f"it prints {printed!r}"
    if succeeded and isinstance(command.stdout, bytes) and trace.stdout != command.stdout:
        yield f"it prints {len(trace.stdout)} bytes, not {len(command.stdout)}"


def wrong_files(command, point, trace, must_be):
    folder = point.out("")
    found = [os.path.relpath(os.path.join(path, name), folder) for path, _, names in os.walk(folder) for name in names]
    for path in found:
        if path not in command.files:
            # What cannot be looked at or removed stays.
            if not any(path in call for call in trace.failed):
                yield f"{path} is left"
        elif not is_whole(command.files[path], os.path.join(folder, path), must_be):
            yield f"{path} is torn"
    for path in command.files:
        if must_be and path not in found:
            yield f"{path} is missing"


def is_whole(wanted, path, must_be):
    with open(path, "rb") as file:
        content = file.read()
    if wanted == "id":
        return len(content.strip()) == 64
    if wanted == "json":
        # It is emptied before anything runs, and filled in the end.
        if not content:
            return not must_be
        try:
            return isinstance(json.loads(content), dict)
        except ValueError:
            return False
    if isinstance(wanted, Growing) and not must_be:
        return wanted.startswith(content)
    return content == wanted


if __name__ == "__main__":
    sys.exit(main())
