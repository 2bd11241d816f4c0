"""What hostile tests share with the rooms that they attack."""

from __future__ import annotations

from tests.bundles.conftest import made

__all__ = ["made"]
