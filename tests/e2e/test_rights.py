"""What open pages say when rights change: fewer, more, none, and a page that is too old."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import Open
from tests.e2e.demo import Demo

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

_CHANGE = """
from django.contrib.auth import get_user_model
from collab import sharing
from collab.models import Role
from documents import actions
from documents.models import Document
people = get_user_model().objects
document = Document.objects.get(pk="{document}")
room = document.room
{lines}
"""


async def change(demo: Demo, document: str, lines: str) -> None:
    """Change the document's rights in another process, as a command does."""
    code = _CHANGE.format(document=document, lines=lines)
    await asyncio.to_thread(demo.site.run, "shell", "--no-imports", "-c", code)


async def test_open_pages_follow_their_rights(demo: Demo, open_paper: Open) -> None:
    """Bob reads on, Carla may edit now, and Dora keeps no more than what she had not saved."""
    document = demo.new_document()
    ada, bob, carla, dora = [
        await open_paper(name, document) for name in ("Ada", "Bob", "Carla", "Dora")
    ]
    await bob.to_end()
    await bob.type("by Bob ")
    await bob.until_state("saved")
    await dora.until_text("by Bob")
    await dora.context.set_offline(True)
    await dora.to_end()
    await dora.type("by Dora, offline")
    await dora.until_state("offline", timeout_s=60)
    await change(document=document, demo=demo, lines="""
sharing.grant(room, people.get(username="bob"), Role.READER)
sharing.grant(room, people.get(username="carla"), Role.EDITOR)
sharing.revoke(room, people.get(username="dora"))
""")  # fmt: skip
    await dora.context.set_offline(False)

    await bob.until_state("readonly")
    assert await bob.state() == "You can only read now"
    await expect(bob.editor).to_have_attribute("contenteditable", "false")
    await expect(bob.page.get_by_role("alert")).to_be_hidden()
    await ada.to_end()
    await ada.type("for Bob to read")
    await bob.until_text("for Bob to read")
    assert await bob.copies(document) == []

    alert = carla.page.get_by_role("alert")
    await expect(alert).to_contain_text("You can edit now.")
    await alert.get_by_role("button", name="Reload").click()
    await expect(carla.editor).to_have_attribute("contenteditable", "true")

    await dora.until_state("failed", timeout_s=30)
    alert = dora.page.get_by_role("alert")
    await expect(alert).to_contain_text("no longer shared with you")
    await expect(alert).to_contain_text("Your last changes were not saved")
    await expect(alert.get_by_role("button", name="Copy my text")).to_be_visible()
    await dora.until_text("by Dora, offline")
    await expect(dora.editor).to_have_attribute("contenteditable", "false")
    assert await dora.copies(document) == []

    await change(
        demo,
        document,
        """
sharing.revoke(room, people.get(username="bob"))
actions.note_schema(document=document, schema=99)
""",
    )
    await bob.until_state("failed")
    assert await bob.state() == "No longer shared with you"
    await expect(bob.page.get_by_role("alert")).to_contain_text("no longer shared with you")
    await expect(bob.page.locator("body")).not_to_contain_text("for Bob to read")
    await bob.press("Control+f")
    await ada.until_state("failed")
    assert await ada.state() == "Reload to go on"
    await expect(ada.page.get_by_role("alert")).to_contain_text("newer version of Collab")
    await expect(ada.editor).to_have_attribute("contenteditable", "false")
    await ada.until_text("for Bob to read")
    await bob.page.get_by_role("button", name="All documents").click()
    await bob.page.get_by_role("heading", name="Documents").wait_for()
