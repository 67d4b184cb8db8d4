"""The history of a room: who wrote when, what it was like then, and states that have a name.

A version is one author's stretch of edits without a long rest. Its seq is that of its last row, its
state that of all rows up to there. Where somebody named the state, a version ends, too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from collab import conf, log
from collab.engine.errors import CollabError, NoSuchRoom
from collab.engine.replica import Replica, replay
from collab.models import Room, Version

PAGE = 30
NAMED_AT_MOST = 1000
"""Names in one room. Each keeps a whole state, for ever: 1000 of 1 MB are 1 GB already."""
# Rows that one page reads at most, so that a longer history costs no more. Only a version of more
# rows than this is counted short.
_ROWS = 50_000
# Rows above a page in which authors' stretches are looked for that go on below.
_OVERLAP = 10_000
_ABOVE_ALL = 2**62


class NoSuchVersion(CollabError):
    """No row of that seq is there: not written yet, or folded with others."""


class BadName(CollabError):
    """A version cannot have this name; the text says why, for a person."""


class TooManyNames(CollabError):
    """The room has as many named versions as it can hold; the text says so, for a person."""


class NotYourName(CollabError):
    """Somebody else gave this name; the text says who may change it, for a person."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a timeline.

    `edits` is its number of rows, `named_by_id` whoever gave it its name. `folded` is the oldest
    state that retention left; what was named before that has no rows any more, and `edits` is 0.
    """

    seq: int
    from_seq: int
    author_id: Any
    started_at: datetime
    ended_at: datetime
    edits: int
    name: str | None
    named_by_id: Any
    folded: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """A page of versions, newest first. `before` is where the next page begins; None: no more."""

    entries: list[Entry]
    before: int | None


def timeline(room: Room, *, before: int | None = None, limit: int = PAGE) -> Timeline:
    """List versions of a room: two queries for the first page, three for the others.

    Rows are read newest first, and no further than the page needs.

    Args:
        room: The room.
        before: Only versions with a lower seq.
        limit: How many versions; at least 1.
    """
    ceiling = _ABOVE_ALL if before is None else before
    floor = room.floor if room.floor > 1 else 0
    named = Version.objects.filter(room_id=room.pk, seq__lt=ceiling).order_by("-seq")
    names = list(named.defer("state")[: limit + 1])
    stretches = _Stretches(limit, {version.seq for version in names} | {floor})
    if before is not None:
        stretches.begun = log.first_written(room.pk, first=before, limit=_OVERLAP)
    read, lowest = 0, ceiling
    for row in log.written(room.pk, after=max(floor - 1, 0), before=ceiling, limit=_ROWS):
        read, lowest = read + 1, row[0]
        if not stretches.take(*row):
            break
    version_at = {version.seq: version for version in names}
    entries = [each.entry(version_at.get(each.seq), each.seq == floor) for each in stretches.found]
    if stretches.more:
        return Timeline(entries, entries[-1].seq)
    if read == _ROWS and lowest > max(floor, 1):
        return Timeline(entries, lowest)
    kept = [_only_named(version) for version in names if version.seq < floor]
    room_for = limit - len(entries)
    entries += kept[:room_for]
    return Timeline(entries, entries[-1].seq if len(kept) > room_for else None)


def _only_named(version: Version) -> Entry:
    """Make the entry of a version whose rows were folded."""
    at = version.created_at
    return Entry(
        version.seq, version.seq, None, at, at, 0, version.name, version.named_by_id, folded=False
    )


def entry_at(room: Room, seq: int) -> Entry | None:
    """Return the version that ends with a row, or None: a later row belongs to the same one."""
    entries = timeline(room, before=seq + 1, limit=1).entries
    return entries[0] if entries and entries[0].seq == seq else None


@dataclass(slots=True)
class _Stretch:
    seq: int
    from_seq: int
    author_id: Any
    started_at: float
    ended_at: float
    edits: int

    def entry(self, version: Version | None, folded: bool) -> Entry:
        return Entry(
            seq=self.seq,
            from_seq=self.from_seq,
            author_id=self.author_id,
            started_at=log.moment(self.started_at),
            ended_at=log.moment(self.ended_at),
            edits=self.edits,
            name=None if version is None else version.name,
            named_by_id=None if version is None else version.named_by_id,
            folded=folded,
        )


class _Stretches:
    """Rows, newest first, put together to stretches of one author each.

    Args:
        limit: How many to find.
        ends: Rows that end a stretch whatever follows.
    """

    def __init__(self, limit: int, ends: set[int]) -> None:
        self.found: list[_Stretch] = []
        self.more = False
        # Authors whose stretch is on the page before this one, and since when.
        self.begun: dict[Any, float] = {}
        self._limit = limit
        self._ends = ends
        self._gap_s: int = conf.get("SESSION_GAP_S")
        self._open: dict[Any, _Stretch] = {}
        self._reached = 0.0

    def take(self, seq: int, author_id: Any, at: float) -> bool:
        """Add a row. Returns whether one after it may still belong to what is found."""
        if seq not in self._ends:
            stretch = self._open.get(author_id)
            if stretch is not None and stretch.started_at - at <= self._gap_s:
                stretch.from_seq, stretch.started_at = seq, at
                stretch.edits += 1
                self._reached = at
                return True
            begun = self.begun.get(author_id)
            if begun is not None and begun - at <= self._gap_s:
                self.begun[author_id] = at
                return True
        self.begun.pop(author_id, None)
        if len(self.found) < self._limit:
            stretch = _Stretch(seq, seq, author_id, at, at, 1)
            self.found.append(stretch)
            self._open[author_id] = stretch
            self._reached = at
            return True
        self.more = True
        self._open.pop(author_id, None)
        return self._reached - at <= self._gap_s


def state_at(room_id: int, seq: int) -> bytes:
    """Return a room's state after a row, as one Yjs V1 update.

    Raises:
        NoSuchVersion: there is no such row any more, or yet, and no name kept its state.
        NoSuchRoom: there is no such room.
        UpdateRejected: the rows cannot be read.
    """
    return _replica_at(room_id, seq).encode()


def _replica_at(room_id: int, seq: int) -> Replica:
    """Replay the rows up to a seq, from the nearest state before it."""
    named = Version.objects.filter(Q(whole=True) | Q(seq=seq), room_id=room_id, seq__lte=seq)
    base = named.order_by("-seq").first()
    loaded = log.load_until(room_id, seq, after=0 if base is None else base.seq)
    if base is not None and loaded.snapshot is None:
        loaded = replace(loaded, snapshot=bytes(base.state), seq=base.seq)
    # The rows were read by one query. If the last is there, none between is missing.
    if seq != (loaded.rows[-1].seq if loaded.rows else loaded.seq) or seq < 1:
        raise NoSuchVersion(_("There is no such version, or it is no longer kept."))
    return replay(loaded, conf.room_limits().update)


def name_version(
    *,
    actor: AbstractBaseUser | None,
    room: Room,
    name: str,
    seq: int | None = None,
    as_owner: bool = False,
) -> Version:
    """Give the state after a row a name, or another name; None: the state as it is now.

    Args:
        actor: Who does; None for somebody without an account.
        room: The room.
        name: The name.
        seq: The row.
        as_owner: The actor may change names that others gave.

    Raises:
        BadName: the name is empty, or too long.
        NotYourName: it has a name of somebody else's.
        TooManyNames: there are `NAMED_AT_MOST`.
        NoSuchVersion, NoSuchRoom, UpdateRejected: as `state_at`.
    """
    name = _clean_name(name)
    if seq is None:
        seq = _head(room)
    with transaction.atomic():
        known = _named(actor, room, seq, as_owner)
        if known is not None:
            return _renamed(known, name)
    # Reading a long history takes seconds, in which the room must not be locked.
    replica = _replica_at(room.pk, seq)
    with transaction.atomic():
        known = _named(actor, room, seq, as_owner)
        if known is not None:
            return _renamed(known, name)
        if Version.objects.filter(room_id=room.pk).count() >= NAMED_AT_MOST:
            raise TooManyNames(
                _("There are %d named versions, and there cannot be more. Remove a name first.")
                % NAMED_AT_MOST
            )
        return Version.objects.create(
            room_id=room.pk,
            seq=seq,
            name=name,
            state=replica.encode(),
            whole=not replica.pending,
            named_by_id=None if actor is None else actor.pk,
            created_at=log.written_at(room.pk, seq),
        )


def unname_version(
    *, actor: AbstractBaseUser | None, room: Room, seq: int, as_owner: bool = False
) -> None:
    """Take a version's name away; its rows stay, its state goes if they were folded.

    Args:
        actor: Who does; None for somebody without an account.
        room: The room.
        seq: The version.
        as_owner: The actor may take names away that others gave.

    Raises:
        NoSuchVersion: it has none.
        NotYourName: somebody else gave it.
        NoSuchRoom: the room is gone.
    """
    with transaction.atomic():
        known = _named(actor, room, seq, as_owner)
        if known is None:
            raise NoSuchVersion(_("This version has no name."))
        known.delete()


def may_rename(actor_id: Any, named_by_id: Any) -> bool:
    """Tell whether somebody gave a name themselves, and so may change it. None is nobody."""
    return actor_id is not None and actor_id == named_by_id


def _named(actor: AbstractBaseUser | None, room: Room, seq: int, as_owner: bool) -> Version | None:
    """Lock a room, and find the version there that the actor is to change. Raises as those."""
    if Room.objects.select_for_update(no_key=True).filter(pk=room.pk).first() is None:
        raise NoSuchRoom(_("It was deleted meanwhile."))
    known = Version.objects.filter(room_id=room.pk, seq=seq).defer("state").first()
    actor_id = None if actor is None else actor.pk
    if known is not None and not as_owner and not may_rename(actor_id, known.named_by_id):
        raise NotYourName(_("Only owners, and whoever gave this version its name, may change it."))
    return known


def _renamed(known: Version, name: str) -> Version:
    known.name = name
    known.save(update_fields=["name"])
    return known


def _head(room: Room) -> int:
    found = log.heads([room.pk]).get(room.pk)
    if found is None:
        raise NoSuchRoom(_("It was deleted meanwhile."))
    return found.seq


def _clean_name(name: str) -> str:
    """Make a name one line, without NUL, which PostgreSQL refuses."""
    name = " ".join(name.replace("\0", "").split())
    if not name:
        raise BadName(_("Give it a name."))
    if len(name) > Version.NAME_LENGTH:
        raise BadName(_("A name may have %d characters at most.") % Version.NAME_LENGTH)
    return name
