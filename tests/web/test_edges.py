"""What holds for every answer: identity, headers, problems, traces, health, the access line."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest
import structlog
import yaml
from structlog.testing import capture_logs

from hub import errors
from hub.broker.messages import MalformedWake
from hub.domain.findings import error_sentences
from hub.errors import HubError, Misconfigured, StoreUnavailable
from hub.store import agencies
from hub.web.app import create_app, trace_id_of
from tests.support.scenes import document, signed

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
API = yaml.safe_load((files("schemas") / "openapi" / "hub-api.v1.yaml").read_text("utf-8"))
PROTECTED = [
    (method, re.sub(r"\{\w+\}", "1", path))
    for path, item in API["paths"].items()
    for method in ("get", "post")
    if method in item and item[method].get("security") != []
]


def all_errors(family: type[HubError] = HubError) -> list[type[HubError]]:
    return [family, *(below for child in family.__subclasses__() for below in all_errors(child))]


def test_every_error_has_its_sentences_in_two_languages():
    assert MalformedWake in all_errors()
    for error in all_errors():
        row = error_sentences()[error.code]
        for name in ("title_vi", "title_en", "vi", "en", "fix_vi", "fix_en", "source"):
            assert row[name].strip(), (error, name)


def test_no_sentence_is_without_its_error():
    known = {error.code for error in all_errors()}
    rest = set(error_sentences()) - known
    assert all(code.startswith(("request.", "declaration.")) for code in rest), rest


@pytest.mark.parametrize(("method", "path"), PROTECTED)
@pytest.mark.parametrize(
    "header", [None, "Bearer", "Bearer ", "Bearer wrong", "Basic Zzo=", "Bearer " + "x" * 5000, "Bearer kh\u00f3a"]
)
def test_without_a_live_key_nothing_is_said(shared, method, path, header):
    headers = {} if header is None else {"Authorization": header}
    answer = shared.anonymous().open(path, method=method.upper(), headers=headers, data=b"<" * (method == "post"))
    assert (answer.status_code, answer.json["code"]) == (401, "caller.not_authenticated")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_key_ends_at_once(web):
    with web.hub.database.writing() as transaction:
        agency = agencies.require(transaction.connection, "H41")
        (key,) = agencies.keys(transaction.connection, agency)
        agencies.revoke_key(transaction, key.key_id, now=web.hub.now())
    assert web.as_("H41").get("/inbox").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/nothing", 404, "request.no_such_path"),
        ("get", "//api/v1/inbox", 404, "request.no_such_path"),
        ("get", "/api/v1/inbox/", 404, "request.no_such_path"),
        ("get", "/api/v1/consignments", 405, "request.method_not_allowed"),
        ("delete", "/api/v1/inbox", 405, "request.method_not_allowed"),
        ("options", "/api/v1/inbox", 405, "request.method_not_allowed"),
        ("trace", "/healthz", 405, "request.method_not_allowed"),
    ],
)
def test_what_the_framework_refuses_is_a_problem_too(shared, method, path, status, code):
    answer = shared.anonymous().open(path, method=method.upper())
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.content_type == "application/problem+json"
    if status == 405:
        assert answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/inbox", "/nothing", "/api/v1/docs", "/api/v1/openapi.yaml"])
def test_every_answer_is_protected(web, path):
    headers = web.anonymous().get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "Permissions-Policy" in headers
    assert "Strict-Transport-Security" not in headers


def test_private_answers_are_not_stored_and_tls_is_remembered(web):
    answer = web.as_("G22").send(signed(document()), environ_overrides={"HTTP_X_FORWARDED_PROTO": "https"})
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert web.as_("G22").get("/inbox").headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    ("traceparent", "kept"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", True),
        (f"ff-{TRACE}-00f067aa0ba902b7-01", False),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-00f067aa0ba902b7-01", False),
        ("", False),
        (f"00-{TRACE}\n-00f067aa0ba902b7-01", False),
    ],
)
def test_the_trace_id_is_the_callers_when_valid(traceparent, kept):
    assert (trace_id_of(traceparent) == TRACE) is kept
    assert len(trace_id_of(traceparent)) == 32


def test_a_trace_id_goes_from_the_header_to_the_problem_and_the_row(web):
    headers = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    problem = web.as_("G22").get("/inbox?limit=x", headers=headers)
    assert (problem.json["trace_id"], problem.headers["X-Trace-Id"]) == (TRACE, TRACE)


def test_the_access_line_has_the_template_and_never_a_key_or_a_query(web):
    with capture_logs() as lines:
        web.as_("G22").get("/inbox?after=7&secret=xyz")
        web.as_("G22").get("/consignments/0198c0de-0000-7000-8000-000000000000")
    access = [line for line in lines if line["event"] == "request_was_answered"]
    assert [(line["path"], line["status"], line["caller"]) for line in access] == [
        ("/api/v1/inbox", 200, "G22"),
        ("/api/v1/consignments/<consignment_id>", 404, "G22"),
    ]
    assert all(line["milliseconds"] >= 0 and line["method"] == "GET" for line in access)
    assert web.keys["G22"] not in str(lines)
    assert "xyz" not in str(lines)
    assert structlog.contextvars.get_contextvars() == {}


class Boom(RuntimeError):
    """Nothing of ours."""


@pytest.mark.parametrize(
    ("error", "status", "code", "retry"),
    [
        (StoreUnavailable("password=hunter2"), 503, "store.unavailable", "5"),
        (Misconfigured("signing_key", "hunter2", "hunter2"), 500, "hub.misconfigured", None),
        (Boom("hunter2"), 500, "hub.error", None),
    ],
)
def test_faults_tell_what_to_do_and_nothing_internal(web, monkeypatch, error, status, code, retry):
    def fail(*_args, **_more):
        raise error

    monkeypatch.setattr("hub.store.directory.page", fail)
    with capture_logs() as lines:
        answer = web.as_("G22").get("/agencies")
    assert (answer.status_code, answer.json["code"], answer.headers.get("Retry-After")) == (status, code, retry)
    assert "hunter2" not in answer.text
    assert any("hunter2" in str(line) for line in lines)


def test_the_vocabulary_of_errors_is_stable():
    assert errors.DigestDiffers.http == 409
    assert errors.NoSuchThing.http == 404


def test_alive_and_ready_without_a_key(web):
    assert web.anonymous().get("/healthz").json == {"status": "alive"}
    ready = web.anonymous().get("/readyz")
    assert ready.status_code == 200
    assert [(check["name"], check["ok"]) for check in ready.json["checks"]] == [("database", True), ("payloads", True)]
    assert list((web.hub.settings.data_dir / "payloads" / "drafts").iterdir()) == []


def test_not_ready_without_a_current_schema_or_space(web, monkeypatch):
    monkeypatch.setattr("hub.store.schema.newest", lambda: "9999")
    monkeypatch.setattr(type(web.hub.payloads), "free_bytes", lambda _self: 0)
    answer = web.anonymous().get("/readyz")
    assert answer.status_code == 503
    assert [check["ok"] for check in answer.json["checks"]] == [False, False]


def test_not_ready_without_a_database_and_nothing_internal_is_said(web, monkeypatch):
    def fail(_database):
        raise StoreUnavailable("hunter2")

    monkeypatch.setattr("hub.store.schema.version", fail)
    answer = web.anonymous().get("/readyz")
    assert (answer.status_code, answer.json["checks"][0]["says"]) == (503, "store.unavailable")
    assert web.anonymous().get("/healthz").status_code == 200


@pytest.mark.parametrize("connected", [True, False])
def test_the_broker_is_reported_but_never_required(web, connected):
    answer = create_app(web.hub, publisher_connected=lambda: connected).test_client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json["checks"][-1]["ok"] is connected
    assert answer.json["checks"][-1]["required"] is False
