"""Pages of a running site: headers, login, static files, and who sees what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pycrdt
import pytest

from collab.testing.servers import Site, running, wait_until
from tests.documents.cast import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A site with people and documents."""
    site = Site(tmp_path_factory.mktemp("pages"))
    with running(site):
        one = Stage(site)
        one.cast(documents=40)
        yield one


POLICY = {
    "default-src": "'self'", "script-src": "'self'", "style-src": "'self'",
    "img-src": "'self' data:", "connect-src": "'self'", "frame-ancestors": "'none'",
    "base-uri": "'none'", "form-action": "'self'", "object-src": "'none'",
}  # fmt: skip


@pytest.mark.parametrize(
    "path", ["/", "/login/", "/documents/{id}/", "/enter/x/y/", "/nothing", "/admin/login/"]
)
def test_page_has_its_security_headers(stage: Stage, path: str) -> None:
    """No inline script or style anywhere, no frames, no sniffing."""
    with stage.browser(stage.alice) as browser:
        answer = browser.get(path.format(id=stage.document()), follow_redirects=True)
    headers = answer.headers
    parts = (part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert dict(parts) == POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/", "/login/", "/documents/{id}/", "/enter/x/y/", "/nothing"])
def test_page_has_nothing_inline(stage: Stage, path: str) -> None:
    """What the policy would block is not there; data in script elements is no script."""
    with stage.browser(stage.alice) as browser:
        text = browser.get(path.format(id=stage.document())).text
    assert not re.search(r"<[^>]+\sstyle=", text)
    assert not re.search(r"<[^>]+\son\w+=", text)
    assert "<style" not in text
    for attributes, body in re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL):
        assert "src=" in attributes or 'type="application/json"' in attributes
        assert "src=" not in attributes or not body.strip()


@pytest.mark.parametrize("path", ["/", "/documents/{id}/", "/documents/"])
def test_page_asks_for_a_login_and_comes_back(stage: Stage, path: str) -> None:
    """The login page knows where its visitor was going."""
    address = path.format(id=stage.document())
    method = "POST" if path == "/documents/" else "GET"
    with httpx.Client(base_url=stage.site.url) as visitor:
        answer = visitor.request(method, address)
    if method == "GET":
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/login/?next={address}")
    else:
        assert answer.status_code == 403  # A form without its token


def test_login_with_a_password_and_logout(stage: Stage) -> None:
    """Through the forms as they are."""
    stage.site.run(
        "shell", "-v", "0", "-c",
        "from django.contrib.auth.models import User\n"
        "User.objects.create_user('pia', password='open sesame')",
    )  # fmt: skip
    with httpx.Client(base_url=stage.site.url) as browser:
        page = browser.get("/login/?next=/documents/")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token is not None
        form = {"username": "pia", "csrfmiddlewaretoken": token[1], "next": "/"}
        wrong = browser.post("/login/", data=form | {"password": "no"})
        assert wrong.status_code == 200
        assert 'role="alert"' in wrong.text
        right = browser.post("/login/", data=form | {"password": "open sesame"})
        assert (right.status_code, right.headers["Location"]) == (302, "/")
        assert "HttpOnly" in right.headers["Set-Cookie"]
        assert "SameSite=Lax" in right.headers["Set-Cookie"]
        home = browser.get("/")
        assert home.status_code == 200
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', home.text)
        assert token is not None
        out = browser.post("/logout/", data={"csrfmiddlewaretoken": token[1]})
        assert (out.status_code, out.headers["Location"]) == (302, "/login/")
        assert browser.get("/").status_code == 302


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:x"])
def test_login_does_not_send_people_elsewhere(stage: Stage, target: str) -> None:
    """`next` leads within the site only."""
    with stage.browser(stage.alice) as browser:
        answer = browser.get("/login/", params={"next": target})
    assert answer.headers["Location"] == "/"


def config_of(page: httpx.Response) -> dict[str, object]:
    found = re.search(r'<script id="collab-config"[^>]*>(.*?)</script>', page.text)
    assert found is not None
    config: dict[str, object] = json.loads(found[1])
    return config


@pytest.mark.parametrize(
    ("name", "role", "may_write"),
    [("alice", "owner", True), ("bob", "editor", True), ("rita", "reader", False),
     ("root", "owner", True)],
)  # fmt: skip
def test_editor_page_knows_its_visitors_rights(
    stage: Stage, name: str, role: str, may_write: bool
) -> None:
    """The scripts read them from the page's configuration."""
    document, actor = stage.document(), stage.people[name]
    with stage.browser(actor) as browser:
        page = browser.get(f"/documents/{document}/")
    config = config_of(page)
    assert (config["role"], config["canWrite"], config["epoch"]) == (role, may_write, 1)
    assert config["documentId"] == document
    assert config["socketUrl"] == f"/ws/documents/{document}"
    assert config["updatesUrl"] == f"/api/documents/{document}/updates"
    user = config["user"]
    assert isinstance(user, dict)
    assert user["id"] == str(actor.id)
    assert re.fullmatch(r"#[0-9a-f]{6}", user["color"])
    assert user["colorLight"] == user["color"] + "33"


def test_editor_page_of_missing_and_forbidden_documents_look_alike(stage: Stage) -> None:
    """Charlie cannot find out which documents there are."""
    with stage.browser(stage.charlie) as browser:
        pages = [
            browser.get(f"/documents/{document}/")
            for document in (stage.document(), "00000000-0000-0000-0000-000000000000")
        ]
    assert [page.status_code for page in pages] == [404, 404]
    assert pages[0].text == pages[1].text


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a\x00b\nc", "ab c"),
        ("😀" * 400, "😀" * 300),
        ("", "Untitled"),
    ],
)
def test_created_document_opens_and_is_listed(stage: Stage, title: str, shown: str) -> None:
    """Whatever was typed as its title, escaped, on one line and bounded."""
    with stage.browser(stage.charlie) as browser:
        made = browser.post(
            "/documents/", data={"title": title}, headers={"Origin": stage.site.url}
        )
        assert made.status_code == 302
        page = browser.get(made.headers["Location"])
        assert page.status_code == 200
        assert f"<title>{shown} · Collab</title>" in page.text
        assert shown in browser.get("/").text


async def test_title_typed_in_the_editor_reaches_the_list(stage: Stage) -> None:
    """Within a second or two of the last letter."""
    document = stage.document()
    alice = stage.peer(stage.alice, document)
    await alice.connect()
    alice.doc.get("title", type=pycrdt.Text).insert(0, "Typed by <Alice>\0")
    await alice.flush()
    await alice.until_saved()
    with stage.browser(stage.rita) as browser:
        wait_until(
            lambda: "Typed by &lt;Alice&gt;" in browser.get("/?view=shared").text,
            "the title in the list",
            10,
        )
    await alice.close()


def test_static_files_are_served_with_their_types(stage: Stage) -> None:
    """All that a page names is there."""
    with stage.browser(stage.alice) as browser:
        page = browser.get(f"/documents/{stage.document()}/").text
        named = set(re.findall(r'(?:src|href)="(/(?:static|jsi18n)/[^"]*)"', page))
        assert len(named) >= 5
        for path in {path.split("#")[0] for path in named}:
            answer = browser.get(path)
            assert answer.status_code == 200, path
            kind = "css" if path.endswith(".css") else "svg" if path.endswith(".svg") else "script"
            assert kind in answer.headers["Content-Type"], path


@pytest.mark.parametrize("path", ["/static/../settings.py", "/static/%2e%2e/%2e%2e/etc/passwd"])
def test_static_files_are_no_way_out(stage: Stage, path: str) -> None:
    """Nothing but what is meant to be public."""
    assert httpx.get(stage.site.url + path).status_code in (400, 404)


def test_wrong_host_is_refused(stage: Stage) -> None:
    """A foreign name that points here is not this site."""
    assert (
        httpx.get(f"{stage.site.url}/login/", headers={"Host": "evil.example"}).status_code == 400
    )
