"""Runs a command under strace and reads what it wrote: who called, what was made to fail."""

import os
import re
import signal
import subprocess
import time

FORKS = ("clone", "clone3", "fork", "vfork")
LINE = re.compile(r"^(\d+) +(.*)$")


class Trace:
    """A command that ran under strace, with one call made to fail or none."""

    def __init__(self, words, environment, folder, calls, fault=None, limit=240):
        log = os.path.join(folder, "strace")
        traced = ",".join(sorted(set(calls) | {"execve", *FORKS}))
        command = ["strace", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "200", "-o", log, "-e", "trace=" + traced]
        if fault:
            call, error, number = fault
            command += ["-e", f"inject={call}:error={error}:when={number}"]
        begun = time.monotonic()
        process = subprocess.Popen(command + words, env=environment, cwd=folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.hung = False
        try:
            self.stdout, stderr = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            self.hung = True
            self.end(process, log)
            self.stdout, stderr = process.communicate()
        self.took = time.monotonic() - begun
        self.code, self.stderr = process.returncode, stderr.decode(errors="replace")
        with open(log, errors="replace") as file:
            self.read(file)

    def end(self, process, log):
        """Ends all that it started: they are not in one group."""
        with open(log, errors="replace") as file:
            pids = {int(line.split()[0]) for line in file if line[:1].isdigit()}
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        process.kill()

    def read(self, lines):
        """Sorts the lines: calls of cube's own processes by name and number, failures, violent ends."""
        self.calls, self.failed, self.crashes = {}, [], []
        parents, foreign, begun, per_thread = {}, set(), {}, {}
        for line in lines:
            pid, text = LINE.match(line).groups()
            if text.startswith(("+++", "---")):
                if re.search(r"killed by SIG(ABRT|SEGV|BUS|ILL|TRAP|SYS|FPE)", text):
                    self.crashes.append(f"{pid} {text}")
                continue
            if text.endswith("<unfinished ...>"):
                begun[pid] = text
                continue
            if text.startswith("<..."):
                text = begun.pop(pid, "").removesuffix(" <unfinished ...>") + text.partition(">")[2]
            name = text.partition("(")[0]
            if name in FORKS and (child := re.search(r"= (\d+)$", text)):
                parents[child[1]] = pid
            # A thread or a fork of what is foreign is foreign too.
            if parents.get(pid) in foreign:
                foreign.add(pid)
            if name == "execve" and text.endswith("= 0") and parents.get(pid) and "/proc/self/exe" not in text:
                foreign.add(pid)
            if pid in foreign:
                continue
            number = per_thread[pid, name] = per_thread.get((pid, name), 0) + 1
            self.calls.setdefault((name, number), []).append(text)
            if text.endswith("(INJECTED)"):
                self.failed.append(text)
