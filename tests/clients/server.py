"""What the scripts of clients share: a server of their own, and programs that log in to it."""

import contextlib
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import threading


class Server:
    """A running server: its data folder, its address, its program and the authority that its certificate is from."""

    def __init__(self, skywarden, folder, address):
        self.skywarden, self.folder, self.address = skywarden, pathlib.Path(folder), address
        self.authority = self.folder / "tls" / "ca.pem"

    def command(self, *words):
        """What a command of `skywarden` over the data folder prints."""
        return subprocess.run([self.skywarden, *words, "--data", self.folder], capture_output=True, text=True, check=True).stdout

    def add_program(self, name, role):
        """A new program that has a role over everything: its `tenant`, `client id` and `client secret`."""
        made = self.command("access", "add-program", name, "--role", role, "--scope", "/")
        return {own: re.search(rf"^{own} +(\S+)$", made, re.M).group(1) for own in ("tenant", "client id", "client secret")}


@contextlib.contextmanager
def running(skywarden):
    """A server with the sample over a data folder of its own, until the end of the block; what it says is in `server.log` there."""
    with tempfile.TemporaryDirectory() as folder:
        server, address = start(skywarden, folder)
        # Whoever writes nothing away blocks the server at last.
        log = open(pathlib.Path(folder, "server.log"), "w", buffering=1)
        copying = threading.Thread(target=log.writelines, args=(server.stdout,))
        copying.start()
        try:
            yield Server(skywarden, folder, address)
        finally:
            server.terminate()
            server.wait()
            copying.join()
            log.close()


def start(skywarden, folder, options=("--sample",), environment=None):
    """A server on a free port over a data folder, and its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [skywarden, "up", "--data", folder, "--listen", f"127.0.0.1:{port}", *options]
    environment = os.environ | (environment or {})
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    for line in server.stdout:
        if found := re.search(r"Open (https://[^/]+)/login", line):
            return server, found.group(1)
    raise SystemExit("the server did not start")
