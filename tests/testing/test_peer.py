"""Peers on a real site, and what their copies hold."""

from __future__ import annotations

import asyncio

import pycrdt
import pytest

from collab.testing import Peer, converge
from collab.testing.content import content_of, differences
from collab.testing.servers import Site


async def test_a_peer_sends_edits_as_they_are_made_and_comes_back(site: Site) -> None:
    """Edits need no flush; roots of every type cross; what is made while away goes along."""
    key = await asyncio.to_thread(site.key)
    document = await asyncio.to_thread(site.create_document, key)
    url = f"{site.ws_url}/ws/documents/{document}"
    async with Peer(url, key) as ada, Peer(url, key) as bob:
        ada.text.insert(0, "Hello")
        ada.map("facts")["servings"] = 4
        ada.array("steps").append("Cry.")
        ada.xml("body").children.append(pycrdt.XmlElement("paragraph", {}, []))
        await ada.until_saved()
        await bob.until(lambda: str(bob.xml("body")) == str(ada.xml("body")), "the last of it")
        assert str(bob.text) == "Hello"
        assert bob.map("facts").to_py() == {"servings": 4}
        assert bob.array("steps").to_py() == ["Cry."]

        await ada.cut()
        assert (ada.connected, ada.close_code) == (False, 1006)
        ada.text.insert(5, " Ada")
        bob.pause()
        await converge(ada, bob)
        assert str(ada.text) == str(bob.text) == "Hello Ada"
        with pytest.raises(RuntimeError, match="is connected"):
            await ada.connect()


async def test_a_paused_peer_reads_nothing_until_it_resumes(site: Site) -> None:
    """What others write arrives after resume, and not before; own edits are sent meanwhile."""
    key = await asyncio.to_thread(site.key)
    document = await asyncio.to_thread(site.create_document, key)
    url = f"{site.ws_url}/ws/documents/{document}"
    async with Peer(url, key) as ada, Peer(url, key) as bob:
        bob.pause()
        bob.text.insert(0, "b")
        await ada.until(lambda: "b" in str(ada.text), "what Bob wrote")
        ada.text.insert(0, "a")
        await ada.until_saved()
        assert str(bob.text) == "b"
        bob.resume()
        await bob.until(lambda: str(bob.text) == "ab", "what Ada wrote")


def test_contents_differ_where_they_do() -> None:
    """Roots are read without knowing their types, and a difference names its place."""
    doc: pycrdt.Doc[object] = pycrdt.Doc()
    text = doc.get("text", type=pycrdt.Text)
    facts = doc.get("facts", type=pycrdt.Map)
    steps = doc.get("steps", type=pycrdt.Array)
    text.insert(0, "Take an onion.")
    facts["servings"] = 4
    steps.extend(["Peel", 1, pycrdt.Map({"cry": True})])
    before = content_of(doc.get_update())
    assert before == {
        "facts": {"servings": 4.0},
        "steps": ["Peel", 1.0, {"cry": True}],
        "text": "Take an onion.",
    }
    assert list(differences(before, before)) == []
    text.format(0, 4, {"bold": True})
    facts["servings"] = 5
    steps.append("Stir")
    after = content_of(doc.get_update())
    assert after["text"] == [("Take", {"bold": True}), (" an onion.", {})]
    assert list(differences(before, after))[:2] == [
        "facts.servings: 4.0 here, 5.0 there",
        "steps[3]: 'Stir' there only",
    ]
    text.format(0, 4, {"bold": None})
    del text[0:5]
    assert "text[0]: 'Take an onion.' here, 'an onion.' there" in list(
        differences(before, content_of(doc.get_update()))
    )
