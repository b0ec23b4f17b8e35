"""What a customer sends from their own page: a form as it stands there, with what they change in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urljoin

import urllib3

from local.steps import StepError

HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
SECONDS: Final = 60
AFTER_A_FORM: Final = 303


def submit(page: str, action: str, fields: Mapping[str, str]) -> None:
    """Load a page and send its form to ``action``, a path below it. Raises StepError when it is not accepted."""
    with urllib3.PoolManager(timeout=SECONDS) as pool:
        shown = pool.request("GET", page)
        cookies = [one.partition(";")[0] for one in shown.headers.getlist("Set-Cookie")]
        answer = pool.request(
            "POST",
            page + action,
            body=urlencode({**dict(HIDDEN.findall(shown.data.decode())), **fields}),
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "Cookie": "; ".join(cookies),
                "Origin": urljoin(page, "/").rstrip("/"),
            },
            redirect=False,
        )
    if answer.status != AFTER_A_FORM:
        raise StepError(f"the form at {page}{action} was answered with {answer.status}")
