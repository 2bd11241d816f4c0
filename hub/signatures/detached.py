"""The signature of a notice: a compact JWS over the digest of what is sent beside it.

Owns: its claims {iss, jti, iat, sha256} and its type, which no receipt has.
Never: carries the content itself.
Source: RFC 7515; RFC 7519 §4.1 (iss, jti, iat); RFC 8725 §3.11 (a type of its own); threat T6.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from joserfc import jws
from joserfc.jwk import ECKey

from hub.signatures.jws import ALGORITHM, canonical_json
from hub.signatures.keys import HubKey

TYPE = "notice+jws"


def sign_notice(body: bytes, *, notice_id: str, at: datetime, issuer: str, key: HubKey) -> str:
    """The hub's word that it sends `body` under this id at this time.

    Who receives it compares `sha256` with the digest of the bytes received, refuses an `iat` (seconds of the epoch)
    far from its own clock, and takes each `jti` once: a repeated attempt has the same `jti` and a new `iat`.
    """
    claims = {"iss": issuer, "jti": notice_id, "iat": int(at.timestamp()), "sha256": sha256(body).hexdigest()}
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": TYPE}
    signing_key = ECKey.import_key(key.private_key)
    return jws.serialize_compact(header, canonical_json(claims), signing_key, algorithms=[ALGORITHM])
