"""A web server of one file, with ranges, that cuts, refuses and lies as it is told."""

import contextlib
import http.server
import re
import threading
from dataclasses import dataclass, field


@dataclass
class Shelf:
    """What is served: the file, its tag, and how the next answers are spoilt."""

    content: bytes
    tag: str = '"one"'
    ranges: bool = True
    lengths: bool = True
    # For each answer to come: bytes after which it is cut, or None.
    cuts: list = field(default_factory=list)
    # For each answer to come: a status in place of the file.
    statuses: list = field(default_factory=list)
    moved: str = ""
    shift: int = 0
    asked: list = field(default_factory=list)
    url: str = ""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        shelf = self.server.shelf
        shelf.asked.append((self.path, dict(self.headers)))
        if shelf.moved:
            return self.head(302, {"Location": shelf.moved})
        if shelf.statuses:
            return self.head(shelf.statuses.pop(0), {"Content-Length": "0"})
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")) if shelf.ranges else None
        begin = int(match[1]) if match and self.headers.get("If-Range", shelf.tag) == shelf.tag else 0
        size = len(shelf.content)
        if begin >= size > 0 and begin:
            return self.head(416, {"Content-Range": f"bytes */{size}", "Content-Length": "0"})
        said = {"ETag": shelf.tag} if shelf.tag else {}
        if begin:
            begin -= shelf.shift
            said["Content-Range"] = f"bytes {begin}-{size - 1}/{size}"
        body = shelf.content[begin:]
        if shelf.lengths:
            said["Content-Length"] = str(len(body))
        self.head(206 if "Content-Range" in said else 200, said)
        cut = shelf.cuts.pop(0) if shelf.cuts else None
        self.wfile.write(body if cut is None else body[:cut])
        return None

    def head(self, status, said):
        self.send_response(status)
        for name, value in said.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serving(content, **said):
    """Serve bytes at shelf.url."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.shelf = Shelf(content, **said)
    server.shelf.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.shelf
    finally:
        server.shutdown()
        server.server_close()
