"""The API describes itself: every operation, in OpenAPI and on a page that needs no script."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture
def schema() -> Any:
    return Client().get("/api/openapi.json").json()


def operations(schema: Any) -> list[tuple[str, Any]]:
    return [
        (f"{method.upper()} {path}", schema["paths"][path][method])
        for path in schema["paths"]
        for method in METHODS
        if method in schema["paths"][path]
    ]


def test_every_operation_says_what_it_does_takes_and_answers(schema: Any) -> None:
    """A summary, a description, a body that is described, every answer with its schema."""
    lacking = []
    for name, operation in operations(schema):
        answers = operation["responses"]
        good = [status for status in answers if status.startswith("2")]
        errors = [status for status in answers if status >= "400"]
        bodies = operation.get("requestBody", {}).get("content", {})
        takes_body = name.split()[0] in ("POST", "PUT", "PATCH") and "restore" not in name
        checks = {
            "a summary": operation.get("summary"),
            "a description": operation.get("description"),
            "a good answer": good,
            "its schema": all(status == "204" or "content" in answers[status] for status in good),
            "errors": {"401", "403", "422", "503"} <= set(errors),
            "404": "{document_id}" not in name or "404" in errors,
            "the shape of errors": all(
                answers[status]["content"]["application/json"]["schema"]["$ref"]
                == "#/components/schemas/Error"
                for status in errors
            ),
            "a body": not takes_body or (bodies and all(of["schema"] for of in bodies.values())),
        }
        lacking += [f"{name} lacks {what}" for what, holds in checks.items() if not holds]
    assert lacking == []


def test_every_reference_leads_somewhere(schema: Any) -> None:
    """And operations can be told apart by their ids."""
    names = set(re.findall(r"#/components/schemas/([^\"']+)", str(schema)))
    assert names <= set(schema["components"]["schemas"])
    ids = [operation["operationId"] for _, operation in operations(schema)]
    assert len(set(ids)) == len(ids)


def test_the_page_tells_all_of_it(schema: Any) -> None:
    """For who is not logged in, too, with nothing inline and nothing from elsewhere."""
    answer = Client().get("/api/docs")
    page = answer.content.decode()
    assert answer.status_code == 200
    for name, operation in operations(schema):
        method, path = name.split()
        article = page.partition(f'id="{operation["operationId"]}"')[2].partition("</article>")[0]
        assert f">{method}</span> <code>{path}</code>" in article
        assert operation["summary"].replace("'", "&#x27;") in article
        for parameter in operation.get("parameters", ()):
            assert f"<code>{parameter['name']}</code>" in article
        for status in operation["responses"]:
            assert status in article
    for name, found in schema["components"]["schemas"].items():
        article = page.partition(f'id="schema-{name}"')[2].partition("</article>")[0]
        assert all(f"<code>{field}</code>" in article for field in found.get("properties", ()))
    assert not re.search(r"<[^>]+\s(style|on\w+)=", page)
    assert not re.search(r'(src|href)="(https?:)?//', page)
    links = set(re.findall(r'href="#([^"]+)"', page)) - {"main"}
    assert links <= set(re.findall(r'id="([^"]+)"', page))
