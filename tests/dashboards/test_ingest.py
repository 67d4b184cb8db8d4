"""What senders are answered: each in its own format, and nothing is stored by halves."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from collab.testing.servers import wait_until
from tests.dashboards.receiver import BYTES, READINGS, SERIES, UNPACKED_BYTES, Receiver

PROTOBUF = "application/x-protobuf"
JSON = "application/json"


@pytest.fixture
def receiver(sqlite_receiver: Receiver) -> Receiver:
    """One database will do: what is stored how is tested elsewhere."""
    return sqlite_receiver


@pytest.fixture
def name() -> str:
    """A name that no other test's metrics have."""
    return f"t{uuid4().hex[:12]}"


def otlp(name: str, *values: float, at_ns: int = 0) -> bytes:
    points = [
        {"asDouble": value, "timeUnixNano": str((at_ns or time.time_ns()) - n * 1_000_000)}
        for n, value in enumerate(values)
    ]
    metric = {"name": name, "gauge": {"dataPoints": points}}
    request = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]}
    return json.dumps(request).encode()


def packed_otlp(raw: bytes) -> bytes:
    return json_format.Parse(raw, ExportMetricsServiceRequest()).SerializeToString()


class Format:
    """A format as its senders know it: where, how a number is written, how an error reads.

    Args:
        path: Where it is pushed to.
        write: Writes a body of numbers of one metric.
        ok: The status of success.
        says: Reads the message of an error, and checks its shape.
    """

    def __init__(
        self,
        path: str,
        write: Callable[[str, int], bytes],
        ok: int,
        says: Callable[[httpx.Response], str],
        **headers: str,
    ) -> None:
        self.path = path
        self.write = write
        self.ok = ok
        self.says = says
        self.headers = headers


def _says_api(answer: httpx.Response) -> str:
    error = answer.json()["error"]
    assert set(error) >= {"code", "message"}
    return str(error["message"])


def _says_text(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"].startswith("text/plain")
    return answer.text


def _says_status(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"] == PROTOBUF
    return str(Status.FromString(answer.content).message)


def _says_status_json(answer: httpx.Response) -> str:
    assert answer.headers["Content-Type"] == JSON
    return str(answer.json()["message"])


def _says_influx(answer: httpx.Response) -> str:
    error = answer.json()
    assert isinstance(error["code"], str)
    return str(error["message"])


def _objects(name: str, count: int) -> bytes:
    now = time.time() - 1
    return b"\n".join(
        json.dumps({"name": name, "value": n, "time": now + n / 1000}).encode()
        for n in range(count)
    )


def _text(name: str, count: int) -> bytes:
    return b"".join(f'{name}{{n="{n % 200}"}} {n}\n'.encode() for n in range(count))


def _line_protocol(name: str, count: int) -> bytes:
    now = time.time_ns() - 10**9
    return b"\n".join(f"{name} value={n} {now + n * 10**6}".encode() for n in range(count))


FORMATS = {
    "json": Format("json", _objects, 200, _says_api),
    "prometheus": Format("prometheus/metrics/job/night", _text, 200, _says_text),
    "otlp": Format("otlp/v1/metrics", lambda name, count: packed_otlp(otlp(name, *range(count))),
                   200, _says_status, Content_Type=PROTOBUF),
    "otlp-json": Format("otlp/v1/metrics", lambda name, count: otlp(name, *range(count)), 200,
                        _says_status_json, Content_Type=JSON),
    "influx": Format("influx/api/v2/write?org=a&bucket=b", _line_protocol, 204, _says_influx),
}  # fmt: skip
EACH = pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)


@EACH
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_good_body_is_stored(receiver: Receiver, name: str, form: Format, encoding: str) -> None:
    """What is answered with success can be read back at once."""
    body = form.write(name, 3)
    if encoding:
        body = gzip.compress(body)
    answer = receiver.send(form.path, body, Content_Encoding=encoding, **form.headers)
    assert answer.status_code == form.ok, answer.text
    values = [value for series in receiver.stored(name).values() for value in series]
    assert sorted(values) == [0, 1, 2]


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize(
    "header",
    [
        lambda key: f"Bearer {key}",
        lambda key: f"Token {key}",
        lambda key: f"token  {key}",
        lambda key: _basic("anybody", key),
        lambda key: _basic(key, ""),
    ],
    ids=["bearer", "token", "spaces", "password", "user"],
)
def test_key_is_taken_in_every_form(
    receiver: Receiver, name: str, header: Callable[[str], str]
) -> None:
    """As OpenTelemetry, Influx and Prometheus send it; a full key sends, too."""
    for key in (receiver.key, receiver.keys["full"]):
        body = json.dumps({"name": name, "value": 1})
        assert receiver.send("json", body, Authorization=header(key)).status_code == 200


@EACH
@pytest.mark.parametrize("key", ["none", "gone", "ivy", "unknown", "broken"])
def test_wrong_key_is_refused(receiver: Receiver, name: str, form: Format, key: str) -> None:
    """None, a revoked one, that of a disabled user, one that never was, and no key at all."""
    given = {"none": "Bearer", "broken": "Basic !!", "unknown": "Bearer collab_nobody"}
    header = given.get(key) or f"Bearer {receiver.keys[key]}"
    answer = receiver.send(form.path, form.write(name, 1), Authorization=header, **form.headers)
    assert answer.status_code == 401
    assert "API key" in form.says(answer)
    assert "WWW-Authenticate" in answer.headers
    assert receiver.stored(name) == {}


def test_key_that_is_revoked_stops_within_seconds(receiver: Receiver, name: str) -> None:
    """Keys are remembered for a moment only."""
    body = json.dumps({"name": name, "value": 1})
    header = f"Bearer {receiver.keys['late']}"
    assert receiver.send("json", body, Authorization=header).status_code == 200
    receiver.site.run(
        "shell", "-v", "0", "-c",
        "from collab.models import ApiKey; from django.utils import timezone;"
        "ApiKey.objects.filter(name='late').update(revoked_at=timezone.now())",
    )  # fmt: skip
    wait_until(
        lambda: receiver.send("json", body, Authorization=header).status_code == 401,
        "the key being refused", timeout_s=6,
    )  # fmt: skip


@EACH
def test_body_that_is_too_long_is_413(receiver: Receiver, name: str, form: Format) -> None:
    """Whether it says its length or not."""
    body = form.write(name, 1) + b" " * BYTES
    answer = receiver.send(form.path, body, **form.headers)
    assert answer.status_code == 413
    assert str(BYTES) in form.says(answer)
    chunks = (body[at : at + 10_000] for at in range(0, len(body), 10_000))
    assert receiver.send(form.path, chunks, **form.headers).status_code == 413
    assert receiver.stored(name) == {}


def test_body_beyond_every_bound_of_the_server_is_413(receiver: Receiver) -> None:
    """It is refused by its length, before it is sent."""
    with socket.create_connection(("127.0.0.1", receiver.site.port), 20) as connection:
        connection.sendall(
            b"POST /ingest/json HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000000\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413")


@EACH
def test_bomb_is_413(receiver: Receiver, name: str, form: Format) -> None:
    """A small body that unpacks to a large one."""
    bomb = gzip.compress(form.write(name, 1) + b"\n" * 50 * UNPACKED_BYTES)
    assert len(bomb) < BYTES
    answer = receiver.send(form.path, bomb, Content_Encoding="gzip", **form.headers)
    assert answer.status_code == 413
    assert str(UNPACKED_BYTES) in form.says(answer)
    assert receiver.stored(name) == {}


@EACH
def test_too_many_numbers_are_413(receiver: Receiver, name: str, form: Format) -> None:
    """Senders that can split what they send do it now."""
    body = gzip.compress(form.write(name, READINGS + 1))
    answer = receiver.send(form.path, body, Content_Encoding="gzip", **form.headers)
    assert answer.status_code == 413
    assert f"{READINGS} values" in form.says(answer)
    assert receiver.stored(name) == {}


@EACH
@pytest.mark.parametrize(
    ("encoding", "status"), [("br", 415), ("gzip", 400), ("zstd", 400), ("snappy", 400)]
)
def test_body_that_cannot_be_unpacked_is_refused(
    receiver: Receiver, name: str, form: Format, encoding: str, status: int
) -> None:
    """It is not what its header says, or nobody knows how."""
    body = form.write(name, 1)
    answer = receiver.send(form.path, body, Content_Encoding=encoding, **form.headers)
    assert answer.status_code == status
    assert form.says(answer)
    assert receiver.stored(name) == {}


@EACH
def test_other_methods_are_405(receiver: Receiver, form: Format) -> None:
    """With what the address takes."""
    answer = receiver.send(form.path, method="GET", **form.headers)
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert "POST" in form.says(answer)


@EACH
def test_more_series_than_a_key_may_have_are_429_with_the_reason(
    receiver: Receiver, name: str, form: Format
) -> None:
    """Other senders must not be crowded out by one whose labels never end. Nothing is stored."""
    bodies = {
        "json": b"\n".join(
            json.dumps({"name": f"{name}_{n}", "value": 1}).encode() for n in range(SERIES + 1)
        ),
        "prometheus/metrics/job/night": "".join(
            f"{name}_{n} 1\n" for n in range(SERIES + 1)
        ).encode(),
        "influx/api/v2/write?org=a&bucket=b": "\n".join(
            f"{name}_{n} value=1" for n in range(SERIES + 1)
        ).encode(),
    }
    if form.path not in bodies:
        metrics = [
            {"name": f"{name}_{n}", "gauge": {"dataPoints": [
                {"asDouble": 1, "timeUnixNano": str(time.time_ns())}]}}
            for n in range(SERIES + 1)
        ]  # fmt: skip
        raw = json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}).encode()
        bodies[form.path] = raw if form.headers["Content_Type"] == JSON else packed_otlp(raw)
    answer = receiver.send(form.path, bodies[form.path], **form.headers)
    assert answer.status_code == 429
    assert f"{SERIES} series" in form.says(answer)
    assert int(answer.headers["Retry-After"]) > 0
    assert receiver.stored(name) == {}


def test_senders_are_held_off_while_nothing_can_be_stored(receiver: Receiver, name: str) -> None:
    """429 at once when too much waits, 503 for what waited too long; then all goes on."""
    assert receiver.send("json", json.dumps({"name": name, "value": -1})).status_code == 200
    bodies = [_objects(f"{name}_{n}", READINGS - 100) for n in range(3)]
    path = Path(receiver.site.environment["COLLAB_DATA_DIR"]) / "collab.sqlite3"
    with (
        ThreadPoolExecutor(3) as pool,
        closing(sqlite3.connect(path, isolation_level=None)) as lock,
    ):
        lock.execute("BEGIN IMMEDIATE")
        answers = list(pool.map(partial(receiver.send, "json"), bodies))
        lock.execute("ROLLBACK")
    assert sorted(answer.status_code for answer in answers) == [429, 503, 503]
    for answer in answers:
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.json()["error"]["code"] in ("too_many", "database_away")
    assert receiver.stored(f"{name}_") == {}
    for body in bodies:
        assert receiver.send("json", body).status_code == 200
    assert [len(values) for values in receiver.stored(f"{name}_").values()] == [READINGS - 100] * 3


# What is half good


def test_json_says_what_was_stored_and_what_was_not(receiver: Receiver, name: str) -> None:
    """Good lines count; bad ones are named by their number, the first twenty."""
    good = json.dumps({"name": name, "value": 1})
    answer = receiver.send("json", f"{good}\nx\n" + "{}\n" * 30)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["stored"], told["refused"], len(told["errors"])) == (1, 31, 20)
    assert told["errors"][0] == {"line": 2, "message": "it is not JSON"}
    assert receiver.stored(name) == {f"{name}{{}}": [1]}


@pytest.mark.parametrize("body", ["", "x", "[]", '{"name": "a"}'])
def test_json_without_anything_good_is_400(receiver: Receiver, body: str) -> None:
    """A script notices by the status alone."""
    answer = receiver.send("json", body)
    assert answer.status_code == 400
    assert answer.json()["stored"] == 0


def test_json_array_that_is_cut_off_is_400_with_the_item(receiver: Receiver, name: str) -> None:
    """Nothing of it is stored."""
    good = json.dumps({"name": name, "value": 1})
    answer = receiver.send("json", f"[{good},{good}")
    assert answer.status_code == 400
    assert answer.json()["error"]["line"] == 2
    assert receiver.stored(name) == {}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [("x{", "line 2"), ("x 1 5", "year 2000"), (f'x{{a="{"y" * 600}"}} 1', "512")],
)
def test_push_of_prometheus_is_whole_or_not_at_all(
    receiver: Receiver, name: str, bad: str, reason: str
) -> None:
    """As at a Pushgateway."""
    answer = receiver.send("prometheus/metrics/job/night", f"{name} 1\n{bad}\n", method="PUT")
    assert answer.status_code == 400
    assert "line 2" in answer.text.lower()
    assert reason in answer.text.lower()
    assert receiver.stored(name) == {}


@pytest.mark.parametrize("path", ["job", "job/", "instance/a", "job/a/b", "job@base64/*"])
def test_push_to_no_group_is_400(receiver: Receiver, path: str) -> None:
    """The sentence says how it must be."""
    answer = receiver.send(f"prometheus/metrics/{path}", b"a 1\n", method="PUT")
    assert answer.status_code == 400
    assert answer.text.strip()


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_otlp_answers_in_the_format_that_it_was_asked_in(
    receiver: Receiver, name: str, kind: str
) -> None:
    """Good points count; how many did not is told, as the specification has it."""
    raw = otlp(name, 1.0, float("nan"), float("inf"))
    raw = raw.replace(b"NaN", b'"NaN"').replace(b"Infinity", b'"Infinity"')
    body = raw if kind == JSON else packed_otlp(raw)
    answer = receiver.send("otlp/v1/metrics", body, Content_Type=kind)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kind)
    told: Any = ExportMetricsServiceResponse()
    if kind == JSON:
        json_format.Parse(answer.content, told)
    else:
        told.ParseFromString(answer.content)
    assert told.partial_success.rejected_data_points == 2
    assert "not a finite number" in told.partial_success.error_message
    assert receiver.stored(name) == {f"{name}{{}}": [1]}


def test_otlp_that_cannot_be_read_is_not_to_be_sent_again(receiver: Receiver) -> None:
    """400 for the body, 415 for its type."""
    for kind, body, status in [
        (PROTOBUF, b"\xff", 400), (JSON, b"{", 400), ("text/plain", b"", 415),
    ]:  # fmt: skip
        answer = receiver.send("otlp/v1/metrics", body, Content_Type=kind)
        assert answer.status_code == status
        assert (_says_status_json if kind == JSON else _says_status)(answer)


def test_influx_stores_good_lines_and_names_the_first_bad_one(
    receiver: Receiver, name: str
) -> None:
    """As Influx does: 400, and what could be stored is."""
    answer = receiver.send("influx/api/v2/write", f"{name} value=1\nx\n{name} a=2\n{name} b=")
    assert answer.status_code == 400
    told = answer.json()
    assert (told["code"], told["line"]) == ("invalid", 2)
    assert "line 4" in told["message"]
    assert receiver.stored(name) == {f"{name}{{}}": [1], f"{name}_a{{}}": [2]}


def test_influx_of_an_unknown_precision_is_400(receiver: Receiver, name: str) -> None:
    """Nothing is stored at a time that is not meant."""
    answer = receiver.send("influx/api/v2/write?precision=h", f"{name} value=1 5")
    assert answer.status_code == 400
    assert "precision" in answer.json()["message"]
    assert receiver.stored(name) == {}


def test_number_older_than_is_kept_is_refused(receiver: Receiver, name: str) -> None:
    """It would be deleted at once, and success would be a lie."""
    old = int(time.time()) - 9 * 86_400
    answer = receiver.send("influx/api/v2/write?precision=s", f"{name} value=1 {old}")
    assert answer.status_code == 400
    assert "longer ago" in answer.json()["message"]
    recent = old + 3 * 86_400
    answer = receiver.send("influx/api/v2/write?precision=s", f"{name} value=2 {recent}")
    assert answer.status_code == 204
    assert receiver.stored(name) == {f"{name}{{}}": [2]}


def test_influx_answers_who_asks_before_writing(receiver: Receiver) -> None:
    """Without a key."""
    assert httpx.get(receiver.url("influx/ping")).status_code == 204
    assert httpx.get(receiver.url("influx/health")).json()["status"] == "pass"


def test_what_was_sent_is_counted(receiver: Receiver, name: str) -> None:
    """By format, and by what became of it."""
    receiver.send("json", json.dumps({"name": name, "value": 1}) + "\nx")
    script = "from django.contrib.auth.models import User; User.objects.update(is_staff=True)"
    receiver.site.run("shell", "-v", "0", "-c", script)
    header = {"Authorization": f"Bearer {receiver.keys['full']}"}
    text = httpx.get(f"{receiver.site.url}/metrics", headers=header).text
    assert 'collab_ingest_readings_total{format="json",outcome="stored"}' in text
    assert 'collab_ingest_readings_total{format="json",outcome="refused"}' in text
