"""What listens: asked over real sockets, and rubbish is an answer like any other."""

import http.server
import json
import socket
import threading

import pytest

from dgops.agent import live_services


@pytest.fixture
def serve():
    """Return `serve(status, body)`: the URL of a web server that answers every path so, and keeps the paths."""
    servers = []

    def start(status, body):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.server.asked.append(self.path)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    start.servers = servers
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def talk():
    """Return `talk(said)`: the port of a server that says this to everybody and hangs up."""
    listeners = []

    def start(said):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def answer():
            while True:
                try:
                    caller, _ = listener.accept()
                except OSError:
                    return
                with caller:
                    caller.sendall(said)

        threading.Thread(target=answer, daemon=True).start()
        return listener.getsockname()[1]

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def closed():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_http(serve, talk, closed):
    assert live_services.http({"url": serve(200, b"hello")}) == {"status": 200}
    assert live_services.http({"url": serve(503, b"")}) == {"status": 503}
    refused = live_services.http({"url": f"http://127.0.0.1:{closed}"})
    assert refused["status"] is None
    assert "refused" in refused["reason"]
    rubbish = live_services.http({"url": f"http://127.0.0.1:{talk(b'SSH-2.0-x')}"})
    assert rubbish["status"] is None
    assert rubbish["reason"]


def test_comfyui_tells_what_is_missing(serve):
    url = serve(200, json.dumps({"KSampler": {}, "VAEDecode": {}}).encode())
    found = live_services.comfyui({"url": url + "/", "nodes": ["UnetLoaderGGUF", "KSampler"]})
    assert found == {"status": 200, "count": 2, "missing": ["UnetLoaderGGUF"], "version": "", "device": ""}
    assert serve.servers[0].asked == ["/object_info", "/system_stats"]
    assert live_services.comfyui({"url": url})["missing"] == []


def test_comfyui_tells_its_release_and_device(serve):
    stats = {"system": {"comfyui_version": "0.3.64"}, "devices": [{"name": "cpu"}], "KSampler": {}}
    found = live_services.comfyui({"url": serve(200, json.dumps(stats).encode())})
    assert (found["version"], found["device"]) == ("0.3.64", "cpu")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff"])
def test_something_else_than_comfyui(serve, body):
    assert "is this ComfyUI?" in live_services.comfyui({"url": serve(200, body)})["reason"]


def test_comfyui_that_is_down(serve, closed):
    assert live_services.comfyui({"url": f"http://127.0.0.1:{closed}"})["status"] is None
    assert live_services.comfyui({"url": serve(404, b"")})["status"] == 404


def test_port(talk, closed):
    assert live_services.port({"port": talk(b"")}) == {"open": True}
    assert live_services.port({"port": str(closed)}) == {"open": False}


def test_sshd_where_the_caller_came_in(talk, monkeypatch):
    number = talk(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n")
    monkeypatch.setenv("SSH_CONNECTION", f"10.0.0.1 50000 127.0.0.1 {number}")
    assert live_services.sshd({}) == {"port": number, "banner": "SSH-2.0-OpenSSH_9.2p1 Debian", "tried": [number]}


def test_sshd_where_its_configuration_says(talk, closed, monkeypatch, tmp_path):
    number = talk(b"SSH-2.0-x\n")
    (tmp_path / "sshd_config").write_text(f"#Port 1\nPort {closed}\n\tport {number}\n")
    monkeypatch.setattr(live_services, "SSHD_CONFIG", (str(tmp_path / "sshd_config"), str(tmp_path / "d/*.conf")))
    monkeypatch.setenv("SSH_CONNECTION", "rubbish")
    assert live_services.sshd({}) == {"port": number, "banner": "SSH-2.0-x", "tried": [closed, number]}


def test_something_else_than_sshd(talk):
    number = talk(b"220 mail\r\n")
    assert live_services.sshd({"port": number}) == {"port": None, "banner": "", "tried": [number]}


def test_without_a_configuration_it_is_port_22(monkeypatch):
    monkeypatch.setattr(live_services, "SSHD_CONFIG", ())
    assert live_services._configured() == [22]
