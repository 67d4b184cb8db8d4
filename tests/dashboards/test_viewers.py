"""Sockets of who looks at a dashboard: the same bytes for all, nothing twice, nothing missed."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User

from collab import sharing
from collab.models import ApiKey, Role
from collab.process import Process
from dashboards import actions, groups, hub, questions, store, ticks, values
from dashboards.hub import Hub
from dashboards.ingest.readings import Reading
from dashboards.layout.model import Layout, Panel, PanelKind, Place, QuerySpec
from dashboards.models import Dashboard
from dashboards.news import News
from dashboards.recording import Recorder
from dashboards.selection import Selection
from dashboards.series.ports import StoreAway
from tests.dashboards.lookers import Seat, show

pytestmark = pytest.mark.django_db(transaction=True)

CPU, LOAD, NOTE = "cpu0000000", "load000000", "note000000"


def layout(**titles: str) -> Layout:
    """A chart, a stat and a text."""
    panels = [
        Panel(CPU, PanelKind.TIMESERIES, titles.get("cpu", "CPU"), Place(0, 0, 6, 4),
              {"a": QuerySpec("cpu", function="last")}),
        Panel(LOAD, PanelKind.STAT, "Load", Place(6, 0, 3, 2),
              {"a": QuerySpec("load", function="last")}),
        Panel(NOTE, PanelKind.TEXT, "Note", Place(9, 0, 3, 2), text=titles.get("note", "*Hi*")),
    ]  # fmt: skip
    return Layout("Machines", {panel.id: panel for panel in panels})


class Stage:
    """A dashboard of Ann's, and the sockets that look at it."""

    def __init__(self, ann: User, dashboard: Dashboard, key: str) -> None:
        self.ann = ann
        self.dashboard = dashboard
        self.key = key
        self.seats: list[Seat] = []
        self.now_ms = ticks.now_ms() - 14_000

    async def seat(self, first: str | None = None) -> Seat:
        seat = Seat(self.dashboard, self.key)
        self.seats.append(seat)
        return await seat.open(first)

    async def record(self, value: float, *, name: str = "cpu", at_ms: int | None = None) -> None:
        """Record a number, a second after the last one, and wait for its commit."""
        if at_ms is None:
            self.now_ms += 1000
            at_ms = self.now_ms
        reading = Reading(name, (("host", "a"),), value, at_ms)
        await asyncio.wrap_future(Recorder.current().submit([reading]))

    async def edit(self, **titles: str) -> None:
        wanted = layout(**titles)
        await sync_to_async(actions.set_layout)(
            actor=self.ann, dashboard=self.dashboard, layout=wanted
        )


@pytest.fixture(autouse=True)
def fast(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tick as often as numbers come; only the ratio of costs needs the real period."""
    monkeypatch.setattr("dashboards.hub._FASTEST_S", 0.02)
    settings.COLLAB_HEADS_EVERY_S = 0.2


@pytest.fixture(autouse=True)
def recorder(transactional_db: None) -> Iterator[None]:
    """A recorder of the test's own, on its database."""
    yield
    current = Recorder.running()
    if current is not None:
        current.stop(5)
        Recorder._current = None


@sync_to_async
def make_stage() -> Stage:
    ann = User.objects.create_user("ann")
    dashboard = actions.create_dashboard(actor=ann, layout=layout())
    return Stage(ann, dashboard, ApiKey.issue(ann, "tests")[1])


@pytest_asyncio.fixture
async def stage(process: Process) -> AsyncIterator[Stage]:
    made = await make_stage()
    yield made
    for seat in made.seats:
        await seat.close()


async def test_a_recorded_number_reaches_who_looks(stage: Stage) -> None:
    """Its value as a fragment, its point in the chart."""
    await stage.record(41)
    seat = await stage.seat()
    await seat.until(lambda: seat.shows(CPU, "41") and CPU in seat.charts)
    await stage.record(42)
    await seat.until(lambda: seat.shows(CPU, "42") and 42 in seat.charts[CPU].values())
    assert "<em>Hi</em>" in seat.fragments[f"values-{NOTE}"]


async def test_nothing_is_sent_before_a_show(stage: Stage) -> None:
    """Nor while the page pauses; it is what it missed that a later show brings."""
    await stage.record(1)
    seat = await stage.seat(json.dumps({"type": "pause"}))
    first = await stage.seat()
    await first.until(lambda: CPU in first.charts)
    await stage.record(2)
    await first.until(lambda: first.charts[CPU].values() == [1, 2])
    assert seat.sent == []
    await seat.say(show())
    await seat.until(lambda: seat.charts.get(CPU) and seat.charts[CPU].values() == [1, 2])
    await seat.say(json.dumps({"type": "pause"}))
    other = await stage.seat()
    await stage.record(3)
    await other.until(lambda: other.shows(CPU, "3"))
    assert seat.charts[CPU].values() == [1, 2]
    before = len(seat.sent)
    await seat.say(show(seat))
    await seat.until(lambda: seat.charts[CPU].values() == [1, 2, 3])
    frames = [frame for frame in seat.sent[before:] if isinstance(frame, bytes)]
    assert max(map(len, frames)) < 5000, "a page that comes back is sent no more than it lacks"


async def test_everybody_is_sent_the_same_objects(stage: Stage) -> None:
    """One text frame and one binary frame per tick for the whole dashboard."""
    await stage.record(1)
    seats = [await stage.seat() for _ in range(20)]
    for seat in seats:
        await seat.until(lambda seat=seat: CPU in seat.charts and LOAD in seat.charts)
    counts = [len(seat.sent) for seat in seats]
    await stage.record(2)
    for seat in seats:
        await seat.until(lambda seat=seat: seat.charts[CPU].values() == [1, 2])
    sent = [seat.sent[count:] for seat, count in zip(seats, counts, strict=True)]
    assert [[type(frame) for frame in each] for each in sent] == [[str, bytes]] * 20
    assert len({id(each[0]) for each in sent}) == len({id(each[1]) for each in sent}) == 1


@pytest.mark.parametrize("viewers", [1, 200])
async def test_questions_and_renderings_do_not_grow_with_viewers(
    stage: Stage, viewers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three ticks cost the same for one as for two hundred: a question and a rendering each."""
    asked: list[str] = []
    rendered: list[str] = []
    answer, render = questions.answer, values.render

    def counted(panel: Panel, *args: Any, **kwargs: Any) -> Any:
        asked.append(panel.id)
        return answer(panel, *args, **kwargs)

    def counted_render(panel: Panel, *args: Any) -> Any:
        rendered.append(panel.id)
        return render(panel, *args)

    # Looks at everything come by the clock, not by viewers.
    monkeypatch.setattr(Hub.current(), "_every_s", 600)
    await stage.record(0)
    seats = [await stage.seat() for _ in range(viewers)]
    for seat in seats:
        await seat.until(lambda seat=seat: CPU in seat.charts)
    fill, filled = values.Skeleton.filled, 0

    def counted_fill(*args: Any) -> Any:
        nonlocal filled
        filled += 1
        return fill(*args)

    monkeypatch.setattr(questions, "answer", counted)
    monkeypatch.setattr(values, "render", counted_render)
    monkeypatch.setattr(values.Skeleton, "filled", counted_fill)
    for number in (1, 2, 3):
        await stage.record(number)
        for seat in seats:
            await seat.until(lambda seat=seat: seat.charts[CPU].values()[-1] == number)  # noqa: B023
    assert asked == [CPU] * 3
    # Its fragment is as it was but for the numbers in it.
    assert rendered == []
    assert filled == 3


async def test_pages_that_are_loaded_at_once_ask_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred loads cost the questions of one; while somebody looks they cost none."""
    asked: list[str] = []
    answer = questions.answer

    def counted(panel: Panel, *args: Any, **kwargs: Any) -> Any:
        asked.append(panel.id)
        return answer(panel, *args, **kwargs)

    async def load() -> ticks.Tick:
        key, dashboard = stage.dashboard.room_id, str(stage.dashboard.pk)
        return await hub.shown(dashboard, key, lambda found: Selection(start="now-5m"))

    await stage.record(5)
    monkeypatch.setattr(questions, "answer", counted)
    pages = await asyncio.gather(*(load() for _ in range(100)))
    assert sorted(asked) == [CPU, LOAD]
    assert {id(page) for page in pages} == {id(pages[0])}
    assert "5" in pages[0].values_of(CPU)
    seat = await stage.seat()
    await seat.until(lambda: CPU in seat.charts)
    asked.clear()
    await asyncio.gather(*(load() for _ in range(100)))
    assert asked == []


@pytest.mark.usefixtures("transactional_db")
def test_a_look_at_everything_leaves_out_what_was_just_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between two numbers of a second there is nothing to find; a second later there may be."""
    asked: list[str] = []
    answer = questions.answer

    here = threading.get_ident()

    def counted(panel: Panel, *args: Any, **kwargs: Any) -> Any:
        # A hub that another test left may ask, too, on threads of its own.
        if threading.get_ident() == here:
            asked.append(panel.id)
        return answer(panel, *args, **kwargs)

    monkeypatch.setattr(questions, "answer", counted)
    now_ms = ticks.now_ms()
    tick = None
    for later_ms, read in ((0, [CPU, LOAD]), (999, []), (1000, [CPU, LOAD])):
        asked.clear()
        tick = ticks.advance(
            tick, "any", layout(), Selection(), store.current(),
            now_ms=now_ms + later_ms, every=True,
        )  # fmt: skip
        assert asked == read


async def test_a_page_that_comes_back_has_no_gap_and_no_repeat(stage: Stage) -> None:
    """Whatever it had when it went, it ends with the points that a page has which stayed."""
    await stage.record(0)
    stays, leaves = await stage.seat(), await stage.seat()
    for seat in (stays, leaves):
        await seat.until(lambda seat=seat: CPU in seat.charts)
    for number in range(1, 8):
        away = number % 3 == 0
        if away:
            await leaves.close()
        await stage.record(number)
        await stays.until(lambda: stays.charts[CPU].values()[-1] == number)  # noqa: B023
        if away:
            back = Seat(stage.dashboard, stage.key)
            back.charts = leaves.charts
            base = back.charts[CPU].base
            stage.seats.append(back)
            leaves = await back.open(show(back))
            # At once, not with the next look at everything.
            await back.until(lambda: back.charts[CPU].values()[-1] == number, 2)  # noqa: B023
            assert back.charts[CPU].base == base, "it was sent the whole chart"
    await leaves.until(lambda: leaves.charts[CPU].values()[-1] == 7)
    assert leaves.charts[CPU].known() == stays.charts[CPU].known()
    assert stays.charts[CPU].values() == [0, 1, 2, 3, 4, 5, 6, 7]


async def test_a_stalled_page_is_owed_what_is_latest(stage: Stage) -> None:
    """It waits for nothing but its socket, and is then sent one fragment and one delta."""
    await stage.record(0)
    stalled, other = await stage.seat(), await stage.seat()
    for seat in (stalled, other):
        await seat.until(lambda seat=seat: CPU in seat.charts)
    stalled.stall()
    for number in range(1, 12):
        await stage.record(number)
        await other.until(lambda: other.charts[CPU].values()[-1] == number)  # noqa: B023
    before = len(stalled.sent)
    stalled.stall(on=False)
    # At once, not with the next look at everything.
    await stalled.until(lambda: stalled.charts[CPU].values()[-1] == 11, 2)
    await stalled.until(lambda: stalled.shows(CPU, "11"), 1)
    # The text that it stalled on, and then one text and one frame for all it missed.
    assert len(stalled.sent) - before <= 4
    assert stalled.charts[CPU].known() == other.charts[CPU].known()


async def test_late_numbers_start_the_chart_anew(stage: Stage) -> None:
    """A number far behind the newest is in it, also for who comes back with the old points."""
    await stage.record(1)
    await stage.record(2)
    seat = await stage.seat()
    await seat.until(lambda: CPU in seat.charts)
    base = seat.charts[CPU].base
    await stage.record(9, at_ms=stage.now_ms - 100_000)
    await seat.until(lambda: seat.charts[CPU].values() == [9, 1, 2])
    assert seat.charts[CPU].base != base


async def test_a_late_number_is_in_a_time_that_ended_though_everything_is_looked_at(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both come to one tick, and the look alone would not read so far back."""
    hear = groups.Group.hear

    def hear_while_it_looks(group: groups.Group, news: News) -> None:
        group.look()
        hear(group, news)

    for number in range(1, 9):
        await stage.record(number)
    ended = {"from": str(stage.now_ms - 120_000), "to": str(stage.now_ms + 1)}
    seat = await stage.seat(show(**ended))
    await seat.until(lambda: CPU in seat.charts)
    monkeypatch.setattr(groups.Group, "hear", hear_while_it_looks)
    await stage.record(9, at_ms=stage.now_ms - 100_000)
    await seat.until(lambda: 9 in seat.charts[CPU].values())


@pytest.mark.parametrize("is_over", [False, True])
async def test_a_late_number_that_nobody_told_of_is_found(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, *, is_over: bool
) -> None:
    """What is told of the store is a hint; all points are read again now and then."""
    monkeypatch.setattr("dashboards.streams._WHOLE_EVERY_MS", 500)
    for number in range(1, 9):
        await stage.record(number)
    ended = {"from": str(stage.now_ms - 120_000), "to": str(stage.now_ms + 1)}
    seat = await stage.seat(show(**(ended if is_over else {})))
    await seat.until(lambda: CPU in seat.charts)
    monkeypatch.setattr(groups.Group, "hear", lambda group, news: None)
    await stage.record(9, at_ms=stage.now_ms - 100_000)
    await seat.until(lambda: 9 in seat.charts[CPU].values())


async def test_a_changed_layout_reaches_who_looks(stage: Stage) -> None:
    """The grid as a whole; a text alone as its values; neither touches a chart's base."""
    await stage.record(1)
    seat, editing = await stage.seat(), await stage.seat(show(layout=False))
    for each in (seat, editing):
        await each.until(lambda each=each: CPU in each.charts)
    base = seat.charts[CPU].base
    await stage.edit(cpu="All processors")
    await seat.until(lambda: "All processors" in seat.fragments["grid"])
    await stage.edit(cpu="All processors", note="**New**")
    for each in (seat, editing):
        await each.until(lambda each=each: each.shows(NOTE, "<strong>New</strong>"))
    assert "grid" not in editing.fragments
    assert seat.charts[CPU].base == base


async def test_a_store_that_is_away_leaves_the_numbers(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page keeps them, who comes is told in words, and all is well when it is back."""
    await stage.record(1)
    seat = await stage.seat()
    await seat.until(lambda: seat.shows(CPU, "1"))
    answer = questions.answer

    def away(*args: Any, **kwargs: Any) -> Any:
        raise StoreAway("gone")

    monkeypatch.setattr(questions, "answer", away)
    await stage.record(2)
    late = await stage.seat(show(**{"from": "now-15m"}))
    await late.until(lambda: late.shows(CPU, "cannot be read"))
    assert seat.shows(CPU, "1")
    monkeypatch.setattr(questions, "answer", answer)
    for group in Hub.current().groups:
        group.look()
    for each in (seat, late):
        await each.until(lambda each=each: each.shows(CPU, "2") and CPU in each.charts)


async def test_one_dashboard_leaves_room_for_others(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages choose what is shown: of each dashboard only so many ways are computed at once."""
    monkeypatch.setattr("dashboards.hub._GROUPS_OF_ONE_AT_MOST", 2)
    first, second = [await stage.seat(show(**{"from": f"now-{n}m"})) for n in (1, 2)]
    for seat in (first, second):
        await seat.until(lambda seat=seat: seat.sent)
    third = await stage.seat(show(**{"from": "now-3m"}))
    await third.until(lambda: third.code is not None)
    assert third.code == 1013
    await first.close()
    fourth = await stage.seat(show(**{"from": "now-4m"}))
    await fourth.until(lambda: fourth.sent)
    assert fourth.code is None


async def test_a_full_process_says_so_in_the_panels(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What all dashboards hold together is bounded, too."""
    monkeypatch.setattr("dashboards.hub._FULL_AT_MOST", 0)
    await stage.record(1)
    seat = await stage.seat()
    await seat.until(lambda: seat.shows(CPU, "together"))


@pytest.mark.parametrize(
    "words",
    [
        "no JSON",
        "[]",
        '{"type": "dance"}',
        show(**{"from": "yesterday-ish"}),
        show(tz="Mars/Olympus"),
        show(variables=["a"]),
        show(variables={"a": "b"}),
        show(held={CPU: [1]}),
        show(held={CPU: [float("1e300"), 1]}),
        show(variables={"a": ["half a character: \ud800"]}),
        show(**{"from": "\ud800"}),
        "[" * 16_000,
        json.dumps({"type": "show", "from": "x" * 17_000}),
    ],
)
async def test_what_cannot_be_understood_closes_the_socket(stage: Stage, words: str) -> None:
    """With 4422, which pages take as final."""
    seat = await stage.seat(words)
    await seat.until(lambda: seat.code is not None)
    assert seat.code == 4422


async def test_a_socket_that_shows_nothing_is_closed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within ten seconds, here fewer."""
    monkeypatch.setattr("dashboards.viewers._FIRST_SHOW_S", 0.05)
    seat = Seat(stage.dashboard, stage.key)
    stage.seats.append(seat)
    await seat._incoming.put({"type": "websocket.connect"})
    seat._task = asyncio.create_task(seat.consumer(seat._scope, seat._incoming.get, seat._send))
    await seat.until(lambda: seat.code is not None)
    assert seat.code == 4422


@pytest.mark.parametrize("kind", ["show", "pause"])
async def test_a_socket_that_asks_too_much_is_closed(stage: Stage, kind: str) -> None:
    """Each show may be a question that nobody asked yet, and each frame is read."""
    seat = await stage.seat()
    for minutes in range(1, 42):
        await seat.say(show(**{"type": kind, "from": f"now-{minutes}m"}))
    await seat.until(lambda: seat.code is not None)
    assert seat.code == 4429


async def test_a_lost_right_closes_the_socket(stage: Stage) -> None:
    """Who may look no more looks no more; and a deleted dashboard is gone for everybody."""
    ben = await sync_to_async(User.objects.create_user)("ben")
    await sync_to_async(sharing.grant)(stage.dashboard.room, ben, Role.READER)
    _key, secret = await sync_to_async(ApiKey.issue)(ben, "tests")
    seat = Seat(stage.dashboard, secret)
    stage.seats.append(seat)
    await seat.open()
    await seat.until(lambda: seat.sent)
    await sync_to_async(sharing.revoke)(stage.dashboard.room, ben)
    await seat.until(lambda: seat.code is not None, 1)
    assert seat.code == 4403
    owner = await stage.seat()
    await owner.until(lambda: owner.sent)
    await sync_to_async(stage.dashboard.delete)()
    await owner.until(lambda: owner.code is not None, 2)
    assert owner.code in (1012, 4404)


async def test_a_reader_is_told_who_else_looks_and_what_they_may(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their page has one socket; of very many who look, the first are told to everybody."""
    monkeypatch.setattr("dashboards.viewers._NAMED_AT_MOST", 2)

    def says(seat: Seat, name: str) -> bool:
        return f'data-name="{name}"' in seat.fragments.get("people", "")

    owner = await stage.seat()
    await owner.until(lambda: owner.sent)
    seats = []
    for name in ("ben", "cleo"):
        reader = await sync_to_async(User.objects.create_user)(name)
        await sync_to_async(sharing.grant)(stage.dashboard.room, reader, Role.READER)
        seat = Seat(stage.dashboard, (await sync_to_async(ApiKey.issue)(reader, "tests"))[1])
        seats.append(await seat.open())
        stage.seats.append(seat)
        await seat.until(lambda seat=seat: says(seat, "ann") and says(seat, "ben"))
    assert not says(seats[1], "cleo")
    await owner.close()
    await stage.record(1)
    await seats[0].until(lambda: "ann" not in seats[0].fragments["people"])
    ben = await User.objects.aget(username="ben")
    await sync_to_async(sharing.grant)(stage.dashboard.room, ben, Role.EDITOR)
    await seats[0].until(lambda: "editor" in seats[0].fragments.get("rights", ""))
    assert "people" not in owner.fragments, "a page that edits has another socket for it"


async def test_each_page_is_told_in_its_own_language(stage: Stage, settings: Any) -> None:
    """Those of one language share what is rendered; one that the site lacks is the site's."""
    # Django has translated this word of ours, as one of its own.
    word = {"en": "Remove", "de": "Entfernen", "tlh": "Remove", 5: "Remove"}
    settings.LANGUAGES = [("en", "English"), ("de", "German")]
    for language, said in word.items():
        seat = await stage.seat(show(language=language))
        await seat.until(lambda seat=seat: "grid" in seat.fragments)
        assert f">{said}</button>" in seat.fragments["grid"]
    languages = sorted(group.selection.language for group in Hub.current().groups)
    assert languages == ["", "de"]


async def test_nothing_runs_when_nobody_looks(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No question is asked, the room is given back, and no task is left."""
    monkeypatch.setattr("dashboards.hub.LINGER_S", 0.05)
    monkeypatch.setattr(Hub.current(), "_every_s", 0.05)
    await stage.record(1)
    seat = await stage.seat()
    await seat.until(lambda: CPU in seat.charts)
    room = next(iter(Process.current().registry.rooms.values()))
    await seat.close()
    asked: list[Any] = []
    monkeypatch.setattr(groups.ticks, "advance", lambda *a, **k: asked.append(a))
    await stage.record(2)
    async with asyncio.timeout(5):
        while Hub.current()._looking is not None:
            await asyncio.wait([Hub.current()._looking])
    assert asked == []
    assert Hub.current().groups == []
    assert room.holds == 0


async def test_a_server_that_stops_sends_viewers_elsewhere(process: Process, stage: Stage) -> None:
    """With a code that pages take for: come back."""
    seat = await stage.seat()
    await seat.until(lambda: seat.sent)
    await process.stop()
    assert seat.code == 1012
