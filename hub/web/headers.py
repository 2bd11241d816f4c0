"""The headers that every answer carries, so that a browser does nothing with it but show it.

Owns: the strict defaults; a view that needs less strictness sets its own header first.
Never: weakens what a view has set.
Source: OWASP Secure Headers; RFC 6797 (HSTS counts only over TLS).
"""

from __future__ import annotations

from flask import Response, request

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
SANDBOX = f"{NOTHING}; sandbox"
REVALIDATE = "private, no-cache"  # may be kept by the caller, never used without asking again
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": NOTHING,
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def protect(response: Response) -> Response:
    """The response with every protective header; HSTS when the request came over TLS."""
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    if request.is_secure or request.headers.get("X-Forwarded-Proto") == "https":
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    return response
