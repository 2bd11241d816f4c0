"""The contract itself: the OpenAPI file as it is, and the same file as a page that people can read.

Owns: /api/v1/openapi.yaml and /api/v1/docs.
Never: loads anything from elsewhere; runs a script.
Source: OpenAPI 3.1; CSP Level 3 (nonce for the one style sheet).
"""

from __future__ import annotations

import secrets
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from flask import Blueprint, Response, render_template

from hub.web import headers
from hub.web.api import shown

METHODS = ("get", "post")


def routes() -> Blueprint:
    """The two paths, open to everybody."""
    made = Blueprint("contract", __name__, url_prefix=shown.ROOT)
    made.add_url_rule("/openapi.yaml", view_func=openapi, methods=["GET"])
    made.add_url_rule("/docs", view_func=docs, methods=["GET"])
    return made


def openapi() -> Response:
    """The contract as we publish it."""
    response = Response(_text(), content_type="application/yaml")
    response.headers["Cache-Control"] = "no-cache"
    return response


def docs() -> Response:
    """The contract as a page."""
    nonce = secrets.token_urlsafe(16)
    api = contract()
    page = render_template("api_docs.html", api=api, operations=_operations(api), nonce=nonce, resolve=_resolve)
    response = Response(page, content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = f"{headers.NOTHING}; style-src 'nonce-{nonce}'"
    return response


@cache
def contract() -> dict[str, Any]:
    """The contract as plain values."""
    return yaml.safe_load(_text())


@cache
def _text() -> bytes:
    return (files("schemas") / "openapi" / "hub-api.v1.yaml").read_bytes()


def _operations(api: dict[str, Any]) -> list[dict[str, Any]]:
    """Every operation with its path, method and all its parameters."""
    found = []
    for path, item in api["paths"].items():
        shared = item.get("parameters", [])
        for method in METHODS:
            if method in item:
                merged = [_resolve(one) for one in (*shared, *item[method].get("parameters", []))]
                found.append(item[method] | {"path": path, "method": method.upper(), "parameters": merged})
    return found


def _resolve(node: dict[str, Any]) -> dict[str, Any]:
    """The node that a `$ref` into this same file means, with its name."""
    if "$ref" not in node:
        return node
    place: Any = contract()
    for step in node["$ref"].removeprefix("#/").split("/"):
        place = place[step]
    return place | {"ref": node["$ref"].rsplit("/", 1)[-1]}
