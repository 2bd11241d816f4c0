"""The one place where settings become a Hub: database, payload store, adapters, keys, anchors.

Owns: finding adapters by the entry point group `hub.adapters`; the schema check at the start.
Never: is imported by a room below it.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import structlog

from hub.domain.notices import CarrierKind
from hub.domain.working_time import WorkingCalendar, working_calendar
from hub.errors import Misconfigured
from hub.ports import EvidenceSource, NoticeCarrier
from hub.settings import Settings
from hub.signatures.anchor_facts import hosts_of
from hub.signatures.anchors import Trust
from hub.signatures.keys import CERTIFICATE_FILE, KEY_FILE, HubKey, create_hub_key, load_hub_key
from hub.signatures.pdf import PdfJudge
from hub.stations import Hub
from hub.store import schema
from hub.store.engine import Database
from hub.store.evidence import StoredBook

log = structlog.get_logger()
GROUP = "hub.adapters"
AGENCY_ADAPTERS = ("mailbox",)


def open_hub(settings: Settings) -> Hub:
    """A hub ready to work. Raises Misconfigured, StoreUnavailable, PayloadsUnavailable."""
    database = open_database(settings)
    ready(database)
    trust = Trust.load(settings.trust)
    (settings.data_dir / "spool").mkdir(parents=True, exist_ok=True)
    return Hub(
        settings=settings,
        database=database,
        payloads=_adapter("payloads_disk")(settings.data_dir / "payloads"),
        agencies={name: _adapter(name)() for name in AGENCY_ADAPTERS},
        trust=trust,
        book=StoredBook(database),
        pdfs=PdfJudge(
            children=settings.pdf_children, memory_bytes=settings.pdf_memory_bytes, seconds=settings.pdf_seconds
        ),
        key=hub_key(settings),
        evidence_source=evidence_source(settings, trust),
        calendar=calendar(settings),
        carriers=carriers(settings),
        scanner=_adapter("scanner_clamd")(settings.scanner) if settings.scanner else None,
        timestamps=_adapter("timestamps_http")(settings.timestamp_url) if settings.timestamp_url else None,
    )


def evidence_source(settings: Settings, trust: Trust) -> EvidenceSource:
    """Where CRLs and OCSP answers may be asked for: hosts that trusted certificates name, and those configured."""
    trusted = (*trust.signing.roots, *trust.signing.helpers, *trust.timestamping.roots, *trust.timestamping.helpers)
    named = {host for certificate in trusted for host in hosts_of(certificate)}
    return _adapter("evidence_http")(
        hosts=named | set(settings.evidence_hosts),
        host_map=_host_map(settings.evidence_host_map),
        mirror=settings.evidence_mirror,
    )


def calendar(settings: Settings) -> WorkingCalendar:
    """Vietnamese working time as configured. Raises Misconfigured."""
    return working_calendar(
        _adapter("holidays_vietnam")().of, hours=settings.office_hours, swapped_file=settings.calendar_file
    )


def carriers(settings: Settings) -> dict[CarrierKind, NoticeCarrier]:
    """Those ways to reach people that are configured. Raises Misconfigured."""
    found: dict[CarrierKind, NoticeCarrier] = {}
    if settings.mail_server:
        found[CarrierKind.MAIL] = _adapter("notices_mail")(
            settings.mail_server,
            sender=settings.mail_from,
            user=settings.mail_user,
            password=settings.mail_password,
        )
    if settings.notice_hosts:
        found[CarrierKind.WEBHOOK] = _adapter("notices_webhook")(settings.notice_hosts)
    return found


def _host_map(written: Sequence[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in written]
    if not all(old and sign and new for old, sign, new in pairs):
        raise Misconfigured("evidence_host_map", "old=new, split by ','", f"It says {','.join(written)!r}.")
    return {old: new for old, _, new in pairs}


def open_database(settings: Settings) -> Database:
    """The database alone, whatever its schema; enough for `hub db` and `hub doctor`."""
    return Database(settings.database, pool_size=settings.web_threads if settings.embedded else 16)


def ready(database: Database) -> None:
    """Raises Misconfigured when the schema is not the one that this program expects."""
    found, wanted = schema.version(database), schema.newest()
    if found != wanted:
        raise Misconfigured("database", f"schema {found or 'none'}, wanted {wanted}", "Run `hub db upgrade`.")


def hub_key(settings: Settings) -> HubKey:
    """The key that signs receipts: as configured, or the embedded hub's own. Raises Misconfigured."""
    if settings.signing_key and settings.signing_certificate:
        return load_hub_key(settings.signing_key, settings.signing_certificate, settings.signing_key_passphrase)
    if settings.signing_key or settings.signing_certificate:
        raise Misconfigured("signing_key", "signing_key and signing_certificate go together", "Set both or none.")
    key, certificate = _own_key_files(settings)
    if settings.embedded and key.exists() and certificate.exists():
        return load_hub_key(key, certificate)
    fix = "`hub serve` makes one at its first start." if settings.embedded else "Set signing_key, signing_certificate."
    raise Misconfigured("signing_key", "a PEM file with a P-256 key", fix)


def make_hub_key(settings: Settings) -> None:
    """Make the embedded hub's own key when there is none; only `hub serve` does this, as the user it runs as."""
    if settings.signing_key is None and not all(file.exists() for file in _own_key_files(settings)):
        folder = _own_key_files(settings)[0].parent
        create_hub_key(folder)
        log.info("hub_key_was_made", folder=str(folder), advice="keep a copy: it proves every receipt")


def _own_key_files(settings: Settings) -> tuple[Path, Path]:
    folder = settings.data_dir / "keys"
    return folder / KEY_FILE, folder / CERTIFICATE_FILE


def _adapter(name: str) -> Any:
    found: list[EntryPoint] = list(entry_points(group=GROUP, name=name))
    if not found:
        raise Misconfigured("adapters", f"no adapter {name!r} is installed", "Install the package again.")
    return found[0].load()
