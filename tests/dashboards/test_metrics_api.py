"""Numbers asked for over HTTP, on a running site on each database; and the guide's examples."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dashboards.receiver import Receiver

GUIDE = Path(__file__).parents[2] / "docs" / "queries.md"
NOW_MS = int(time.time()) * 1000
HOSTS = {"web1": "eu", "web2": "us", "db": "eu"}
_sent: set[int] = set()


@pytest.fixture(autouse=True)
def numbers(receiver: Receiver) -> None:
    """Ten minutes of three hosts, sent once to each site."""
    if id(receiver) in _sent:
        return
    lines = []
    for at in range(NOW_MS - 600_000, NOW_MS, 15_000):
        age = (at - NOW_MS) // 1000 + 600
        for number, (host, zone) in enumerate(HOSTS.items()):
            one = {"labels": {"host": host, "zone": zone}, "time": at}
            lines += [
                {"name": "cpu_percent", "value": 10 * number + age % 4, "unit": "percent", **one},
                {
                    "name": "http_requests_total",
                    "value": age * (number + 1),
                    "kind": "counter",
                    **one,
                },
                {"name": "memory_used_bytes", "value": 25, "unit": "bytes", **one},
                {"name": "memory_total_bytes", "value": 100, "unit": "bytes", **one},
            ]
    for start in range(0, len(lines), 900):
        body = "\n".join(json.dumps(line) for line in lines[start : start + 900])
        answer = receiver.send("json", body.encode(), Content_Type="application/x-ndjson")
        assert answer.status_code in (200, 202, 204), answer.text
    observe(receiver, 1)
    _sent.add(id(receiver))


def observe(receiver: Receiver, count: int) -> None:
    """Push a histogram with so many observations in each zone's buckets."""
    rows = ["# TYPE http_request_seconds histogram"]
    for zone in ("eu", "us"):
        rows += [
            f'http_request_seconds_bucket{{zone="{zone}",le="{le}"}} {count}' for le in (1, "+Inf")
        ]
        rows += [f'http_request_seconds_{one}{{zone="{zone}"}} {count}' for one in ("count", "sum")]
    body = ("\n".join(rows) + "\n").encode()
    answer = receiver.send("prometheus/metrics/job/web", body, method="PUT")
    assert answer.status_code == 200, answer.text


def get(receiver: Receiver, path: str, key: str = "full", **asked: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {receiver.keys[key]}"} if key else {}
    url = f"{receiver.site.url}{path}"
    return httpx.get(url, params=asked or None, headers=headers, timeout=20, verify=False)


def query(receiver: Receiver, **asked: Any) -> dict[str, Any]:
    answer = get(receiver, "/api/query", **{"from": NOW_MS - 600_000, "to": NOW_MS, **asked})
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def test_the_window_that_is_running_is_no_slump(receiver: Receiver) -> None:
    """What rises by one each second does so in the hour that has just begun, too."""
    now = int(time.time())
    lines = [
        json.dumps({"name": "steady_total", "value": at - now, "kind": "counter", "time": at})
        for at in range(now - 3 * 3600, now, 60)
    ]
    receiver.send("json", "\n".join(lines).encode(), Content_Type="application/x-ndjson")
    asked = {"from": "now-3h", "to": "now", "step": "1h"}
    answer = query(receiver, metric="steady_total", function="rate", **asked)
    assert answer["lines"][0]["value"][-1] == pytest.approx(1, rel=0.05)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    message = answer.json()["error"]["message"]
    assert message.endswith(".")
    return answer.status_code, answer.json()["error"]["code"]


# What there is


def test_metrics_are_listed_by_name(receiver: Receiver) -> None:
    """With what is known of each, some at a time, those whose name holds a text."""
    first = get(receiver, "/api/metrics", search="memory_", limit=1).json()
    assert first == {
        "metrics": [{
            "name": "memory_total_bytes", "kind": "gauge", "unit": "bytes", "series": 3,
            "labels": ["host", "zone"],
        }],
        "next": "memory_total_bytes",
    }  # fmt: skip
    rest = get(receiver, "/api/metrics", search="memory_", after=first["next"]).json()
    assert [one["name"] for one in rest["metrics"]] == ["memory_used_bytes"]
    assert rest["next"] is None


def test_series_and_values_of_labels_are_listed(receiver: Receiver) -> None:
    """What an editor suggests while somebody writes."""
    series = get(receiver, "/api/metrics/cpu_percent/series", match="zone=eu").json()["series"]
    assert series == [
        {"labels": {"host": host, "zone": "eu"}, "kind": "gauge", "unit": "percent"}
        for host in ("db", "web1")
    ]
    values = get(receiver, "/api/labels/host/values", metric="cpu_percent", limit=2).json()
    assert values == {"values": ["db", "web1"], "more": True}
    assert get(receiver, "/api/labels/nothing/values").json() == {"values": [], "more": False}
    assert get(receiver, "/api/metrics/nothing/series").json() == {"series": []}


# What they say


def test_an_answer_has_lines_on_one_time_axis(receiver: Receiver) -> None:
    """Each with its labels, null where it has no value, low and high of averages."""
    found = query(receiver, metric="cpu_percent", match=["host=web1", "zone!=us"], step="60s")
    (line,) = found["lines"]
    assert (line["name"], line["labels"]) == ("cpu_percent", {"host": "web1", "zone": "eu"})
    assert (found["unit"], found["step_ms"], found["problems"]) == ("percent", 60_000, [])
    assert found["newest_ms"] == NOW_MS - 15_000
    assert found["at"][0] <= NOW_MS - 600_000
    assert {b - a for a, b in zip(found["at"], found["at"][1:], strict=False)} == {60_000}
    for column in ("value", "low", "high"):
        assert len(line[column]) == len(found["at"])
    columns = (line[column] for column in ("value", "low", "high"))
    for at, value, low, high in zip(found["at"], *columns, strict=True):
        if at > found["newest_ms"]:
            continue  # The window of a minute that has just begun, and of which nothing is there.
        assert 0 <= low <= value <= high <= 3
    early = query(receiver, metric="cpu_percent", by="", step="60s", **{"from": NOW_MS - 900_000})
    assert early["lines"][0]["value"][0] is None


def test_groups_functions_and_arithmetic(receiver: Receiver) -> None:
    """As a panel would have them."""
    rate = query(receiver, metric="http_requests_total", function="rate", by="zone", step="60s")
    assert {line["name"]: round(line["value"][5], 6) for line in rate["lines"]} == {
        "eu": 4,
        "us": 2,
    }
    share = query(
        receiver, metric="memory_used_bytes", by="host", op="/",
        metric2="memory_total_bytes", by2="host",
    )  # fmt: skip
    assert [line["name"] for line in share["lines"]] == ["db", "web1", "web2"]
    assert {value for line in share["lines"] for value in line["value"]} <= {0.25, None}
    legend = query(
        receiver, metric="cpu_percent", by=["host", "zone"], legend="{{host}} in {{zone}}"
    )
    assert legend["lines"][0]["name"] == "db in eu"


def test_nothing_is_an_answer_with_the_reason(receiver: Receiver) -> None:
    """Unknown metrics and labels are no errors."""
    found = query(receiver, metric="nothing")
    assert (found["lines"], found["problems"]) == ([], ["There are no numbers of “nothing” yet."])
    dollar = query(receiver, metric="cpu_percent", match="host=$host")
    assert dollar["problems"] == ["No series of “cpu_percent” has these labels."]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"metric": ""}, "bad_question"),
        ({}, "invalid"),
        ({"metric": "x", "function": "median"}, "invalid"),
        ({"metric": "x", "pixels": 0}, "invalid"),
        ({"metric": "x", "match": "host"}, "bad_matcher"),
        ({"metric": "cpu_percent", "match": "host=~("}, "bad_matcher"),
        ({"metric": "x", "from": "yesterday"}, "bad_time"),
        ({"metric": "x", "from": "now", "to": "now-1h"}, "bad_time"),
        ({"metric": "x", "tz": "Mars/Olympus"}, "bad_time"),
        ({"metric": "x", "step": "often"}, "bad_time"),
        ({"metric": "x", "window": "soon"}, "bad_time"),
        ({"metric": "x", "op": "/"}, "bad_question"),
        ({"metric": "x", "metric2": "y"}, "bad_question"),
        ({"metric": "cpu_percent", "from": "now-29d", "step": "10s", "window": "9d"},
         "too_many_points"),
        ({"metric": "nothing", "from": "now-359m", "step": "1ms"}, "too_many_points"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(
    receiver: Receiver, asked: dict[str, Any], code: str
) -> None:
    """422, a word for programs, and a sentence."""
    assert refusal(get(receiver, "/api/query", **asked)) == (422, code)


def test_too_many_series_are_refused(receiver: Receiver) -> None:
    """With how many there are."""
    answer = get(receiver, "/api/metrics/cpu_percent/series", limit=2)
    assert refusal(answer) == (422, "too_many_series")
    assert "3" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/metrics",
        "/api/metrics/cpu_percent/series",
        "/api/labels/host/values",
        "/api/query?metric=cpu_percent",
    ],
)
def test_only_accounts_ask(receiver: Receiver, path: str) -> None:
    """Not strangers, keys that only send, or who was let in by a link to something."""
    assert get(receiver, path).status_code == 200
    assert refusal(get(receiver, path, key="")) == (401, "not_authenticated")
    assert get(receiver, path, key="sends").status_code in (401, 403)
    owner = {"Authorization": f"Bearer {receiver.keys['full']}"}
    with httpx.Client(base_url=receiver.site.url, follow_redirects=True, timeout=20) as guest:
        made = httpx.post(f"{receiver.site.url}/api/documents", json={}, headers=owner).json()
        grants = f"{receiver.site.url}/api/documents/{made['id']}/grants"
        link = httpx.post(grants, json={"link": True, "role": "reader"}, headers=owner).json()
        assert guest.get(link["url"]).status_code == 200
        assert refusal(guest.get(path)) == (401, "not_authenticated")


# The guide


@pytest.mark.parametrize(
    "example", re.findall(r"^    GET (/api/\S+)$", GUIDE.read_text(), re.MULTILINE)
)
def test_the_guides_examples_are_answered(receiver: Receiver, example: str) -> None:
    """As they stand there, with lines or whatever they ask for, and without a problem."""
    if "p95" in example:
        # A counter's first sample is no increase.
        observe(receiver, int(time.time() * 1000))
    answer = get(receiver, example)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found.get("problems", []) == []
    assert found.get("lines") or found.get("metrics") or found.get("series") or found.get("values")
