"""A demo site in the browser: people who are logged in, and documents that they share."""

from __future__ import annotations

from playwright.async_api import Browser, BrowserContext, StorageState

from collab.testing.servers import Site
from tests.e2e.paper import Paper

# For a demo that all tests share, and for one of a single test.
MANY = {"rich": 74, "text": 10}
FEW = {"rich": 2}

# Ada owns, Bob and Dora edit, Carla reads, and Emil edits and logs out. Ada and Dora are a group.
_SHARE = """
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import transaction
from collab.models import ApiKey, Grant, Role
from collab.site.login import login_path
from documents import actions
from documents.models import Document
users = get_user_model().objects
ada, bob = users.get(username="ada"), users.get(username="bob")
carla, dora, emil = (
    users.create_user(username=n.lower(), first_name=n) for n in ("Carla", "Dora", "Emil")
)
Group.objects.create(name="Choir").user_set.add(ada, dora)
print("key", ApiKey.issue(ada, "tests")[1])
print("welcome", Document.objects.get().pk)
print("Carla", login_path(carla))
print("Dora", login_path(dora))
print("Emil", login_path(emil))
roles = {bob: Role.EDITOR, dora: Role.EDITOR, emil: Role.EDITOR, carla: Role.READER}
for kind, number in counts.items():
    for n in range(number):
        with transaction.atomic():
            document = actions.create_document(actor=ada, title=f"Document {n}", kind=kind)
            Grant.objects.bulk_create(
                Grant(room=document.room, user=user, role=role) for user, role in roles.items())
        print(kind, document.pk)
"""


class Demo:
    """A running `collab up` with its demo, and more documents and people.

    `browser` is where people are logged in, each in contexts of their own.

    Args:
        site: Running, with the demo.
    """

    browser: Browser

    def __init__(self, site: Site) -> None:
        self.site = site
        self.key = ""
        self.welcome = ""
        self.documents: list[str] = []
        self.texts: list[str] = []
        self._links: dict[str, str] = {}
        self._logins: dict[str, StorageState] = {}

    def prepare(self, counts: dict[str, int]) -> None:
        """Make the people of the tests, and so many documents of each kind."""
        self._links = self.site.login_links()
        code = f"counts = {counts}\n{_SHARE}"
        for line in self.site.run("shell", "--no-imports", "-c", code).stdout.splitlines():
            name, value = line.split()
            if name == "key":
                self.key = value
            elif name == "welcome":
                self.welcome = value
            elif name == "rich":
                self.documents.append(value)
            elif name == "text":
                self.texts.append(value)
            else:
                self._links[name] = self.site.url + value

    async def login(self, name: str) -> StorageState:
        """Log a person in by their one-time link, once. Returns their cookies."""
        if name not in self._logins:
            context = await self.browser.new_context()
            page = await context.new_page()
            await page.goto(self._links[name])
            await page.get_by_role("heading", name="Documents").wait_for()
            self._logins[name] = await context.storage_state()
            await context.close()
        return self._logins[name]

    async def context(self, name: str, **options: object) -> BrowserContext:
        """Make a fresh browser for somebody who is logged in."""
        login = await self.login(name)
        return await self.browser.new_context(storage_state=login, **options)  # type: ignore[arg-type]

    def url(self, document: str) -> str:
        return f"{self.site.url}/documents/{document}/"

    def new_document(self) -> str:
        """Hand out a document that no test has touched."""
        return self.documents.pop()

    def only_of_ada(self, title: str) -> str:
        """Make a document that Ada shares with nobody."""
        return self.site.create_document(self.key, title)

    def new_text(self) -> str:
        """Hand out a plain text that no test has touched."""
        return self.texts.pop()

    async def open(self, name: str, document: str, **options: object) -> Paper:
        """Open a document as somebody, in a browser of their own."""
        paper = Paper(await self.context(name, **options), self.url(document))
        await paper.open()
        return paper
