"""What is done with cube, over and over: each activity expects its exit codes and bytes, and leaves nothing."""

import json
import os
import signal
import time

import engine
from place import LIMIT, Wrong

TEXT = b"".join(b"line %d\n" % n for n in range(3000))
FILES = {"data/one": TEXT[:10], "data/two": TEXT, "data/three": b""}
HEARS = ["sh", "-c", "trap 'exit 9' TERM; echo up; while :; do sleep 0.1; done"]
DEAF = ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"]
ENDED = (129, 130, 143, -signal.SIGHUP, -signal.SIGINT, -signal.SIGTERM)


def start_and_stop(work):
    """run, exec, logs, port, inspect, ps, stop of a task with an anonymous volume"""
    task = work.start(*HEARS, flags=["--volume", "/scratch", "--wait-for", "log=up"])
    work.cube("exec", task, "cat", "/data/one", stdout=FILES["data/one"])
    work.cube("logs", task, stdout=b"up\n")
    work.cube("port", task, stdout=b"")
    if json.loads(work.cube("inspect", task))[0]["Id"] != task:
        raise Wrong("inspect shows another container")
    if not any(id and task.startswith(id) for id in work.cube("ps", "-q").decode().split()):
        raise Wrong("ps does not show it")
    work.cube("stop", task, stdout=task.encode() + b"\n")


def wait_and_kill(work):
    """wait, kill -s TERM, logs -f, rm"""
    task = work.start(*HEARS, flags=["--wait-for", "log=up"])
    waits = work.spawn("wait", task)
    follows = work.spawn("logs", "-f", task)
    work.cube("kill", "-s", "TERM", task, stdout=task.encode() + b"\n")
    work.ended(waits, ["wait"], code=9, stdout=b"9\n")
    work.ended(follows, ["logs", "-f"], stdout=b"up\n")
    work.cube("rm", task, stdout=task.encode() + b"\n")


def foreground(work):
    """run -a to the end, all bytes and the code"""
    words = ["--image", work.image, "sh", "-c", "cat /data/two; exit 7"]
    work.cube("run", "-a", *work.flags(), *words, code=7, stdout=TEXT)


def standard_input(work):
    """run -i with 400 kB of input"""
    text = TEXT * 12
    work.cube("run", "-a", "-i", *work.flags(), "--image", work.image, "cat", stdin=text, stdout=text)


def copies_of_a_run(work):
    """run -a with --copy-in, --copy-out, --log-file, --result-file, --cidfile"""
    with open(work.path("in"), "wb") as file:
        file.write(TEXT)
    script = "cat /in; mkdir /result; cp /in /data/one /result; exit 3"
    work.cube("run", "-a", *work.flags(), "--copy-in", work.path("in") + ":/in", "--copy-out", "/result:" + work.path("out"),
              "--log-file", work.path("log"), "--result-file", work.path("json"), "--cidfile", work.path("cid"),
              "--image", work.image, "sh", "-c", script, code=3, stdout=TEXT)
    is_file(work, "log", TEXT)
    is_file(work, "out/in", TEXT)
    is_file(work, "out/one", FILES["data/one"])
    with open(work.path("json"), "rb") as file:
        if json.load(file)["exit_code"] != 3:
            raise Wrong("the result file says another code")


def is_file(work, name, content):
    with open(work.path(name), "rb") as file:
        if file.read() != content:
            raise Wrong(f"{name} is another")


def copies_of_a_task(work):
    """cp into a task and out of it, as files and as tar"""
    task = work.start(*HEARS)
    with open(work.path("in"), "wb") as file:
        file.write(TEXT)
    work.cube("cp", work.path("in"), task + ":/copied")
    work.cube("cp", task + ":/copied", work.path("out"))
    is_file(work, "out", TEXT)
    tar = work.cube("cp", task + ":/data", "-")
    work.cube("cp", "-", task + ":/tmp2", stdin=tar, code=1)
    work.cube("cp", "-", task + ":/", stdin=tar, stdout=b"")
    work.cube("stop", task)


def host_command(work):
    """with, and the code of HOST-COMMAND"""
    script = 'echo "$CUBE_CONTAINER_ID"; exit 5'
    printed = work.cube("with", *work.flags(), "--image", work.image, *HEARS, "--", "/bin/busybox", "sh", "-c", script, code=5)
    if len(printed) != 65:
        raise Wrong(f"with prints {printed!r}")


def attached(work):
    """attach, killed and interrupted: the task lives on"""
    task = work.start(*HEARS)
    for how in (signal.SIGKILL, signal.SIGKILL):
        joined = work.spawn("attach", "--no-stdin", task)
        time.sleep(work.chance.random() * 0.2)
        joined.send_signal(how)
        joined.communicate(timeout=LIMIT)
    if not engine.runs(task):
        raise Wrong("the task ended with its attach")
    work.cube("stop", task)


def killed_cube(work):
    """run -a, cube killed: the guard removes the task"""
    work.kill(work.foreground(*HEARS))


def killed_cube_at_any_time(work):
    """run -a or with, cube killed at a random moment"""
    words = ["run", "-a", *work.flags(), "--image", work.image, *DEAF]
    if work.chance.random() < 0.5:
        words = ["with", *work.flags(), "--image", work.image, *DEAF, "--", "/bin/busybox", "sh", "-c", "sleep 1000; exit 1"]
    process = work.spawn(*words)
    time.sleep(work.chance.random())
    work.kill(process)


def killed_guard(work):
    """run -a, guard killed: cube goes on, and stops the task when asked"""
    process = work.foreground(*HEARS)
    os.kill(work.guard(process), signal.SIGKILL)
    process.send_signal(signal.SIGTERM)
    work.ended(process, ["run", "-a"], code=143)


def killed_both(work):
    """run -a, guard and cube killed: prune removes the task"""
    process = work.foreground(*HEARS)
    os.kill(work.guard(process), signal.SIGKILL)
    work.kill(process)
    work.cube("prune", "--filter", "label=" + work.label)


def interrupted(work):
    """run -a or with, one to three signals at random moments"""
    words = ["run", "-a", *work.flags(), "--image", work.image, *HEARS]
    if work.chance.random() < 0.5:
        words = ["with", *work.flags(), "--image", work.image, *HEARS, "--", "/bin/busybox", "sleep", "1000"]
    process = work.spawn(*words)
    for _ in range(work.chance.randint(1, 3)):
        time.sleep(work.chance.random() * 0.7)
        process.send_signal(work.chance.choice((signal.SIGHUP, signal.SIGINT, signal.SIGTERM)))
    work.ended(process, words, code=ENDED)


def timed_out(work):
    """run -a --timeout, --wait-timeout"""
    words = ["--image", work.image, *HEARS]
    work.cube("run", "-a", *work.flags(), "--timeout", "500ms", *words, code=124, stdout=b"up\n")
    work.cube("run", *work.flags(), "--wait-for", "log=never", "--wait-timeout", "1s", *words, code=124)


def refused(work):
    """a command that is not there, a name that is taken, an image that is missing"""
    work.cube("run", *work.flags(), "--image", work.image, "no-such-command", code=127, stdout=b"")
    task = work.start(*HEARS, flags=["--name", work.name])
    work.cube("run", *work.flags(), "--name", work.name, "--image", work.image, code=125, stdout=b"")
    work.cube("run", *work.flags(), "--pull", "never", "--image", "no-such-image", code=125, stdout=b"")
    work.cube("run", *work.flags(), "--name", work.name, "--replace", "--image", work.image, *HEARS)
    work.cube("stop", "--ignore-missing", task, work.name)


def several(work):
    """five tasks of a network of their own, stopped by one command"""
    flags = ["--create-network"]
    tasks = [work.start(*HEARS, flags=flags, network=work.name) for _ in range(5)]
    work.cube("stop", *tasks, stdout="".join(task + "\n" for task in tasks).encode())
    if engine.ask("GET", f"/networks/{work.name}")[0] != 404:
        raise Wrong("the network is left")


def removed_by_the_engine(work):
    """run -d --rm of a task that ends"""
    work.cube("run", "-d", "--rm", *work.flags(), work.image, "sh", "-c", "exit 4")


ACTIVITIES = {each.__name__: each for each in (
    start_and_stop, wait_and_kill, foreground, standard_input, copies_of_a_run, copies_of_a_task, host_command, attached,
    killed_cube, killed_cube_at_any_time, killed_guard, killed_both, interrupted, timed_out, refused, several,
    removed_by_the_engine)}
