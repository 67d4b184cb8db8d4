"""The API's documentation: a plain page made of its OpenAPI schema, without a script."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase

_METHODS = ("get", "post", "put", "patch", "delete")


Words = list[tuple[str, bool]]
"""A paragraph: its parts in order, each with whether it is code."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a body or value looks like: words, and the name of a schema on the page, or none."""

    text: str
    schema: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter, or a field of an object. `place` is where a parameter is: path, query."""

    name: str
    shape: Shape
    required: bool
    about: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Body:
    content_type: str
    shape: Shape


@dataclass(frozen=True, slots=True)
class Answer:
    status: str
    about: str
    bodies: list[Body]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    id: str
    method: str
    path: str
    summary: str
    about: list[Words]
    parameters: list[Field]
    bodies: list[Body]
    answers: list[Answer]


class Reference(DocsBase):
    """Renders the page at the API's `docs_url`."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        schema = api.get_openapi_schema(path_params=kwargs)
        context = {
            "title": schema["info"]["title"],
            "about": schema["info"]["description"],
            "sections": sections_of(schema),
            "schemas": list(schemas_of(schema)),
            "openapi_url": self.get_openapi_url(api, kwargs),
        }
        return render(request, "collab/reference.html", context)


def sections_of(schema: dict[str, Any]) -> list[tuple[str, list[Operation]]]:
    """Return all operations, by their first tag, in the schema's order."""
    sections: dict[str, list[Operation]] = {}
    for path, operations in schema["paths"].items():
        for method in _METHODS:
            if method in operations:
                found = operations[method]
                section = sections.setdefault(found.get("tags", [_("Other")])[0], [])
                section.append(_operation(path, method, found))
    return list(sections.items())


def schemas_of(schema: dict[str, Any]) -> Iterator[tuple[str, list[Words], list[Field]]]:
    """Yield (name, paragraphs about it, fields) of each object, by name."""
    for name, found in sorted(schema["components"]["schemas"].items()):
        required = found.get("required", ())
        fields = [
            Field(field, shape_of(of), field in required, _about(of))
            for field, of in found.get("properties", {}).items()
        ]
        yield name, _paragraphs(found.get("description", "")), fields


def shape_of(schema: dict[str, Any]) -> Shape:
    """Say in a few words what a JSON schema allows."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Shape(name, name)
    if "anyOf" in schema:
        shapes = [shape_of(one) for one in schema["anyOf"]]
        named = next((shape.schema for shape in shapes if shape.schema), "")
        return Shape(" | ".join(shape.text for shape in shapes), named)
    if "const" in schema:
        return Shape(repr_of(schema["const"]))
    if "enum" in schema:
        return Shape(" | ".join(repr_of(value) for value in schema["enum"]))
    if schema.get("type") == "array":
        items = shape_of(schema.get("items", {}))
        return Shape(f"[{items.text}]", items.schema)
    if "properties" in schema:
        fields = (f"{name}: {shape_of(of).text}" for name, of in schema["properties"].items())
        return Shape("{" + ", ".join(fields) + "}")
    words = [str(schema.get("type", "JSON")), str(schema.get("format", ""))]
    return Shape(" ".join(word for word in words if word))


def repr_of(value: object) -> str:
    """Write a value as JSON has it."""
    return json.dumps(value, ensure_ascii=False)


def _operation(path: str, method: str, found: dict[str, Any]) -> Operation:
    return Operation(
        id=found["operationId"],
        method=method.upper(),
        path=path,
        summary=found.get("summary", ""),
        about=_paragraphs(found.get("description", "")),
        parameters=[
            Field(
                one["name"], shape_of(one["schema"]), one.get("required", False),
                _about(one["schema"]), one["in"],
            )
            for one in found.get("parameters", ())
        ],
        bodies=_bodies(found.get("requestBody", {})),
        answers=_answers(found["responses"].items()),
    )  # fmt: skip


def _answers(responses: Iterable[tuple[Any, dict[str, Any]]]) -> list[Answer]:
    """Put the answers in order; errors of one shape are one line."""
    answers: list[Answer] = []
    alike: list[str] = []
    for status, found in sorted(responses, key=lambda item: int(item[0])):
        bodies = _bodies(found)
        if [body.shape.schema for body in bodies] == ["Error"]:
            alike.append(f"{status} {found['description']}")
        else:
            answers.append(Answer(str(status), found["description"], bodies))
    if alike:
        body = Body("application/json", Shape("Error", "Error"))
        answers.append(Answer("", ", ".join(alike), [body]))
    return answers


def _bodies(found: dict[str, Any]) -> list[Body]:
    content = found.get("content", {})
    return [Body(kind, shape_of(of.get("schema", {}))) for kind, of in content.items()]


_BOUNDS = (
    ("minimum", "≥ %s"), ("maximum", "≤ %s"), ("minLength", "≥ %s"), ("maxLength", "≤ %s"),
)  # fmt: skip


def _about(schema: dict[str, Any]) -> str:
    """Return what is said of a field, with its bounds and default."""
    words = [schema["description"]] if schema.get("description") else []
    one = next((each for each in schema.get("anyOf", ()) if each.get("type") != "null"), schema)
    bounds = [text % one[name] for name, text in _BOUNDS if name in one]
    if any(name in one for name in ("minLength", "maxLength")):
        bounds = [_("%s characters") % ", ".join(bounds)]
    words += bounds
    if "default" in schema:
        words.append(_("default %s") % repr_of(schema["default"]))
    return "; ".join(words)


def _paragraphs(text: str) -> list[Words]:
    """Split a docstring into paragraphs; what is between backticks is code."""
    found = [" ".join(part.split()).split("`") for part in text.split("\n\n") if part.strip()]
    return [[(part, bool(at % 2)) for at, part in enumerate(parts)] for parts in found]
