"""`hub notices`: receivers come and go, addresses are checked, a test notice says how it went; all is audited."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from hub.cli.notices import notices as command
from hub.domain.notices import Letter
from hub.errors import Misconfigured, NoSuchThing, UnknownAgency
from hub.stations import new_id, utc_now
from hub.store import notices as store
from hub.store import tables
from hub.store.notices import Made
from tests.conformance.evidence_source import gives, server  # noqa: F401
from tests.support.hubs import make_hub
from tests.support.mail_server import MailServer


@pytest.fixture
def database(tmp_path, monkeypatch):
    for name in ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SETTINGS_FILE", "HUB_NOTICE_HOSTS", "HUB_MAIL_SERVER"):
        monkeypatch.delenv(name, raising=False)
    hub = make_hub(tmp_path / "data")
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HUB_TRUST_DIR", str(tmp_path / "data" / "trust"))
    yield hub.database
    hub.close()


def run(*words: str):
    result = CliRunner().invoke(command, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def added(*words: str) -> str:
    result = run("add", *words)
    assert result.exit_code == 0, result.output
    return result.stdout.split()[0]


def audit(database):
    with database.reading() as connection:
        return [(row.what, row.facts) for row in connection.execute(sa.select(tables.audit))]


def test_receivers_come_and_go(database, monkeypatch):
    monkeypatch.setenv("HUB_NOTICE_HOSTS", "hook.h41.gov.vn,http://10.1.2.3:8080")
    first = added("000.00.00.H41", "--mail", "vanthu@h41.gov.vn")
    second = added("--hub", "--webhook", "http://10.1.2.3:8080/hub")
    shown = run("list").output.splitlines()
    assert [line.split()[0] for line in shown] == [first, second]
    assert "H41" in shown[0]
    assert "(trục / hub)" in shown[1]
    assert "nothing sent yet" in shown[0]
    assert "removed" in run("remove", first).output
    assert [line.split()[0] for line in run("list").output.splitlines()] == [second]
    assert [what for what, _ in audit(database)] == ["notices.added", "notices.added", "notices.removed"]
    assert audit(database)[0][1]["agency"] == "H41"


def test_one_without_a_mail_server_is_told_so(database):
    assert "HUB_MAIL_SERVER" in run("add", "H41", "--mail", "a@b.vn").stderr


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("H41",),
        ("--hub",),
        ("--mail", "a@b.vn"),
        ("H41", "--hub", "--mail", "a@b.vn"),
        ("H41", "--mail", "a@b.vn", "--webhook", "https://x/"),
        ("H41", "--mail", "a@b\r\nBcc: c@d"),
        ("H41", "--mail", "Văn thư <a@b.vn>"),
        ("H41", "--webhook", "file:///etc/passwd"),
        ("H41", "--webhook", "https://u:p@hook.h41.gov.vn/"),
    ],
)
def test_half_an_address_is_refused(tmp_path, monkeypatch, words):
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    assert run("add", *words).exit_code == 2
    assert not (tmp_path / "data").exists(), "the database was not even opened"


def test_a_host_that_is_not_allowed_names_the_setting(database, monkeypatch):
    monkeypatch.setenv("HUB_NOTICE_HOSTS", "hook.h41.gov.vn")
    for url in ("https://evil.example/", "https://127.0.0.1/", "http://hook.h41.gov.vn/"):
        with pytest.raises(Misconfigured, match=r"HUB_NOTICE_HOSTS.*hook\.h41\.gov\.vn"):
            run("add", "H41", "--webhook", url)
    assert audit(database) == []


def test_the_same_twice_and_nobody_at_all(database):
    added("H41", "--mail", "a@b.vn")
    assert run("add", "h41", "--mail", "a@b.vn").exit_code == 1
    with pytest.raises(UnknownAgency):
        run("add", "X99", "--mail", "a@b.vn")
    for words in (("remove", "nobody"), ("test", "nobody")):
        with pytest.raises(NoSuchThing):
            run(*words)
    assert len(audit(database)) == 1


def test_a_test_notice_by_mail(database, monkeypatch):
    opened = MailServer().open()
    try:
        monkeypatch.setenv("HUB_MAIL_SERVER", opened.url)
        monkeypatch.setenv("HUB_MAIL_FROM", "truc@hub.vn")
        one = added("H41", "--mail", "a@b.vn")
        tried = run("test", one)
    finally:
        opened.close()
    assert tried.exit_code == 0
    assert "đã gửi / sent" in tried.output
    assert "test notice" in opened.taken[0]["Subject"]
    away = run("test", one)
    assert away.exit_code == 1
    assert "không gửi được / not sent" in away.output
    outcomes = [facts["outcome"] for what, facts in audit(database) if what == "notices.tested"]
    assert outcomes[0] == "sent"
    assert outcomes[1] != "sent"
    assert "nothing sent yet" in run("list").output, "a test does not put the next notice off"


def test_a_test_notice_by_webhook(database, monkeypatch, server):  # noqa: F811
    url = f"http://127.0.0.1:{server.port}"
    monkeypatch.setenv("HUB_NOTICE_HOSTS", url)
    server.answers["/hook"] = gives(b"")
    assert run("test", added("H41", "--webhook", f"{url}/hook")).exit_code == 0
    assert server.asked[0][2]["x-hub-signature"].count(".") == 2
    monkeypatch.delenv("HUB_NOTICE_HOSTS")
    refused = run("test", run("list").output.split()[0])
    assert refused.exit_code == 1
    assert "HUB_NOTICE_HOSTS" in refused.output


def test_the_list_tells_how_the_last_notice_went(database):
    one = added("H41", "--mail", "a@b.vn")
    with database.writing() as transaction:
        store.make(transaction, [Made(new_id(), one, Letter("s", "t", {}))], at=utc_now())
    assert "chờ gửi / waits" in run("list").output
    with database.writing() as transaction:
        (pending,) = store.due(transaction.connection, utc_now(), limit=1)
        store.failed(transaction, pending, at=utc_now(), error="550 no such mailbox")
    assert "1 lần / attempts: 550 no such mailbox" in run("list").output
    with database.writing() as transaction:
        store.sent(transaction, pending, at=utc_now())
    assert "đã gửi / sent" in run("list").output
