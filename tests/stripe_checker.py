"""Passes requests that a Stripe stand-in recorded through the request checker, where that program can be found.

The checker compares each request with the description of API version 2026-10-28.endive: names, nesting, types, required
parameters, enumerations, form encoding, and rules that only Stripe's prose has.
"""

import importlib.util
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "shared" / "stripe" / "validate_requests.py"
ABSENT = "the Stripe request checker ../shared/stripe/validate_requests.py is not there"


class RecordedRequest(Protocol):
    """A request as it arrived at the stand-in; header names in lower case."""

    @property
    def method(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> str: ...


@dataclass(frozen=True)
class Recorded:
    """One entry of the stand-in's request log."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: str


@cache
def _program() -> ModuleType:
    specification = importlib.util.spec_from_file_location("stripe_request_checker", PROGRAM)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.path.insert(0, str(PROGRAM.parent))  # it imports its neighbour by name
    try:
        specification.loader.exec_module(module)
        module.Spec.load()
    finally:
        sys.path.remove(str(PROGRAM.parent))
    return module


@cache
def _description() -> Any:
    return _program().Spec.load()


def is_there() -> bool:
    return PROGRAM.is_file()


def report(requests: Iterable[RecordedRequest]) -> dict[str, Any]:
    """The report `{requests, errors, warnings, by_operation, problems}`; skips the test without the checker."""
    if not is_there():
        pytest.skip(ABSENT)
    checker = _program().Checker(_description())
    for request in requests:
        checker.check(request.method, request.target, request.headers, request.body)
    found: dict[str, Any] = checker.report()
    return found


def problems(requests: Iterable[RecordedRequest]) -> list[dict[str, Any]]:
    """What Stripe would reject or misread, [] when nothing."""
    return [problem for problem in report(requests)["problems"] if problem["level"] == "error"]
