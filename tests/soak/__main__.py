"""Uses cube for minutes or hours, several commands at once, and looks every minute at what is left.

    python3 tests/soak [MINUTES] [--cube FILE] [--workers N] [--round SECONDS] [--seed N] [--without ACTIVITY]

Every round is a minute of work (activities.py), then a moment of rest. At rest no container, volume, network, process,
zombie or file of a finished command is left, and the commands that run all the time (long_lived.py) hold as many
descriptors and as much memory as in the beginning. On an engine that nobody else uses, its descriptors and goroutines are
judged too. Prints a line for each round; ends with 1 if anything was wrong. Needs Linux, busybox, and an engine at a socket.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback

# Nothing is to be left beside the sources.
sys.dont_write_bytecode = True
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(1, os.path.join(ROOT, "tests", "torture"))

import engine
from activities import ACTIVITIES, FILES
from long_lived import LongLived
from place import Place, Work, Wrong
from rest import Engine, Rest, become_subreaper

DEBUG = os.path.join(ROOT, "target", "x86_64-unknown-linux-gnu", "debug", "cube")


def main():
    options = arguments()
    # Shells start what is to go on in the background with some of these ignored, and so would be cube.
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = tempfile.mkdtemp(prefix="cube-soak-")
    place = Place(os.path.abspath(options.cube), f"cube-soak-{os.getpid()}", folder)
    engine.make_image(place.image, FILES)
    become_subreaper()
    try:
        soak = Soak(place, options)
        soak.run()
        return soak.report()
    finally:
        for container in engine.containers(place.label):
            engine.remove(container)
        engine.remove_image(place.image)
        shutil.rmtree(folder, ignore_errors=True)


def arguments():
    parser = argparse.ArgumentParser(prog="tests/soak", description=__doc__.splitlines()[0])
    parser.add_argument("minutes", nargs="?", type=float, default=60, metavar="MINUTES", help="60 if not given")
    parser.add_argument("--cube", default=DEBUG, help="the program, for example of a release build")
    parser.add_argument("--workers", type=int, default=4, metavar="N", help="activities at once")
    parser.add_argument("--round", type=float, default=60, metavar="SECONDS", help="how long work goes on between two rests")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 100_000, metavar="N", help="decides what is done")
    parser.add_argument("--without", action="append", default=[], choices=ACTIVITIES, metavar="ACTIVITY", help="leave it out")
    return parser.parse_args()


class Soak:
    def __init__(self, place, options):
        self.place, self.options = place, options
        self.engine = Engine(place)
        self.done, self.wrong = collections.Counter(), []

    def run(self):
        print(f"seed {self.options.seed}; the engine is {'ours alone' if self.engine.is_alone else 'used by others too'}")
        long_lived = LongLived(self.place)
        rest = Rest(self.place, self.engine, long_lived)
        print(rest.heading(), flush=True)
        until = time.monotonic() + 60 * self.options.minutes
        number = 0
        while time.monotonic() < until:
            number += 1
            self.round(number, min(until, time.monotonic() + self.options.round))
            self.wrong += rest.take(number, sum(self.done.values()), len(self.wrong))
        self.wrong += long_lived.end()
        self.wrong += rest.last()

    def round(self, number, until):
        with concurrent.futures.ThreadPoolExecutor(self.options.workers) as pool:
            workers = [pool.submit(self.work, f"{self.options.seed}/{number}/{n}", until)
                       for n in range(self.options.workers)]
        for worker in workers:
            worker.result()

    def work(self, seed, until):
        chance = random.Random(seed)
        while time.monotonic() < until:
            name = chance.choice([name for name in ACTIVITIES if name not in self.options.without])
            work = Work(self.place, chance)
            try:
                ACTIVITIES[name](work)
                work.finish()
            except Wrong as wrong:
                self.note(f"{name}: {wrong}")
            except Exception:
                self.note(f"{name}: {traceback.format_exc()}")
            finally:
                work.clear()
            self.done[name] += 1

    def note(self, words):
        print(f"WRONG {words}", flush=True)
        self.wrong.append(words)

    def report(self):
        for name in ACTIVITIES:
            print(f"{self.done[name]:6} {name.replace('_', ' ')}: {ACTIVITIES[name].__doc__}")
        print(f"{sum(self.done.values())} activities, {len(self.wrong)} wrong (seed {self.options.seed})")
        for words in self.wrong:
            print("  " + words.splitlines()[0])
        return 1 if self.wrong or not self.done else 0


if __name__ == "__main__":
    sys.exit(main())
