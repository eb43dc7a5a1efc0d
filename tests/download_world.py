"""A server on this machine that has a set of two small files to download."""

import hashlib
import http.server
import threading
import time
from contextlib import contextmanager

from ideal.datasets._remote_files import REMOTE, RemoteFile

CONTENT = {"a.gz": bytes(range(256)) * 1000, "b.gz": b"second file"}


class Server(http.server.ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {f"/tiny/{name}": content for name, content in CONTENT.items()}
        self.asked, self.breaks, self.drips, self.says = [], False, False, None

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404, self.server.says)
            return
        if self.server.drips:
            self._drip(content)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if self.server.breaks else content)

    def _drip(self, content):
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            for letter in content:
                self.wfile.write(bytes([letter]))
                time.sleep(0.05)
        except OSError:
            self.close_connection = True

    def log_message(self, *_):
        pass


@contextmanager
def running_server(monkeypatch):
    """Give a server of the set "tiny"; without a mirror, the set is looked for where nobody answers."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("IDEAL_MIRROR", "IDEAL_CACHE"):
        monkeypatch.delenv(name, raising=False)
    files = [RemoteFile(name, ("http://127.0.0.1:9/",), len(c), hashlib.sha256(c).hexdigest()) for name, c in CONTENT.items()]
    monkeypatch.setitem(REMOTE, "tiny", tuple(files))
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()
