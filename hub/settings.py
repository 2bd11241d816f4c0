"""Every setting of the hub: name, type, default, meaning; read from HUB_* variables, then a file, then secrets.

Owns: Settings and its loading; all faults are reported at once.
Never: a default password or key.
Source: the twelve-factor rule of configuration in the environment; secrets as files (`HUB_SECRETS_DIR`).
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
from msgspec import Meta, Struct

from hub.errors import Misconfigured

PREFIX = "HUB_"
MIB = 1024 * 1024


def _says(text: str) -> Meta:
    return Meta(description=text)


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units are in the names; paths are relative to the working directory."""

    data_dir: Annotated[Path, _says("Folder for the embedded database, bodies, temporary files and the hub's key")] = (
        Path("hub-data")
    )
    database_url: Annotated[str, _says("SQLAlchemy URL; empty: SQLite in the data folder")] = ""
    broker_url: Annotated[str, _says("amqp:// URL of RabbitMQ; empty: stations are driven in-process")] = ""
    name: Annotated[str, _says("Name of this hub in receipts (`iss`)")] = "truc-lien-thong"
    listen: Annotated[str, _says("Address and port that the API listens on")] = "127.0.0.1:8080"
    web_workers: Annotated[int, Meta(ge=1, description="gunicorn worker processes of the API")] = 2
    web_threads: Annotated[int, Meta(ge=4, description="Threads per API worker; each long poll holds one")] = 32
    station_threads: Annotated[int, Meta(ge=1, description="Worker threads of the embedded dispatcher")] = 2
    signing_key: Annotated[Path | None, _says("The hub's private key for receipts (PEM, P-256); empty: made once")] = (
        None
    )
    signing_certificate: Annotated[Path | None, _says("Certificate chain of signing_key (PEM), leaf first")] = None
    signing_key_passphrase: Annotated[
        str, _says("Passphrase of signing_key when it is encrypted; give it as a secret")
    ] = ""
    trust_dir: Annotated[
        Path | None,
        _says("Folder with government/, public/, timestamping/, hub/ certificates; empty: trust/ in the data folder"),
    ] = None
    evidence_hosts: Annotated[
        tuple[str, ...],
        _says("Hosts that may be asked for CRLs and OCSP beside those named by the trusted certificates, split by ','"),
    ] = ()
    evidence_host_map: Annotated[
        tuple[str, ...],
        _says("Hosts to be asked in place of others, as old=new split by ',' (ocsp.ca.ptc=ocsp.ca.gov.vn)"),
    ] = ()
    evidence_mirror: Annotated[
        Path | None, _says("Folder with CRL files for closed networks, read instead of the network where it has them")
    ] = None
    timestamp_url: Annotated[
        str, _says("RFC 3161 service for the seals of receipts; empty: seals have no timestamp")
    ] = ""
    seal_every_seconds: Annotated[int, Meta(ge=1, description="Seconds between two seals of receipts")] = 60
    scanner: Annotated[str, _says("clamd: unix:/path or tcp:host:port; empty: files are not scanned")] = ""
    office_hours: Annotated[
        tuple[str, ...], _says("Working hours of a working day in Vietnam, morning and afternoon, split by ','")
    ] = ("07:30-11:30", "13:30-17:00")
    calendar_file: Annotated[
        Path | None, _says("TOML file with working days swapped by the Government: [[swapped]] off, worked, source")
    ] = None
    radar_offline_hours: Annotated[
        int, Meta(ge=1, description="An agency whose system did not call for so long counts as offline")
    ] = 24
    radar_unfetched_hours: Annotated[
        int, Meta(ge=1, description="A document that lies unfetched for so long is on the radar (urgent ones at once)")
    ] = 24
    radar_refusals: Annotated[
        int, Meta(ge=1, description="After so many failed attempts to hand over, a delivery is on the radar")
    ] = 3
    radar_certificate_days: Annotated[
        int, Meta(ge=1, description="A certificate that ends within so many days is on the radar")
    ] = 30
    inbox_quota: Annotated[int, Meta(ge=100, description="Documents that may wait in one inbox; more are deferred")] = (
        50_000
    )
    notice_every_minutes: Annotated[int, Meta(ge=1, description="At most one notice per subscriber in this time")] = 60
    notice_again_hours: Annotated[int, Meta(ge=1, description="What still does not move is told again after")] = 24
    notice_hosts: Annotated[
        tuple[str, ...],
        _says("Hosts (host or host:port) to which webhooks may be sent, split by ','; none: no webhooks"),
    ] = ()
    mail_server: Annotated[
        str, _says("SMTP: starttls://host:587, tls://host:465 or plain://host:25; empty: no mail")
    ] = ""
    mail_from: Annotated[str, _says("Sender address of notices by mail")] = ""
    mail_user: Annotated[str, _says("User name at the SMTP server; empty: no login")] = ""
    mail_password: Annotated[str, _says("Its password; give it as a secret")] = ""
    public_url: Annotated[
        str, _says("Address at which people reach this hub; begins the links in reports (empty: links without a host)")
    ] = ""
    # The page head and the signature block of the quarterly report; what is empty is left for the records clerk.
    letter_agency_above: Annotated[str, _says("Quarterly report: the agency above the one that reports")] = ""
    letter_agency: Annotated[str, _says("Quarterly report of the whole hub: the agency that reports")] = ""
    letter_symbol: Annotated[str, _says("Quarterly report: its symbol, after the number (BC-VPCP)")] = "BC"
    letter_place: Annotated[str, _says("Quarterly report: the place beside the date")] = ""
    letter_signer_position: Annotated[str, _says("Quarterly report: authority and position of the signer")] = ""
    letter_signer_name: Annotated[str, _says("Quarterly report: full name of the signer")] = ""
    letter_recipients: Annotated[
        tuple[str, ...], _says("Quarterly report: who gets it, split by ','; the file copy comes last")
    ] = ("Như trên", "Lưu: VT")
    # What one document on paper costs, for the report of savings: no source settles any of these [confirm]; each is
    # printed in the report. Copies: the axis published 3.0 to 3.6 received per document sent (domain notes §5.1).
    saving_pages_per_document: Annotated[int, Meta(ge=0, description="Savings: pages of one document [confirm]")] = 3
    saving_copies_per_document: Annotated[
        int, Meta(ge=0, description="Savings: paper copies of one document, one for each recipient [confirm]")
    ] = 3
    saving_page_vnd: Annotated[
        int, Meta(ge=0, description="Savings: paper and print of one page, in đồng [confirm]")
    ] = 300
    saving_postage_vnd: Annotated[int, Meta(ge=0, description="Savings: postage of one copy, in đồng [confirm]")] = (
        10_000
    )
    saving_minutes_per_copy: Annotated[
        int, Meta(ge=0, description="Savings: minutes to print, stamp, pack and register one copy [confirm]")
    ] = 10
    saving_hour_vnd: Annotated[
        int, Meta(ge=0, description="Savings: what an hour of office work costs, in đồng [confirm]")
    ] = 50_000
    pdf_children: Annotated[int, Meta(ge=1, description="Processes that judge PDF signatures, per API worker")] = 2
    pdf_memory_bytes: Annotated[int, Meta(ge=256 * MIB, description="Memory that one of them may use")] = 1024 * MIB
    pdf_seconds: Annotated[int, Meta(ge=1, description="Time that one PDF may take before it is given up")] = 20
    max_envelope_bytes: Annotated[int, Meta(ge=MIB, description="Largest body accepted; above it 413")] = 512 * MIB
    max_text_signed_bytes: Annotated[
        int, Meta(ge=MIB, description="Largest envelope whose signature covers the base64 text itself")
    ] = 50 * MIB
    min_free_bytes: Annotated[int, Meta(ge=0, description="Space that must stay free in the payload store")] = 256 * MIB
    log_format: Annotated[str, Meta(pattern="^(json|console)$", description="Log lines for machines or people")] = (
        "console"
    )
    secrets_dir: Annotated[Path | None, _says("Folder whose files named like a setting override it")] = None
    gunicorn_config: Annotated[Path, _says("gunicorn configuration file for `hub run api`")] = Path(
        "docker/gunicorn.conf.py"
    )

    @property
    def database(self) -> str:
        """The database URL that is really used."""
        return self.database_url or f"sqlite:///{self.data_dir / 'hub.sqlite3'}"

    @property
    def trust(self) -> Path:
        """The folder of trusted certificates that is really used."""
        return self.trust_dir or self.data_dir / "trust"

    @property
    def embedded(self) -> bool:
        """True when no broker is configured: the stations run inside `hub serve`."""
        return not self.broker_url


def load(environment: Mapping[str, str] | None = None, *, overrides: Mapping[str, Any] | None = None) -> Settings:
    """Settings from the environment, a TOML file (`HUB_SETTINGS_FILE`) and secrets; raises Misconfigured."""
    env = os.environ if environment is None else environment
    raw: dict[str, Any] = {}
    if env.get(f"{PREFIX}SETTINGS_FILE"):
        raw.update(_from_file(Path(env[f"{PREFIX}SETTINGS_FILE"])))
    names = set(get_type_hints(Settings))
    raw.update({name: env[PREFIX + name.upper()] for name in names if env.get(PREFIX + name.upper())})
    if raw.get("secrets_dir"):
        raw.update(_from_secrets(Path(raw["secrets_dir"]), names))
    raw.update(overrides or {})
    return _converted(raw, names)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as wrong:
        raise Misconfigured("HUB_SETTINGS_FILE", f"cannot be read: {wrong}", "Name a readable TOML file.") from wrong


def _from_secrets(folder: Path, names: set[str]) -> dict[str, str]:
    try:
        return {f.name: f.read_text("utf-8").strip() for f in folder.iterdir() if f.name in names}
    except OSError as wrong:
        raise Misconfigured("secrets_dir", f"cannot be read: {wrong}", "Name a readable folder.") from wrong


def _converted(raw: Mapping[str, Any], names: set[str]) -> Settings:
    hints = get_type_hints(Settings, include_extras=True)
    values: dict[str, Any] = {}
    faults: list[str] = []
    for name, value in raw.items():
        if name not in names:
            faults.append(f"{name}: no such setting")
            continue
        if "str, ..." in str(hints[name]) and isinstance(value, str):
            value = [part.strip() for part in value.split(",") if part.strip()]
        try:
            values[name] = msgspec.convert(value, hints[name], strict=False, dec_hook=_path)
        except msgspec.ValidationError as wrong:
            faults.append(f"{name}: {wrong}")
    if faults:
        raise Misconfigured("settings", "; ".join(sorted(faults)), "See docs/settings.md for names and shapes.")
    return Settings(**values)


def _path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise NotImplementedError(f"{kind} from {value!r}")
