"""`hub key`: shows the key that signs receipts, and changes it for a new one.

Owns: what is said about the key; the change is done by hub/signatures/keys.py.
Never: prints a private key or its passphrase, or touches a key that the deployment configured itself.
Source: threat E22 (hub key rolled).
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hub import settings, wiring
from hub.settings import Settings
from hub.signatures.anchors import Purpose, Trust
from hub.signatures.keys import CERTIFICATE_FILE, KEY_FILE, HubKey, kid_of, roll_hub_key, trusted_of
from hub.stations import utc_now


@click.group()
def key() -> None:
    """Khóa ký biên nhận / the key that signs receipts."""


@key.command()
def show() -> None:
    """Khóa nào, của ai, còn bao lâu, ở đâu / which key, whose, for how long, where."""
    configured = settings.load()
    _tell(wiring.hub_key(configured), configured)


@key.command()
def roll() -> None:
    """Thay khóa; biên nhận cũ vẫn kiểm được / change the key; old receipts stay verifiable."""
    configured = settings.load()
    kept = configured.trust / Purpose.HUB.value
    if configured.signing_key is not None:
        _advise(configured.signing_key, kept)
        sys.exit(1)
    new = roll_hub_key(configured.data_dir / "keys", kept)
    click.echo("✓ Đã thay khóa / the key was changed")
    _tell(new, configured)
    click.echo("    → Khởi động lại trục để dùng khóa mới / restart the hub so that it uses the new key")
    click.echo(
        "    → Gửi chứng thư mới cho các đơn vị, giữ bản sao của khóa / "
        "send the new certificate to the agencies, keep a copy of the key"
    )


def _tell(found: HubKey, configured: Settings) -> None:
    own = found.certificates[0]
    place = configured.signing_key or configured.data_dir / "keys" / KEY_FILE
    certificate = configured.signing_certificate or configured.data_dir / "keys" / CERTIFICATE_FILE
    days = (own.not_valid_after_utc - utc_now()).days
    click.echo(f"Chủ thể / subject: {own.subject.rfc4514_string()}")
    click.echo(f"kid: {found.kid}")
    click.echo(f"Hiệu lực / valid: {own.not_valid_before_utc:%Y-%m-%d} → {own.not_valid_after_utc:%Y-%m-%d}")
    click.echo(f"Còn / left: {days} ngày / days")
    click.echo(f"Khóa / key: {place}")
    click.echo(f"Chứng thư / certificate: {certificate}")
    for old in trusted_of(found, Trust.load(configured.trust))[1:]:
        click.echo(f"Khóa cũ vẫn được tin / old key, still trusted: {kid_of(old)} ({old.subject.rfc4514_string()})")


def _advise(configured: Path, kept: Path) -> None:
    click.echo(f"Khóa do đơn vị cấu hình / the key was configured: HUB_SIGNING_KEY = {configured}")
    click.echo(f"    1. Chép chứng thư hiện nay vào {kept} / copy today's certificate to {kept}")
    click.echo("    2. Tạo khóa EC P-256 mới, xin chứng thư / make a new EC P-256 key and have it certified")
    click.echo(
        "    3. Đặt HUB_SIGNING_KEY, HUB_SIGNING_CERTIFICATE (và HUB_SIGNING_KEY_PASSPHRASE) rồi khởi động lại / "
        "set them to the new files and restart"
    )
    click.echo("    4. Chạy `hub key show` rồi `hub audit chain` / run `hub key show`, then `hub audit chain`")
    click.echo("    → Đừng xóa khóa cũ trước bước 4 / do not delete the old key before step 4")
