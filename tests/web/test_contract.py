"""The contract and the application are the same thing, both ways; schemathesis tries to part them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from hub.domain.findings import error_sentences
from hub.reports import REPORTS
from tests.support import envelopes as raw
from tests.support import hubs
from tests.support.missing_evidence import NoEvidence
from tests.support.scenes import document, secret, signed, unsigned
from tests.web.conftest import Web

TEXT = (files("schemas") / "openapi" / "hub-api.v1.yaml").read_text("utf-8")
API = yaml.safe_load(TEXT)


def nodes(node, path: str = "") -> Iterator[tuple[str, str, object]]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in pairs:
        yield path, str(key), value
        yield from nodes(value, f"{path}/{key}")


def test_the_contract_names_exactly_the_paths_and_methods_of_the_application(web):
    served = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in web.app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    written = {(path, method) for path, item in API["paths"].items() for method in item if method != "parameters"}
    assert served == written
    assert len(written) == 27


def test_every_problem_code_of_the_contract_exists_and_the_other_way_round():
    written = {code for _, key, value in nodes(API) if key == "x-problem-codes" for code in value}
    assert written <= set(error_sentences())
    not_of_the_web = {"refused", "agency.unknown", "agency.unreachable", "broker.unavailable", "receipt.not_genuine"}
    not_of_the_web |= {"broker.malformed_wake", "scanner.unavailable", "timestamps.unavailable", "notices.unavailable"}
    general = {"request.method_not_allowed", "request.refused"}
    assert set(error_sentences()) - written == not_of_the_web | general


def test_every_reference_and_no_stray_key():
    for path, key, value in nodes(API):
        assert " " not in key, f"{path}: an unquoted comma made the key {key!r}"
        assert value is not None, f"{path}/{key}"
        if key == "$ref":
            place = API
            for step in value.removeprefix("#/").split("/"):
                place = place[step]


def test_every_description_speaks_both_languages():
    for path, item in API["paths"].items():
        for method in set(item) - {"parameters"}:
            operation = item[method]
            assert " / " in operation["summary"], path
            for status, response in operation["responses"].items():
                words = response.get("description", " / ")
                assert " / " in words or words.startswith("OpenAPI"), (path, status)


def test_the_contract_is_served_as_it_is(web):
    answer = web.anonymous().get("/api/v1/openapi.yaml")
    assert answer.content_type == "application/yaml"
    assert answer.data == TEXT.encode()


def test_the_page_shows_every_operation_and_runs_nothing(web):
    first, second = (web.anonymous().get("/api/v1/docs") for _ in range(2))
    assert first.content_type == "text/html; charset=utf-8"
    for path, item in API["paths"].items():
        assert path in first.text
        for method in set(item) - {"parameters"}:
            assert f'id="{item[method]["operationId"]}"' in first.text
    assert "<script" not in first.text
    assert "style=" not in first.text
    assert not re.search(r'(?:src|href)="https?:', first.text)
    nonce = re.search(r"style-src 'nonce-([\w-]+)'", first.headers["Content-Security-Policy"])[1]
    assert f'<style nonce="{nonce}">' in first.text
    assert nonce not in second.text


def test_the_links_of_the_page_lead_somewhere(web):
    text = web.anonymous().get("/api/v1/docs").text
    targets = set(re.findall(r'id="(\w+)"', text))
    assert set(re.findall(r'href="#(\w*)"', text)) <= targets


# -- schemathesis ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory) -> Iterator:
    """The contract bound to an application over one hub with a few documents in it, called by H41."""
    hub = hubs.make_hub(tmp_path_factory.mktemp("fuzzed") / "hub", min_free_bytes=0)
    web = Web(hub, hubs.make_keys(hub))
    for number in (1, 2):
        web.placed(number)
    web.as_("H41").post(f"/deliveries/{web.delivery(3)}/ack")
    sent = web.placed(4, sender="H41", to=("G22",))
    loaded = schemathesis.openapi.from_wsgi("/api/v1/openapi.yaml", web.app)
    loaded.config.update(headers={"Authorization": f"Bearer {web.keys['H41']}"})
    IDS.update(consignment_id=sent["id"], delivery_id=web.as_("H41").get("/inbox").json["items"][0]["delivery"])
    IDS.update(indicator="received_electronically")
    yield loaded
    hub.close()


IDS: dict[str, str] = {}
OPERATIONS = [(path, method) for path, item in API["paths"].items() for method in item if method != "parameters"]
QUICK = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def takes_input(path: str, method: str) -> bool:
    item = API["paths"][path]
    return bool({"parameters", "requestBody"} & (set(item) | set(item[method])))


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_input_makes_the_application_leave_its_contract(fuzzed, path, method, mode):
    """Input of the right and of the wrong shape; ids are real ones half of the time.

    Left out: ignored_auth (the caller's key is configured for every call; test_edges.py asks without it) and
    positive_data_acceptance (no schema can say `from ≤ to`, a satisfiable range, or an envelope).
    """
    if mode is GenerationMode.NEGATIVE and not takes_input(path, method):
        return

    @QUICK
    @given(case=fuzzed[path][method.upper()].as_strategy(generation_mode=mode))
    def holds(case: schemathesis.Case) -> None:
        known = {name: IDS[name] for name in case.path_parameters or {} if name in IDS}
        if known and mode is GenerationMode.POSITIVE and len(repr(case.body)) % 2:
            case.path_parameters.update(known)
        if case.query and "wait" in case.query and mode is GenerationMode.POSITIVE:
            case.query["wait"] = 0
        case.call_and_validate(excluded_checks=[ignored_auth, positive_data_acceptance])

    holds()


def test_the_answers_to_real_documents_keep_to_the_contract(web, fuzzed, monkeypatch):
    """schemathesis cannot sign an envelope; here every kind of success is held against the contract."""
    sender, recipient = web.as_("G22"), web.as_("H41")

    def keeps(path: str, method: str, answer, status: int) -> None:
        assert answer.status_code == status, answer.text
        fuzzed[f"/api/v1{path}"][method].validate_response(answer)

    body = signed(document(1, to=("H41", "H14", "H99")))
    keeps("/consignments", "POST", sender.send(body), 201)
    keeps("/consignments", "POST", sender.send(body), 200)
    keeps("/consignments", "POST", sender.send(signed(document(2, to=("Q1", "H98")))), 422)
    keeps("/consignments", "POST", sender.send(raw.document(prolog="<!DOCTYPE edXML>")), 400)
    web.drain()
    page = recipient.get("/inbox")
    keeps("/inbox", "GET", page, 200)
    delivery = page.json["items"][0]["delivery"]
    own = f"/deliveries/{delivery}"
    keeps("/deliveries/{delivery_id}/envelope", "GET", recipient.get(f"{own}/envelope"), 200)
    part = recipient.get(f"{own}/envelope", headers={"Range": "bytes=0-9"})
    keeps("/deliveries/{delivery_id}/envelope", "GET", part, 206)
    keeps("/deliveries/{delivery_id}/attachments/{number}", "GET", recipient.get(f"{own}/attachments/1"), 200)
    word = {"code": "03", "at": "2026-03-03T08:00:00+07:00"}
    keeps("/deliveries/{delivery_id}/status", "POST", recipient.post(f"{own}/status", json=word), 201)
    keeps("/deliveries/{delivery_id}/status", "POST", recipient.post(f"{own}/status", json=word), 200)
    keeps("/deliveries/{delivery_id}/ack", "POST", recipient.post(f"{own}/ack"), 200)
    web.drain()
    view = sender.get(f"/consignments/{page.json['items'][0]['consignment']}")
    keeps("/consignments/{consignment_id}", "GET", view, 200)
    secret_one = sender.send(secret(document(3), "Mật"))
    keeps("/consignments/{consignment_id}", "GET", sender.get(secret_one.json["links"]["self"]), 200)
    keeps("/agencies", "GET", sender.get("/agencies"), 200)
    for one in (report.report_id for report in REPORTS):
        keeps("/reports/{report}", "GET", sender.get(f"/reports/{one}?compare=true"), 200)
    keeps("/reports", "GET", sender.get("/reports"), 200)
    keeps("/reports/{report}", "GET", sender.get("/reports/paper-free.pdf"), 200)
    for one in ("received_electronically", "units_certified"):
        listed = f"/reports/paper-free/{one}/documents"
        hub_wide = "scope=hub&side=denominator"
        keeps("/reports/paper-free/{indicator}/documents", "GET", sender.get(f"{listed}?{hub_wide}"), 200)
        file = sender.get(f"{listed}.xlsx?{hub_wide}")
        keeps("/reports/paper-free/{indicator}/documents.{form}", "GET", file, 200)
    monkeypatch.setattr("hub.checks.ORDER", (NoEvidence(),))
    keeps("/consignments", "POST", sender.send(unsigned(document(5))), 202)
