"""The demo: two people, and a document and a dashboard that they share."""

from __future__ import annotations

from importlib.resources import files

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import DatabaseError, transaction

from collab import sharing
from collab.models import Role
from collab.site.login import login_path
from dashboards.actions import create_dashboard
from dashboards.layout import exchange
from dashboards.layout.model import Layout
from documents import actions, content
from documents.content import rewrite

NAMES = (("ada", "Ada", "Lovelace"), ("bob", "Bob", "Kahn"))

_TITLE = "Welcome to Collab"
_WELCOME = """
# Write together

Open this page in a second browser with the other login link. **Both of you can type** in the same
paragraph at the same time, and each sees the other’s cursor.

## Nothing marked “Saved” is ever lost

The line above says Saved only once your words are in the database. Stop the server, keep typing,
start it again: what you wrote meanwhile is merged.

- [x] Start Collab with one command
- [ ] Open the other login link in a private window
- [ ] Kill the server while both of you type

## Try

- Type `/` in an empty line for headings, lists, tables, images and code
- **Share** gives a person, a group or a link a role
- **Versions** shows who wrote what, compares, and takes you back

```python
def cost(people: int) -> int:
    return people  # not people * people
```

> Cost follows people, not people times people.
"""


def seed() -> None:
    """Make the demo users, document and dashboard on a site that has nobody yet."""
    users = get_user_model()._default_manager
    with transaction.atomic():
        if users.exists():
            return
        ada, bob = (
            users.create_user(username=name, first_name=first, last_name=last)
            for name, first, last in NAMES
        )
        document = actions.create_document(actor=ada, title=_TITLE, content=welcome())
        dashboard = create_dashboard(actor=ada, layout=this_site())
        for shared in (document, dashboard):
            sharing.grant(shared.room, bob, Role.EDITOR)
        for person in (ada, bob):
            actions.note_visit(actor=person, shared=document)


def login_links() -> list[tuple[str, str]]:
    """Return (first name, path) for each demo user that is still there and has no password."""
    names = [name for name, _, _ in NAMES]
    try:
        users = list(User.objects.filter(username__in=names, is_active=True).order_by("username"))
    except DatabaseError:
        return []
    return [(user.first_name, login_path(user)) for user in users if not user.has_usable_password()]


def welcome() -> bytes:
    """Return the demo document as a Yjs update."""
    return rewrite.new_state(content.parse_markdown(_WELCOME), title=_TITLE)


def this_site() -> Layout:
    """Return the demo dashboard, of the numbers that `dashboards.selfcheck` records."""
    return exchange.parse(files("collab.site").joinpath("demo_dashboard.json").read_bytes())
