"""The downloader against a local server that breaks off, stalls, lies, or says 503."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from resynthesis import data
from resynthesis.data.download import DownloadError, address, fetch, is_right, obtain

from .conftest import left_in

CONTENT = bytes(range(256)) * 400
CHECKSUM = hashlib.sha256(CONTENT).hexdigest()


class Server(BaseHTTPRequestHandler):
    log: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        behaviour, span = self.path.split("/")[1], self.headers.get("Range")
        self.log.append((behaviour, span))
        count = sum(1 for name, _ in self.log if name == behaviour)
        if behaviour == "busy" and count < 3:
            self.send_error(503)
            return
        if behaviour == "closed":
            self.send_error(503)
            return
        if behaviour == "missing":
            self.send_error(404)
            return
        if behaviour == "slow":
            time.sleep(0.2)
        if behaviour == "stalls" and count == 1:
            time.sleep(1.5)
        changed = behaviour == "changes" and count == 2
        body = CONTENT[::-1] if changed or behaviour == "lies" else CONTENT
        start = int(span.split("=")[1].rstrip("-")) if span and behaviour != "norange" else 0
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        extra = 10 if behaviour == "hangs" and count == 1 else 0
        self.send_header("Content-Length", str(len(body) - start + extra))
        self.end_headers()
        broken = behaviour in ("breaks", "norange", "changes") and count == 1
        broken = broken or (behaviour == "crumbles" and len(body) - start > 10_000)
        end = start + 10_000 if behaviour == "crumbles" else len(body) // 3
        self.wfile.write(body[start:end] if broken else body[start:])
        if behaviour == "hangs" and count == 1:  # all but the last bytes, then silence
            time.sleep(1.5)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Server.log = []
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()


def get(folder: Path, *mirrors: str) -> Path:
    return fetch("set.gz", mirrors, CHECKSUM, folder, timeout=0.5, pause=0.01)


@pytest.mark.parametrize("behaviour", ["good", "breaks", "norange", "busy", "stalls", "hangs"])
def test_it_arrives_whole(tmp_path: Path, server: str, behaviour: str) -> None:
    path = get(tmp_path / "new" / "folder", f"{server}/{behaviour}")
    assert path.read_bytes() == CONTENT
    assert left_in(path.parent) == {"set.gz"}


def test_it_resumes_where_it_broke_off(tmp_path: Path, server: str) -> None:
    get(tmp_path, f"{server}/breaks")
    assert Server.log == [("breaks", None), ("breaks", f"bytes={len(CONTENT) // 3}-")]


def test_a_later_call_goes_on(tmp_path: Path, server: str) -> None:
    (tmp_path / "set.gz.part").write_bytes(CONTENT[:1000])
    assert get(tmp_path, f"{server}/good").read_bytes() == CONTENT
    assert Server.log == [("good", "bytes=1000-")]


def test_a_whole_part_needs_no_more_bytes(tmp_path: Path, server: str) -> None:
    (tmp_path / "set.gz.part").write_bytes(CONTENT)
    assert get(tmp_path, f"{server}/good").read_bytes() == CONTENT


@pytest.mark.parametrize("first", ["missing", "lies"])
def test_the_next_mirror_helps(tmp_path: Path, server: str, first: str) -> None:
    assert get(tmp_path, f"{server}/{first}", f"{server}/good").read_bytes() == CONTENT
    assert [name for name, _ in Server.log] == [first, "good"]


def test_a_function_may_judge_the_bytes(tmp_path: Path, server: str) -> None:
    def starts_well(path: Path) -> bool:
        return path.read_bytes()[:3] == CONTENT[:3]

    mirrors = (f"{server}/lies", f"{server}/good")
    path = fetch("set.gz", mirrors, starts_well, tmp_path, timeout=0.5, pause=0.01)
    assert path.read_bytes() == CONTENT
    assert [name for name, _ in Server.log] == ["lies", "good"]


def test_a_503_that_stays_is_said(tmp_path: Path, server: str) -> None:
    with pytest.raises(DownloadError, match=r"set\.gz \(.*Service Unavailable\): put it into"):
        get(tmp_path, f"{server}/closed")
    assert len(Server.log) == 3
    assert not left_in(tmp_path)


def test_a_connection_that_breaks_off_again_and_again_gets_on(tmp_path: Path, server: str) -> None:
    """Tries count only while they bring nothing."""
    assert get(tmp_path, f"{server}/crumbles").read_bytes() == CONTENT
    assert len(Server.log) == -(-len(CONTENT) // 10_000)


@pytest.mark.parametrize("part", [b"x" * 1000, CONTENT[:-1] + b"x", CONTENT * 2])
def test_a_part_of_another_file_costs_no_mirror(tmp_path: Path, server: str, part: bytes) -> None:
    (tmp_path / "set.gz.part").write_bytes(part)
    assert get(tmp_path, f"{server}/good").read_bytes() == CONTENT
    assert Server.log == [("good", f"bytes={len(part)}-"), ("good", None)]


def test_a_mirror_that_lies_is_asked_for_the_whole_once(tmp_path: Path, server: str) -> None:
    (tmp_path / "set.gz.part").write_bytes(CONTENT[:1000])
    with pytest.raises(DownloadError, match="wrong bytes"):
        get(tmp_path, f"{server}/lies")
    assert Server.log == [("lies", "bytes=1000-"), ("lies", None)]


def test_two_at_once_share_a_download(tmp_path: Path, server: str) -> None:
    with ThreadPoolExecutor(2) as pool:
        paths = list(pool.map(lambda _: get(tmp_path, f"{server}/slow"), range(2)))
    assert paths[0] == paths[1]
    assert paths[0].read_bytes() == CONTENT
    assert len(Server.log) == 1


def test_md5_where_only_that_is_known(tmp_path: Path, server: str) -> None:
    known = "md5:" + hashlib.md5(CONTENT).hexdigest()
    mirrors = (f"{server}/lies", f"{server}/good")
    path = fetch("set.gz", mirrors, known, tmp_path, timeout=0.5, pause=0.01)
    assert path.read_bytes() == CONTENT
    assert is_right(path, known)
    assert is_right(path, CHECKSUM)
    assert not is_right(path, known[:-1] + "x")
    assert not is_right(path, CHECKSUM[::-1])


def test_obtain_checks_what_it_finds(tmp_path: Path, server: str) -> None:
    mirrors, second = (f"{server}/good",), tmp_path / "second"
    assert obtain("set.gz", mirrors, CHECKSUM, tmp_path / "first", second).parent.name == "first"
    second.mkdir()
    (second / "set.gz").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"second/set\.gz is not the official one"):
        obtain("set.gz", mirrors, CHECKSUM, second)
    assert len(Server.log) == 1


def test_all_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "b.gz").write_bytes(b"here")
    with pytest.raises(DownloadError, match=r"cannot download a\.gz .*: put it, and c\.gz, into"):
        fetch("a.gz", (), CHECKSUM, tmp_path, others=("a.gz", "b.gz", "c.gz"))


def test_what_is_there_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "set.gz").write_bytes(b"here")
    assert get(tmp_path, "http://127.0.0.1:9").read_bytes() == b"here"


def test_failure_says_where_and_what(tmp_path: Path, server: str) -> None:
    with pytest.raises(DownloadError, match=r"set\.gz .*wrong bytes.*Not Found.*by hand") as caught:
        get(tmp_path, f"{server}/lies", f"{server}/missing")
    assert str(tmp_path) in str(caught.value)
    assert not left_in(tmp_path)  # wrong bytes are not kept


def test_offline_keeps_what_has_come(tmp_path: Path) -> None:
    (tmp_path / "set.gz.part").write_bytes(CONTENT[:1000])
    with pytest.raises(DownloadError, match="put it into"):
        get(tmp_path, "http://127.0.0.1:9/nobody")
    assert (tmp_path / "set.gz.part").stat().st_size == 1000


def registered() -> set[str]:
    """The mirrors of all sets."""
    found: set[str] = set()
    for module in pkgutil.iter_modules(data.__path__, f"{data.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            mirrors = value if name.endswith("MIRRORS") else getattr(value, "mirrors", ())
            found.update(mirrors if isinstance(mirrors, tuple) else ())
    return found


def test_mirrors_are_folders_or_have_a_query() -> None:
    mirrors = registered()
    assert len(mirrors) > 12
    for mirror in mirrors:
        last = address(mirror, "images.zip").rsplit("/", 1)[1]
        assert last == "images.zip" or "?" in last
        # A file's own address would have the file's name twice.
        assert "?" in mirror or Path(mirror).suffix not in (".zip", ".gz", ".tgz", ".mat", ".npz")


def test_a_resumed_end_of_another_file_is_fetched_anew_once(tmp_path: Path, server: str) -> None:
    assert get(tmp_path, f"{server}/changes").read_bytes() == CONTENT
    assert [span is None for _, span in Server.log] == [True, False, True]
