"""API operations that every model of shared objects has, under addresses of its own."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any
from uuid import UUID

from channels.db import database_sync_to_async
from django.http import HttpRequest
from ninja import Router

from collab.request import find
from collab.shared import SharedObject

Operation = Callable[..., Awaitable[Any]]


class Operations:
    """The operations of one model, written once for all models.

    A view takes the request, the object that its address names, what the asker may do to it
    (`Abilities`, reading at least), and the parameters that Ninja reads for it.

    Args:
        model: Whose addresses they get, `/documents/{document_id}/…`.
        tag: What they are about, one word.
    """

    def __init__(self, model: type[SharedObject], tag: str) -> None:
        self.router = Router(tags=[tag])
        self._model = model
        self._tag = tag

    def add(self, method: str, path: str, view: Operation, **options: Any) -> None:
        """Add an operation at a path under the object's address; options as of Ninja's routers."""
        model = self._model
        self.router.add_api_operation(
            f"/{model.PAGES}/{{uuid:{_parameter(model)}}}{path}",
            [method],
            _with_object(model, view),
            operation_id=f"{model.PAGES}_{self._tag}_{view.__name__}",
            **options,
        )


def _parameter(model: type[SharedObject]) -> str:
    return f"{model.KIND}_id"


def _with_object(model: type[SharedObject], view: Operation) -> Operation:
    """Find the object of the address for a view, for which Ninja then reads the rest."""

    @wraps(view)
    async def wrapped(request: HttpRequest, **values: Any) -> Any:
        shared, can = await find(request, model, values.pop(_parameter(model)))
        return await view(request, shared, can, **values)

    asked, _, _, *others = inspect.signature(view, eval_str=True).parameters.values()
    pk = inspect.Parameter(_parameter(model), inspect.Parameter.KEYWORD_ONLY, annotation=UUID)
    rest = [other.replace(kind=inspect.Parameter.KEYWORD_ONLY) for other in others]
    wrapped.__signature__ = inspect.Signature([asked, pk, *rest])  # type: ignore[attr-defined]
    return wrapped


def in_thread(work: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """Have what takes seconds for a long document wait for nothing, and nothing for it."""
    in_own: Callable[..., Awaitable[Any]] = database_sync_to_async(work, thread_sensitive=False)
    return in_own
