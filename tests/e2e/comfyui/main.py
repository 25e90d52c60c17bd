"""A stand-in for ComfyUI: its options, its HTTP behaviour and its folders, without a model; standard library only."""

import argparse
import base64
import contextlib
import hashlib
import http.server
import importlib.util
import json
import os
import sqlite3
import threading
import time
import urllib.parse
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
VERSION = "0.3.64"
NODES = {"KSampler": {}, "VAEDecode": {}, "SaveImage": {}, "EmptyImage": {}}
# How long a prompt takes; its history is readable a little after its end was announced, as upstream's is.
WORK, LATE = 0.3, 0.2
# What a WebSocket's key is answered with.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--listen", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8188)
    for name in ("output", "input", "user"):
        parser.add_argument(f"--{name}-directory", type=folder if name == "user" else str, default=None)
    parser.add_argument("--database-url", default=f"sqlite:///{HERE}/user/comfyui.db")
    for name in ("cpu", "disable-auto-launch", "disable-api-nodes", "normalvram"):
        parser.add_argument(f"--{name}", action="store_true")
    return parser


def folder(path):
    if not os.path.isdir(path):
        raise argparse.ArgumentTypeError(f"{path} is not a valid directory.")
    return path


def model_folders():
    """Read the few forms of YAML that extra_model_paths.yaml holds."""
    found, kind, base = {}, None, ""
    with open(os.path.join(HERE, "extra_model_paths.yaml")) as stream:
        for line in stream:
            text = line.strip()
            if line.startswith("    ") and kind:
                found[kind].append(os.path.join(base, text))
            elif line.startswith("  ") and ":" in text:
                key, _, value = text.partition(":")
                value = value.strip()
                if key == "base_path":
                    base = value.strip('"')
                elif key != "is_default":
                    kind, found[key] = key, [] if value == "|" else [os.path.join(base, value)]
    return found


def custom_nodes():
    root = os.path.join(HERE, "custom_nodes")
    for name in sorted(os.listdir(root)) if os.path.isdir(root) else ():
        path = os.path.join(root, name, "__init__.py")
        if os.path.exists(path):
            spec = importlib.util.spec_from_file_location(name, path)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            NODES.update({name: {} for name in module.NODE_CLASS_MAPPINGS})


class Queue:
    """One prompt after another, and what became of each."""

    def __init__(self):
        self.history, self.running, self.pending, self.sockets = {}, [], [], {}
        self.turn, self.interrupted = threading.Lock(), threading.Event()

    def put(self, number, prompt, client):
        self.pending.append(number)
        threading.Thread(target=self.work, args=(number, prompt, client), daemon=True).start()

    def work(self, number, prompt, client):
        with self.turn:
            self.pending.remove(number)
            self.running.append(number)
            self.interrupted.clear()
            end, said = self.execute(number, prompt, client)
            self.running.remove(number)
        self.tell(client, end, {**said, "prompt_id": number})
        # Whoever reads the history now reads {}: the last word is the one without a node.
        time.sleep(LATE)
        good = end == "execution_success"
        status = {"status_str": "success" if good else "error", "completed": good, "messages": [[end, said]]}
        self.history[number] = {"outputs": {}, "status": status}
        self.tell(client, "status", self.status())
        self.tell(client, "executing", {"node": None, "prompt_id": number})

    def execute(self, number, prompt, client):
        self.tell(client, "execution_start", {"prompt_id": number})
        self.tell(client, "execution_cached", {"nodes": [], "prompt_id": number})
        for node, one in prompt.items():
            self.tell(client, "executing", {"node": node, "display_node": node, "prompt_id": number})
            if self.interrupted.wait(WORK / len(prompt)):
                return "execution_interrupted", {"node_id": node, "node_type": one["class_type"], "executed": []}
            if one.get("inputs", {}).get("fails"):
                words = {"exception_message": "it fails", "exception_type": "RuntimeError", "traceback": []}
                return "execution_error", {"node_id": node, "node_type": one["class_type"], "executed": [], **words}
            self.tell(client, "progress", {"value": 1, "max": 1, "prompt_id": number, "node": node})
        return "execution_success", {}

    def status(self):
        return {"status": {"exec_info": {"queue_remaining": len(self.running) + len(self.pending)}}}

    def tell(self, client, kind, data):
        """Send an event to the prompt's own client; one that is not there misses it for good."""
        socket = self.sockets.get(client)
        if socket is not None:
            with contextlib.suppress(OSError):
                socket.sendall(frame(json.dumps({"type": kind, "data": data}).encode()))


def frame(payload):
    size = len(payload)
    return bytes([0x81]) + (bytes([size]) if size < 126 else bytes([126]) + size.to_bytes(2, "big")) + payload


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        queue, models = self.server.queue, self.server.models
        parts = self.path.strip("/").split("/")
        if self.is_foreign():
            self.answer(403, {})
        elif self.path.startswith("/ws"):
            self.listen()
        elif self.path == "/object_info":
            self.answer(200, NODES)
        elif self.path == "/system_stats":
            device = {"name": "cpu" if self.server.cpu else "cuda:0", "type": "cpu"}
            self.answer(200, {"system": {"os": "posix", "comfyui_version": VERSION}, "devices": [device]})
        elif self.path == "/queue":
            self.answer(200, {"queue_running": queue.running, "queue_pending": queue.pending})
        elif parts[0] == "history":
            self.answer(200, {parts[1]: queue.history[parts[1]]} if parts[1:] and parts[1] in queue.history else {})
        elif parts[0] == "models" and parts[1:] and parts[1] in models:
            self.answer(200, sorted(one for path in models[parts[1]] for one in os.listdir(path)))
        else:
            self.answer(404, {})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
        if self.is_foreign():
            self.answer(403, {})
            return
        if self.path == "/interrupt":
            self.server.queue.interrupted.set()
            self.answer(200, {})
            return
        unknown = [one["class_type"] for one in body.get("prompt", {}).values() if one["class_type"] not in NODES]
        if self.path != "/prompt" or not body.get("prompt") or unknown:
            kind = "invalid_prompt" if unknown else "no_prompt"
            self.answer(400, {"error": {"type": kind, "message": ", ".join(unknown)}, "node_errors": {}})
            return
        number = str(uuid.uuid4())
        self.server.queue.put(number, body["prompt"], body.get("client_id"))
        self.answer(200, {"prompt_id": number, "number": 0, "node_errors": {}})

    def is_foreign(self):
        """Say whether a page of another origin asks; who sends none is no page."""
        origin = urllib.parse.urlsplit(self.headers.get("Origin", "")).netloc
        return bool(origin) and origin != self.headers.get("Host")

    def listen(self):
        """Hold a WebSocket until its client goes; another one of the same name takes its place."""
        client = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query).get("clientId", [uuid.uuid4().hex])[0]
        digest = hashlib.sha1(self.headers["Sec-WebSocket-Key"].encode() + GUID).digest()
        self.send_response(101)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade")):
            self.send_header(name, value)
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.end_headers()
        queue = self.server.queue
        queue.sockets[client] = self.connection
        queue.tell(client, "status", {**queue.status(), "sid": client})
        with contextlib.suppress(OSError):
            while self.connection.recv(4096):
                pass
        if queue.sockets.get(client) is self.connection:
            del queue.sockets[client]
        self.close_connection = True

    def answer(self, code, value):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def main():
    given = options().parse_args()
    print(f"** ComfyUI startup, options: {given}", flush=True)
    with sqlite3.connect(given.database_url.replace("sqlite:///", "", 1)) as database:
        database.execute("create table if not exists seen (at real)")
        database.execute("insert into seen values (?)", (time.time(),))
    custom_nodes()
    server = http.server.ThreadingHTTPServer((given.listen, given.port), Handler)
    server.queue, server.models, server.cpu = Queue(), model_folders(), given.cpu
    print(f"To see the GUI go to: http://{given.listen}:{given.port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
