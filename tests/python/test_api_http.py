"""The results server as HTTP clients see it: parts, codings, conditions, the archive, its description, Prometheus."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import re
import shutil
import subprocess
import tarfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow
import pytest
from command_support import HANG_S, wait_until
from ending_support import both_backends, results_server_of, start_long
from http_support import Reply, Served, ask, serve
from openapi_spec_validator import OpenAPIV31SpecValidator
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    import http.client
    from collections.abc import Iterator

    from conftest import Command, MockFactory

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = (ROOT / "docs" / "results-api.md").read_text(encoding="utf-8")
FILES = "/api/results/files/"
SUMMARY = FILES + "profile_export_aiperf.json"
CODINGS = ["gzip", "zstd"]


@pytest.fixture(scope="module")
def served(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run that has ended, for all tests of this file; with a file that is large."""
    with serve(program, tmp_path_factory.mktemp("http")) as run:
        line = b'{"request": %07d, "latency_ms": 12.5}\n'
        big = b"".join(line % number for number in range(300_000))
        (run.artifacts.directory / "big.jsonl").write_bytes(big)
        yield run


def decoded(body: bytes, coding: str) -> bytes:
    """What a body was before it was coded."""
    if coding == "gzip":
        return gzip.decompress(body)
    return pyarrow.CompressedInputStream(pyarrow.BufferReader(body), "zstd").read() if coding == "zstd" else body


def listed(served: Served) -> dict[str, int]:
    """Sizes by name."""
    return {file["name"]: file["size"] for file in served.ask("/api/results/list").json()["files"]}


def on_disk(served: Served, name: str) -> bytes:
    return (served.artifacts.directory / name).read_bytes()


def digest(body: bytes) -> str:
    """For comparisons whose failure must not print megabytes."""
    return hashlib.sha256(body).hexdigest()


# ---- parts and conditions


def test_the_files_of_phases_are_listed_and_given(served: Served) -> None:
    files = listed(served)
    warmup = [name for name in files if name.startswith("phases/warmup/")]
    assert warmup
    for name, size in files.items():
        reply = served.ask(FILES + name)
        assert (reply.status, len(reply.body)) == (200, size)
        assert digest(reply.body) == digest(on_disk(served, name))


def test_a_file_in_parts_is_the_file(served: Served) -> None:
    whole = on_disk(served, "big.jsonl")
    etag = served.ask(FILES + "big.jsonl", method="HEAD").header("ETag")
    got = b""
    with contextlib.closing(served.connect()) as client:
        while len(got) < len(whole):
            wanted = {"Range": f"bytes={len(got)}-{len(got) + 2_999_999}", "If-Range": etag}
            reply = ask(client, FILES + "big.jsonl", wanted)
            assert reply.status == 206
            last = min(len(got) + 3_000_000, len(whole)) - 1
            assert reply.header("Content-Range") == f"bytes {len(got)}-{last}/{len(whole)}"
            got += reply.body
    assert digest(got) == digest(whole)


@pytest.mark.parametrize(
    ("wanted", "status", "begin", "end"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=-7", 206, -7, None),
        ("bytes=5-", 206, 5, None),
        ("bytes=0-1,5-6", 200, None, None),
        ("bytes=nonsense", 200, None, None),
        ("lines=1-2", 200, None, None),
    ],
)
def test_one_range_is_given_and_others_get_the_whole(
    served: Served, wanted: str, status: int, begin: int | None, end: int | None
) -> None:
    reply = served.ask(SUMMARY, {"Range": wanted})
    assert reply.status == status
    assert reply.body == on_disk(served, "profile_export_aiperf.json")[begin:end]
    assert reply.header("Accept-Ranges") == "bytes"


def test_a_range_behind_the_end_is_416_with_the_size(served: Served) -> None:
    size = listed(served)["profile_export_aiperf.json"]
    reply = served.ask(SUMMARY, {"Range": f"bytes={size}-"})
    assert (reply.status, reply.header("Content-Range")) == (416, f"bytes */{size}")
    assert reply.json().keys() == {"detail"}


@pytest.mark.parametrize("coding", ["identity", *CODINGS])
def test_what_the_client_has_is_304_for_each_coding(served: Served, coding: str) -> None:
    for target in (SUMMARY, "/api/results", "/api/results/archive"):
        first = served.ask(target, {"Accept-Encoding": coding})
        assert (first.status, first.header("Content-Encoding") or "identity") == (200, coding)
        again = served.ask(target, {"Accept-Encoding": coding, "If-None-Match": first.header("ETag")})
        assert (again.status, again.body, again.header("ETag")) == (304, b"", first.header("ETag"))
        if modified := first.header("Last-Modified"):
            assert served.ask(target, {"If-Modified-Since": modified}).status == 304


def test_each_coding_has_a_tag_of_its_own(served: Served) -> None:
    tags = {served.ask(SUMMARY, {"Accept-Encoding": coding}).header("ETag") for coding in ("identity", *CODINGS)}
    assert len(tags) == 3


# ---- codings


@pytest.mark.parametrize("coding", CODINGS)
def test_a_body_is_compressed_for_who_asks(served: Served, coding: str) -> None:
    for target in (FILES + "big.jsonl", SUMMARY, "/api/results", "/metrics", "/openapi.json", "/api/results/archive"):
        plain = served.ask(target)
        reply = served.ask(target, {"Accept-Encoding": coding})
        assert (plain.header("Content-Encoding"), reply.header("Content-Encoding")) == ("", coding)
        assert plain.header("Vary") == reply.header("Vary") == "Accept-Encoding"
        assert len(reply.body) < len(plain.body) / 2
        assert digest(decoded(reply.body, coding)) == digest(plain.body)


def test_small_bodies_and_parts_are_left_as_they_are(served: Served) -> None:
    assert served.ask("/healthz", {"Accept-Encoding": "gzip"}).header("Content-Encoding") == ""
    reply = served.ask(SUMMARY, {"Accept-Encoding": "gzip", "Range": "bytes=0-1999"})
    assert (reply.status, reply.header("Content-Encoding"), len(reply.body)) == (206, "", 2000)


@pytest.mark.parametrize(("variable", "coding"), [("ZSTD_LEVEL", "zstd"), ("GZIP_LEVEL", "gzip")])
def test_the_levels_of_the_environment_act(
    program: Path, tmp_path: Path, served: Served, variable: str, coding: str
) -> None:
    with serve(program, tmp_path, env={f"AIPERF_COMPRESSION_{variable}": "1"}) as fast:
        shutil.copy(served.artifacts.directory / "big.jsonl", fast.artifacts.directory)
        quick = fast.ask(FILES + "big.jsonl", {"Accept-Encoding": coding}).body
    usual = served.ask(FILES + "big.jsonl", {"Accept-Encoding": coding}).body
    assert len(quick) != len(usual)
    assert digest(decoded(quick, coding)) == digest(decoded(usual, coding))


def test_the_chunk_size_of_the_environment_acts(program: Path, tmp_path: Path) -> None:
    with serve(program, tmp_path, env={"AIPERF_COMPRESSION_CHUNK_SIZE": "1024"}) as small:
        # A body in memory is compressed at once up to this size, and its length said.
        assert small.ask("/api/results", {"Accept-Encoding": "gzip"}).header("Transfer-Encoding") == "chunked"
    with serve(program, tmp_path / "other") as usual:
        assert usual.ask("/api/results", {"Accept-Encoding": "gzip"}).header("Content-Length") != ""


def rss_anon_bytes(pid: int) -> int:
    """The memory a process has for itself."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.findall(r"RssAnon:\s+(\d+) kB", text)[0]) << 10


@pytest.mark.parametrize("coding", ["identity", *CODINGS])
def test_a_large_file_on_its_way_delays_no_other_answer(served: Served, coding: str) -> None:
    size = 100 << 20
    unit = on_disk(served, "big.jsonl")[: 1 << 20]
    path = served.artifacts.directory / "hundred.jsonl"
    with path.open("wb") as file:
        for _ in range(size >> 20):
            file.write(unit)
    got: list[int] = []

    def download() -> None:
        with contextlib.closing(served.connect()) as client:
            client.request("GET", FILES + "hundred.jsonl", headers={"Accept-Encoding": coding})
            with client.getresponse() as answer:
                total = 0
                while piece := answer.read(1 << 18):
                    total += len(piece)
                got.append(total)

    server = results_server_of(served.running).pid
    before = rss_anon_bytes(server)
    thread = threading.Thread(target=download, daemon=True)
    thread.start()
    waits = []
    largest = 0
    with contextlib.closing(served.connect()) as client:
        while thread.is_alive():
            asked = time.monotonic()
            assert ask(client, "/healthz").status == 200
            waits.append(time.monotonic() - asked)
            largest = max(largest, rss_anon_bytes(server))
    thread.join(HANG_S)
    path.unlink()
    assert got
    # Answers came all the time, and not only after the file.
    assert len(waits) > 10
    # A piece, and the tables of a coder: nothing that grows with the file.
    assert largest - before < 16 << 20
    print(f"{coding}: {len(waits)} answers meanwhile, median {sorted(waits)[len(waits) // 2] * 1e3:.2f} ms")


# ---- the archive


@pytest.mark.parametrize(("form", "mode"), [("tar", "r:"), ("tar.gz", "r:gz"), ("tar.zst", "r:")])
def test_the_archive_has_every_listed_file(served: Served, form: str, mode: Any) -> None:
    target = f"/api/results/archive?format={form}"
    reply = served.ask(target)
    assert reply.status == 200
    assert reply.header("Content-Disposition").endswith(f'.{form}"')
    assert digest(served.ask(target).body) == digest(reply.body)
    body = decoded(reply.body, "zstd") if form == "tar.zst" else reply.body
    with tarfile.open(fileobj=io.BytesIO(body), mode=mode) as archive:
        members = {member.name: member for member in archive}
        assert {name: member.size for name, member in members.items()} == listed(served)
        for name, member in members.items():
            extracted = archive.extractfile(member)
            assert extracted is not None
            assert digest(extracted.read()) == digest(on_disk(served, name))
            assert member.mtime == int((served.artifacts.directory / name).stat().st_mtime)


def test_the_program_tar_reads_the_archive(served: Served, tmp_path: Path) -> None:
    (tmp_path / "all.tar.gz").write_bytes(served.ask("/api/results/archive?format=tar.gz").body)
    listing = subprocess.run(
        ["tar", "tzf", tmp_path / "all.tar.gz"], check=True, capture_output=True, text=True, timeout=HANG_S
    )
    assert set(listing.stdout.split()) == set(listed(served))
    assert listing.stderr == ""


def test_the_archive_in_parts_is_the_archive(served: Served) -> None:
    whole = served.ask("/api/results/archive")
    half = len(whole.body) // 2
    assert int(whole.header("Content-Length")) == len(whole.body)
    second = served.ask("/api/results/archive", {"Range": f"bytes={half}-", "If-Range": whole.header("ETag")})
    assert (second.status, digest(second.body)) == (206, digest(whole.body[half:]))


# ---- methods and refusals


def test_every_get_is_a_head_too(served: Served) -> None:
    for path, operations in served.ask("/openapi.json").json()["paths"].items():
        if "get" not in operations or not ends_by_itself(operations["get"]):
            continue
        target = path.replace("{path}", "profile_export.jsonl")
        full, head = served.ask(target), served.ask(target, method="HEAD")
        assert (head.status, head.body) == (full.status, b""), target
        for name in ("Content-Type", "Content-Length", "ETag", "Vary"):
            assert head.header(name) == full.header(name), (target, name)


def ends_by_itself(operation: dict[str, Any]) -> bool:
    """Whether an answer does: a stream of events and a WebSocket do not."""
    content = operation["responses"].get("200", {}).get("content", {})
    return bool(content) and "text/event-stream" not in content


def test_a_method_a_path_does_not_have_is_405_with_those_it_has(served: Served) -> None:
    for path, operations in served.ask("/openapi.json").json()["paths"].items():
        if not ends_by_itself(next(iter(operations.values()))):
            continue
        for method in {"PUT", "DELETE", "PATCH", "POST", "GET"} - {name.upper() for name in operations}:
            reply = served.ask(path.replace("{path}", "a"), method=method)
            assert reply.status == 405, (method, path)
            assert reply.header("Allow") == ("GET, HEAD" if "get" in operations else "POST")
            assert reply.json().keys() == {"detail"}


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/nope", {}, 404),
        (FILES + "missing.json", {}, 404),
        (FILES + "%2e%2e/x", {}, 400),
        ("/api/results?wait=soon", {}, 400),
        ("/api/results/archive?format=zip", {}, 400),
        ("/api/results?run_id=other", {}, 409),
        ("/" + "a" * 9000, {}, 414),
        ("/healthz", {"X-Long": "a" * 40_000}, 431),
    ],
)
def test_every_refusal_says_why_in_json(served: Served, target: str, headers: dict[str, str], status: int) -> None:
    reply = served.ask(target, headers)
    assert (reply.status, reply.header("Content-Type")) == (status, "application/json")
    assert isinstance(reply.json()["detail"], str)


# ---- the description


def described(served: Served) -> dict[str, Any]:
    """/openapi.json."""
    document: dict[str, Any] = served.ask("/openapi.json").json()
    return document


def test_the_description_is_valid_openapi(served: Served) -> None:
    document = described(served)
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def sections() -> dict[tuple[str, str], str]:
    """Method and path, and the text about it, of docs/results-api.md."""
    parts = re.split(r"^### `(\w+) (\S+)`$", REFERENCE, flags=re.MULTILINE)[1:]
    return {(parts[i], parts[i + 1]): parts[i + 2] for i in range(0, len(parts), 3)}


def test_the_reference_has_every_route_parameter_and_status(served: Served) -> None:
    document = described(served)
    operations = {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert list(sections()) == list(operations)
    common = REFERENCE[: REFERENCE.index("\n### ")]
    for route, operation in operations.items():
        text = sections()[route]
        assert operation["summary"] in text, route
        names = {parameter["name"] for parameter in operation["parameters"]}
        rows = set(re.findall(r"^\| `([\w-]+)` \|", text, re.MULTILINE))
        assert rows == names - {"run_id"}, route
        statuses = set(re.findall(r"^\| (\d{3}) \|", text, re.MULTILINE))
        everywhere = set(re.findall(r"^\| (\d{3}) \|", common, re.MULTILINE))
        assert statuses | everywhere == set(operation["responses"]) | everywhere, route
        assert everywhere <= set(operation["responses"]), route
    assert "`run_id`" in common


def test_the_page_for_people_asks_nobody_else(served: Served) -> None:
    reply = served.ask("/docs")
    assert reply.header("Content-Type") == "text/html; charset=utf-8"
    assert "default-src 'none'" in reply.header("Content-Security-Policy")
    page = reply.body.decode()
    assert re.findall(r"(?:src|href|action)=[\"']([^\"']+)", page) == ["openapi.json"]
    assert re.findall(r"https?://", page) == []


# ---- Prometheus


def families(reply: Reply) -> dict[str, Any]:
    """The metrics of an exposition, by name."""
    parsed = list(text_string_to_metric_families(reply.body.decode()))
    assert len({family.name for family in parsed}) == len(parsed)
    return {family.name: family for family in parsed}


def test_prometheus_reads_the_metrics(served: Served) -> None:
    reply = served.ask("/metrics")
    assert reply.header("Content-Type").startswith("text/plain")
    found = families(reply)
    run_id = served.ask("/api/run").json()["benchmark_id"]
    (info,) = found["aiperf_info"].samples
    assert (info.value, info.labels["benchmark_id"], info.labels["model"]) == (1.0, run_id, "m")
    assert {"endpoint_type", "streaming", "concurrency", "version"} <= info.labels.keys()
    latency = found["aiperf_request_latency_ms"]
    assert latency.type == "summary"
    assert {sample.labels["quantile"] for sample in latency.samples if "quantile" in sample.labels} >= {"0.5", "0.99"}
    sent = {sample.labels["phase"]: sample.value for sample in found["aiperf_phase_requests_sent"].samples}
    assert sent == {"warmup": 3.0, "profiling": 20.0}
    status = {sample.labels["status"]: sample.value for sample in found["aiperf_run_status"].samples}
    assert status == {"running": 0.0, "complete": 1.0, "cancelled": 0.0, "incomplete": 0.0}
    for family in found.values():
        assert family.documentation
        assert family.type in {"gauge", "summary", "counter"}


@both_backends
def test_prometheus_sees_a_run_while_it_lasts(backend: str, command: Command, mock: MockFactory) -> None:
    running, poller, _ = start_long(command, mock, "1", "--backend", backend)
    seen: list[float] = []

    def has_grown() -> bool:
        found = families(Reply(*fetch(poller.url + "/metrics")))
        samples = [s for s in found["aiperf_phase_requests_completed"].samples if s.labels["phase"] == "profiling"]
        seen.extend(sample.value for sample in samples if sample.value > 0)
        return len(set(seen)) > 1

    wait_until(has_grown, HANG_S, "more completed requests")
    assert seen == sorted(seen)
    throughput = families(Reply(*fetch(poller.url + "/metrics")))["aiperf_request_throughput_avg_requests_per_sec"]
    assert throughput.samples[0].value > 0
    running.stop()


def fetch(url: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Status, headers and body of a GET."""
    with urllib.request.urlopen(url, timeout=HANG_S) as reply:
        return reply.status, reply.headers, reply.read()


def test_prometheus_own_checker_reads_the_metrics(served: Served) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    body = served.ask("/metrics").body
    done = subprocess.run([promtool, "check", "metrics"], input=body, capture_output=True, check=False, timeout=HANG_S)
    # 3: it would like other names and units, which are AIPerf's.
    assert done.returncode in {0, 3}, done.stderr.decode()
    assert b"parse" not in done.stderr.lower()
