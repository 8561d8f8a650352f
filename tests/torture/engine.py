"""What the walk asks the engine itself: an image with a shell, the containers of a label, their removal."""

import http.client
import io
import json
import os
import shutil
import socket
import tarfile
import time
import urllib.parse

HOST = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(HOST.removeprefix("unix://"))


def ask(method, path, body=None, **query):
    connection = Connection("engine", timeout=120)
    try:
        where = path + "?" + urllib.parse.urlencode(query) if query else path
        kind = {"Content-Type": "application/x-tar"} if body else {}
        connection.request(method, where, body, kind)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def containers(label):
    filters = json.dumps({"label": [label]})
    _, body = ask("GET", "/containers/json", all=1, filters=filters)
    return [container["Id"] for container in json.loads(body)]


def events(label):
    """What happens to the containers of a label from now on, without an end."""
    connection = Connection("engine", timeout=None)
    filters = json.dumps({"label": [label], "type": ["container"]})
    connection.request("GET", "/events?" + urllib.parse.urlencode({"filters": filters}))
    for line in connection.getresponse():
        yield json.loads(line)


def details(container):
    return json.loads(ask("GET", f"/containers/{container}/json")[1])


def runs(container):
    return details(container)["State"]["Running"]


def volumes_of(container):
    return [mount["Name"] for mount in details(container)["Mounts"] if mount["Type"] == "volume"]


def remove(container):
    """Removes it; returns once it is gone."""
    for _ in range(600):
        status, _ = ask("DELETE", f"/containers/{container}", force=1, v=1)
        if status in (204, 404):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{container} cannot be removed")


def make_image(name, files):
    """An image of busybox and these files."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.add(os.path.realpath(shutil.which("busybox")), "bin/busybox")
        for applet in ("sh", "cat", "cp", "mkdir", "sleep"):
            link = tarfile.TarInfo(f"bin/{applet}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(link)
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    status, body = ask("POST", "/images/create", tar.getvalue(), fromSrc="-", repo=name, tag="latest",
                       changes='LABEL cube-test=torture\nCMD ["sh"]')
    if status != 200:
        raise RuntimeError(body.decode())


def remove_image(name):
    ask("DELETE", f"/images/{name}", force=1)
