"""A tree as plain text: a line per block and per table row, a tab between cells."""

from __future__ import annotations

from documents.content.tree import Tree, walk

_LINES = {"paragraph", "heading", "codeBlock"}
_CELLS = {"tableCell", "tableHeader"}


def render(tree: Tree) -> str:
    lines = _Lines()
    for event, node in walk(tree):
        kind = node["type"]
        if event == "text":
            lines.add(node["text"])
        elif kind in _CELLS:
            lines.enter_cell() if event == "open" else lines.leave_cell()
        elif kind == "hardBreak" and event == "open":
            lines.end()
        elif kind == "tableRow" and event == "close":
            lines.end_row()
        elif kind in _LINES and event == "close":
            lines.end()
    return lines.text()


class _Lines:
    """Text in lines. In a table's cell, which must stay in its row, a line ends with a space."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._line: list[str] = []
        self._cells: list[list[str]] = []

    def add(self, text: str) -> None:
        if self._cells:
            self._cells[-1].append(text)
        else:
            self._line.append(text)

    def end(self) -> None:
        if self._cells:
            self._cells[-1].append(" ")
        else:
            self._done.append("".join(self._line))
            self._line = []

    def enter_cell(self) -> None:
        self._cells.append([])

    def leave_cell(self) -> None:
        text = " ".join("".join(self._cells.pop()).split())
        if self._cells:  # A table in a cell of another.
            self._cells[-1] += (text, " ")
        else:
            self._line.append(f"{text}\t")

    def end_row(self) -> None:
        if self._line and not self._cells:
            self._line[-1] = self._line[-1].removesuffix("\t")
        self.end()

    def text(self) -> str:
        return "\n".join([*self._done, "".join(self._line)]).strip("\n")
