"""Files by URL from a real server: cut, moved, changed, refused; whole at the end or not there, and no key told."""

import http.server
import threading

import pytest
from file_server import serving

from dgops.errors import DgopsError
from dgops.training import fetch as room
from dgops.training import locks
from dgops.training.fetch import CutError, address, fetch, shown, turn
from dgops.training.values import Model

CONTENT = bytes(range(256)) * 400
TOKEN = "hf_" + "k" * 34


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(room, "PAUSE", 0.01)
    monkeypatch.setattr(room, "CHUNK", 10_000)
    monkeypatch.delenv("HF_TOKEN", raising=False)


@pytest.fixture
def shelf():
    with serving(CONTENT) as found:
        yield found


def get(shelf, tmp_path, told=lambda _line: None, path="/m.bin"):
    return fetch(Model("dit", "m.bin", source=f"{shelf.url}{path}"), tmp_path / "models/m.bin", told)


def ranges(shelf):
    return [headers.get("Range") for _, headers in shelf.asked]


def test_whole(shelf, tmp_path):
    part = get(shelf, tmp_path)
    assert part.read_bytes() == CONTENT
    assert part.name == ".m.bin.part"
    assert ranges(shelf) == [None]


def test_cut_twice_it_goes_on_where_it_was(shelf, tmp_path):
    shelf.cuts = [30_000, 20_000]
    told = []
    assert get(shelf, tmp_path, told.append).read_bytes() == CONTENT
    assert ranges(shelf) == [None, "bytes=30000-", "bytes=50000-"]
    assert told == [
        "m.bin is not whole: the connection was cut at 30000 of 102400 bytes; trying again",
        "m.bin is not whole: the connection was cut at 50000 of 102400 bytes; trying again",
    ]


def test_cut_for_good_it_keeps_what_came_for_the_next_run(shelf, tmp_path):
    shelf.cuts = [30_000, 0, 0, 0]
    with pytest.raises(CutError, match=r"m\.bin is not whole") as caught:
        get(shelf, tmp_path)
    assert caught.value.hint == "run it again: it goes on where it was cut"
    assert (tmp_path / "models/.m.bin.part").stat().st_size == 30_000
    assert get(shelf, tmp_path).read_bytes() == CONTENT
    assert ranges(shelf)[-1] == "bytes=30000-"


def test_a_cut_without_a_length_is_noticed_by_the_next_look_alone(shelf, tmp_path):
    """Without a length nothing says how much is to come: what its end means, its digest tells."""
    shelf.lengths, shelf.cuts = False, [30_000]
    assert get(shelf, tmp_path).stat().st_size == 30_000


def test_a_server_without_ranges_begins_anew(shelf, tmp_path):
    shelf.ranges, shelf.cuts = False, [30_000]
    assert get(shelf, tmp_path).read_bytes() == CONTENT


def test_a_file_that_changed_meanwhile_is_not_glued_to_the_old_one(shelf, tmp_path):
    shelf.cuts = [30_000, 0, 0, 0]
    with pytest.raises(CutError):
        get(shelf, tmp_path)
    shelf.content, shelf.tag, shelf.cuts = CONTENT[::-1], '"two"', []
    assert get(shelf, tmp_path).read_bytes() == CONTENT[::-1]
    assert shelf.asked[-1][1]["If-Range"] == '"one"'


def test_a_range_from_elsewhere_is_not_glued(shelf, tmp_path):
    shelf.cuts, shelf.shift = [30_000], 5
    with pytest.raises(CutError):
        get(shelf, tmp_path)
    shelf.shift = 0
    assert get(shelf, tmp_path).read_bytes() == CONTENT


def test_all_of_it_had_come(shelf, tmp_path):
    """Killed between the last byte and the new name: the server has nothing to add."""
    part = get(shelf, tmp_path)
    assert get(shelf, tmp_path) == part
    assert part.read_bytes() == CONTENT
    assert ranges(shelf)[-1] == f"bytes={len(CONTENT)}-"


def test_more_than_all_of_it_is_begun_anew(shelf, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models/.m.bin.part").write_bytes(b"x" * (len(CONTENT) + 1))
    assert get(shelf, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("status", "hint"), [(404, "look at its source"), (401, "look at its source"), (410, "source")]
)
def test_refused_it_says_so_and_is_not_asked_again(shelf, tmp_path, status, hint):
    shelf.statuses = [status]
    with pytest.raises(DgopsError, match=f"m.bin cannot be fetched: HTTP {status}") as caught:
        get(shelf, tmp_path)
    assert hint in caught.value.hint
    assert len(shelf.asked) == 1


def test_a_busy_server_is_asked_again(shelf, tmp_path):
    shelf.statuses = [503, 429]
    assert get(shelf, tmp_path).read_bytes() == CONTENT
    shelf.statuses = [503] * 9
    with pytest.raises(CutError, match="HTTP 503"):
        fetch(Model("dit", "n.bin", source=f"{shelf.url}/n"), tmp_path / "n.bin", lambda _line: None)


def test_redirected(shelf, tmp_path):
    with serving(b"", moved=f"{shelf.url}/elsewhere") as first:
        assert get(first, tmp_path).read_bytes() == CONTENT
    assert shelf.asked[0][0] == "/elsewhere"


def test_a_cut_behind_a_redirect_is_gone_on_with(shelf, tmp_path):
    shelf.cuts = [30_000]
    with serving(b"", moved=f"{shelf.url}/elsewhere") as first:
        assert get(first, tmp_path).read_bytes() == CONTENT
    assert ranges(shelf) == [None, "bytes=30000-"]


def hub(shelf, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", shelf.url)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return Model("dit", "flux.safetensors", source="hf:black-forest-labs/FLUX.1-dev/flux1-dev.safetensors")


def test_the_hubs_token_goes_to_the_hub_and_no_further(shelf, tmp_path, monkeypatch):
    """It redirects to a store that signs its own addresses, and needs no token of ours."""
    told = []
    with serving(b"", moved=f"{shelf.url}/signed") as first:
        model = hub(first, monkeypatch)
        fetch(model, tmp_path / "flux.safetensors", told.append)
    assert first.asked[0][0] == "/black-forest-labs/FLUX.1-dev/resolve/main/flux1-dev.safetensors"
    assert first.asked[0][1]["Authorization"] == f"Bearer {TOKEN}"
    assert "Authorization" not in shelf.asked[0][1]
    assert TOKEN not in "".join(told)


def test_a_gated_model_says_which_secret_is_missing(shelf, tmp_path, monkeypatch):
    shelf.statuses = [403]
    with pytest.raises(DgopsError) as caught:
        fetch(hub(shelf, monkeypatch), tmp_path / "flux.safetensors", print)
    assert caught.value.hint == "a gated model: dgops secrets set HF_TOKEN"
    assert TOKEN not in caught.value.message


def test_a_token_goes_to_no_other_server(shelf, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    get(shelf, tmp_path)
    assert "Authorization" not in shelf.asked[0][1]


def test_a_key_in_an_address_is_not_told(shelf, tmp_path):
    shelf.statuses = [404]
    with pytest.raises(DgopsError) as caught:
        get(shelf, tmp_path, path="/m.bin?token=secret")
    assert "secret" not in caught.value.message
    assert shelf.asked[0][0] == "/m.bin?token=secret"
    assert shown("https://x/y?token=z") == "https://x/y"
    assert shown("pod:/a?b") == "pod:/a?b"


def test_a_disk_that_is_too_small_is_named_before_a_byte_comes(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _folder: type("Usage", (), {"free": 1000}))
    with pytest.raises(DgopsError, match=r"are to come, and 0\.0 are free in") as caught:
        get(shelf, tmp_path)
    assert caught.value.hint == "make room there"
    assert (tmp_path / "models/.m.bin.part").stat().st_size == 0


def test_how_far_it_is_is_told_now_and_then(shelf, tmp_path, monkeypatch):
    monkeypatch.setattr(room, "TOLD_SECONDS", -1.0)
    told = []
    get(shelf, tmp_path, told.append)
    assert told[0] == "m.bin: 0.0 of 0.0 GiB"
    assert len(told) == 11


def test_a_server_that_is_not_there(tmp_path):
    with serving(b"") as gone:
        pass
    with pytest.raises(CutError, match="Connection refused"):
        get(gone, tmp_path)


def test_one_that_says_nothing_any_more_counts_as_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "SECONDS", 0.2)
    waiting = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            waiting.wait(20)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        model = Model("dit", "m.bin", source=f"http://127.0.0.1:{server.server_address[1]}/m")
        with pytest.raises(CutError, match="timed out"):
            fetch(model, tmp_path / "m.bin", lambda _line: None)
    finally:
        waiting.set()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("https://example.org/a.safetensors", "https://example.org/a.safetensors"),
        ("hf:owner/name/folder/a.safetensors", "https://huggingface.co/owner/name/resolve/main/folder/a.safetensors"),
        ("pod:/workspace/a.safetensors", ""),
        ("", ""),
    ],
)
def test_addresses(monkeypatch, source, url):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert address(Model("dit", "a", source=source)) == url


def test_two_jobs_take_turns(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "LOOK_SECONDS", 0.01)
    order, entered = [], threading.Event()

    def second():
        entered.set()
        with turn(tmp_path / "m.bin"):
            order.append("second")

    with turn(tmp_path / "m.bin"):
        thread = threading.Thread(target=second)
        thread.start()
        assert entered.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_a_turn_that_never_comes_has_a_deadline(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(locks, "LOOK_SECONDS", 0.01)
    with (
        turn(tmp_path / "m.bin"),
        pytest.raises(DgopsError, match="is being fetched by another job"),
        turn(tmp_path / "m.bin"),
    ):
        pass
