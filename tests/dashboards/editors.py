"""Scripted people who edit one layout at once, and what of theirs must be there in the end."""

from __future__ import annotations

import random
from typing import Any

import pycrdt

from collab.engine.firewall import Limits, check_state_vector
from collab.testing.peer import Peer
from dashboards.layout.exchange import new_id
from dashboards.layout.read import layout_of

# What a panel has, as the page writes it; `{}` stands for the key of a query.
_FIELDS = ("title", "unit", "min", "max", "limit", "legend", "nulls", "style", "thresholds", "x",
           "w", "h", "decimals", "stacked", "formula")  # fmt: skip
_ASKED = ("metric", "matchers", "by", "function", "across", "window", "legend", "hidden")
Place = tuple[str, ...]
"""Where a value is: a panel, and its key; or a panel, a query and its key."""


def places(panels: list[str]) -> list[Place]:
    """Return every place of a value in panels."""
    found: list[Place] = [(panel, key) for panel in panels for key in _FIELDS]
    return found + [(panel, query, key) for panel in panels for query in "abc" for key in _ASKED]


def seed(panels: list[str]) -> bytes:
    """Make a layout with these panels as an update: each has three queries and a text."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc["title"] = pycrdt.Text("")
    doc["panels"] = pycrdt.Map({panel: new_panel("timeseries") for panel in panels})
    return doc.get_update()


def new_panel(kind: str) -> Any:
    queries = {key: pycrdt.Map({"metric": "cpu"}) for key in "abc"}
    return pycrdt.Map({"kind": kind, "queries": pycrdt.Map(queries), "text": pycrdt.Text()})


class Editor(Peer):
    """One person at the grid: what they do next is chance.

    Args:
        url: The layout's socket.
        key: An API key.
        number: Which of them it is; their values begin with it.
        shared: The panels that everybody edits.
        own: Places that nobody else writes to.
        contested: Places that everybody writes to.
    """

    def __init__(
        self,
        url: str,
        key: str,
        number: int,
        shared: list[str],
        own: list[Place],
        contested: list[Place],
    ) -> None:
        super().__init__(url, key)
        self.number = number
        self.panels: Any = self.doc.get("panels", type=pycrdt.Map)
        self.variables: Any = self.doc.get("variables", type=pycrdt.Map)
        self.title: Any = self.doc.get("title", type=pycrdt.Text)
        self.kept: dict[Place, str] = {}
        self.said: list[tuple[str, str]] = []
        self.mine: list[str] = []
        self.gone: list[str] = []
        self.edits = 0
        self.reconnects = 0
        self._chance = random.Random(number)
        self._shared = shared
        self._own = own
        self._contested = contested

    def value(self) -> str:
        """Make a value that nobody else writes, and that is written once."""
        self.edits += 1
        return f"{self.number}.{self.edits}"

    async def edit(self, count: int) -> None:
        """Make edits; now and then lose the connection, and go on without one for a while."""
        while self.edits < count:
            fate = self._chance.random()
            if fate < 0.01 and self.connected:
                await self.close()
                self.close_code = 1006
            elif fate < 0.05 and not self.connected:
                self.reconnects += 1
                await self.connect(sync=self._chance.random() < 0.5)
            with self.doc.transaction():
                self._act()
            await self.flush()

    def _act(self) -> None:
        chance = self._chance.random()
        if chance < 0.45:
            place, value = self._chance.choice(self._own), self.value()
            self._put(place, value)
            self.kept[place] = value
        elif chance < 0.75:
            # Where others are, too: somebody's value ends up there.
            self._put(self._chance.choice(self._contested), self.value())
        elif chance < 0.85:
            panel = self._chance.choice(self._shared)
            self._say(panel, self.panels[panel]["text"] if panel in self.panels else None)
        elif chance < 0.88:
            self._say("", self.title)
        elif chance < 0.92 and len(self.mine) < 8:
            panel = new_id()
            self.panels[panel] = new_panel("stat")
            self._keep(panel)
            self.mine.append(panel)
        elif chance < 0.94 and self.mine:
            self._remove(self.mine.pop(self._chance.randrange(len(self.mine))))
        elif chance < 0.97 and self.mine:
            self._keep(self._chance.choice(self.mine))
        else:
            name, value = f"v{self.number}", self.value()
            if name not in self.variables:
                self.variables[name] = pycrdt.Map({"kind": "label"})
            self.variables[name]["metric"] = value
            self.kept["", name] = value

    def _put(self, place: Place, value: str) -> None:
        found = self.panels
        for part in place[:-1]:
            if part == place[0]:
                if part not in found:
                    return  # It has not come here yet.
                found = found[part]
            else:
                found = found["queries"][part]
        found[place[-1]] = value

    def _say(self, panel: str, text: Any) -> None:
        if text is not None:
            self.edits += 1
            # One character, that nobody can write into: each of them is three bytes long.
            letter = chr(0x4E00 + 1000 * self.number + self.edits)
            text.insert(3 * self._chance.randint(0, len(str(text))), letter)
            self.said.append((panel, letter))

    def _keep(self, panel: str) -> None:
        place, value = (panel, self._chance.choice(_FIELDS)), self.value()
        self._put(place, value)
        self.kept[place] = value

    def _remove(self, panel: str) -> None:
        self.edits += 1
        del self.panels[panel]
        self.gone.append(panel)
        self.kept = {place: value for place, value in self.kept.items() if place[0] != panel}


def content_of(doc: pycrdt.Doc[Any]) -> dict[str, Any]:
    """Return all that a copy holds, as plain values."""
    roots = {name: doc.get(name, type=pycrdt.Map).to_py() for name in ("panels", "variables")}
    return roots | {"title": str(doc.get("title", type=pycrdt.Text)), "layout": layout_of(doc)}


def clocks_of(doc: pycrdt.Doc[Any]) -> dict[int, int]:
    """Return how much of each author's edits a copy has."""
    return check_state_vector(doc.get_state(), Limits())


def check(editor: Editor, content: dict[str, Any]) -> None:
    """See that all is there that one person wrote, and nothing that they removed."""
    panels = content["panels"]
    for place, value in editor.kept.items():
        found = content["variables"] if place[0] == "" else panels[place[0]]
        if place[0] == "":
            assert found[place[1]]["metric"] == value, place
        elif len(place) == 2:
            assert found[place[1]] == value, place
        else:
            assert found["queries"][place[1]][place[2]] == value, place
    for panel, letter in editor.said:
        text = panels[panel]["text"] if panel else content["title"]
        assert text.count(letter) == 1, (letter, panel, text.count(letter), text)
    assert set(editor.mine) <= panels.keys()
    assert not set(editor.gone) & panels.keys()
