"""A stand-in for ComfyUI: its options, its HTTP behaviour and its folders, without a model; standard library only."""

import argparse
import http.server
import importlib.util
import json
import os
import sqlite3
import threading
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
VERSION = "0.3.64"
NODES = {"KSampler": {}, "VAEDecode": {}, "SaveImage": {}, "EmptyImage": {}}
# How long a prompt takes; its history is readable a little after its end was announced, as upstream's is.
WORK, LATE = 0.3, 0.2


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
        self.history, self.running, self.pending = {}, [], []
        self.turn = threading.Lock()

    def put(self, number):
        self.pending.append(number)
        threading.Thread(target=self.work, args=(number,), daemon=True).start()

    def work(self, number):
        with self.turn:
            self.pending.remove(number)
            self.running.append(number)
            time.sleep(WORK)
            self.running.remove(number)
        time.sleep(LATE)
        self.history[number] = {"outputs": {}, "status": {"status_str": "success", "completed": True}}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        queue, models = self.server.queue, self.server.models
        parts = self.path.strip("/").split("/")
        if self.path == "/object_info":
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
        unknown = [one["class_type"] for one in body.get("prompt", {}).values() if one["class_type"] not in NODES]
        if self.path != "/prompt" or not body.get("prompt") or unknown:
            kind = "invalid_prompt" if unknown else "no_prompt"
            self.answer(400, {"error": {"type": kind, "message": ", ".join(unknown)}, "node_errors": {}})
            return
        number = str(uuid.uuid4())
        self.server.queue.put(number)
        self.answer(200, {"prompt_id": number, "number": 0, "node_errors": {}})

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
