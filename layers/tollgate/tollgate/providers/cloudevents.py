"""CloudEvents 1.0 over HTTP: one event, a batch, or an event whose attributes are headers; all of them JSON.

Sources: CloudEvents 1.0.2, "HTTP Protocol Binding" and "JSON Event Format" (2022). Always true of what comes out: an
event is the same whichever way it was sent, so that a retry may come another way.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote

from tollgate.domain.errors import Problem
from tollgate.providers.errors import Malformed
from tollgate.providers.provider import Request

NAME: Final = "platform"
ONE: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
JSON: Final = "application/json"
ACCEPTED: Final = (ONE, BATCH, JSON)
CHARSETS: Final = frozenset({"", "utf-8", "utf8", "us-ascii"})
# About one sending of an event, not about the event (the Distributed Tracing extension): they differ between retries.
MOST_DIGITS: Final = 64  # written out, a number with a large exponent fills the memory
OF_ONE_SENDING: Final = frozenset({"traceparent", "tracestate"})

type Event = dict[str, Any]
"""An event's attributes, with its ``data``; fractions are Decimals, as sent."""


class UnknownMedia(Malformed):
    """A body of a content type that is not read."""

    def __init__(self) -> None:
        super().__init__(NAME, [Problem("content-type", f"expected one of {', '.join(ACCEPTED)}, in UTF-8")])


def events_of(request: Request) -> list[object]:
    """The events of a request, in order; what is no event at all stays what it is. Raises Malformed, UnknownMedia."""
    media, charset = content_type(request.headers.get("content-type", ""))
    if charset not in CHARSETS:
        raise UnknownMedia
    if "ce-specversion" in request.headers and media not in (ONE, BATCH):
        return [_from_headers(request, media)]
    if media not in ACCEPTED:
        raise UnknownMedia
    body = json_value(request.body)
    if isinstance(body, list) and media != ONE:
        return [_plain(event) for event in body]
    if not isinstance(body, dict) or media == BATCH:
        expected = {ONE: "one event", BATCH: "a list of events"}.get(media, "an event or a list of events")
        raise Malformed(NAME, [Problem("", f"expected {expected}")])
    return [_plain(body)]


def content_type(header: str) -> tuple[str, str]:
    """The media type and the charset of a content type, in lower case; an empty charset when it names none."""
    media, *parameters = (part.strip() for part in header.lower().split(";"))
    named = [value.strip().strip('"') for name, _, value in (p.partition("=") for p in parameters) if name == "charset"]
    return media, named[0] if named else ""


def json_value(text: bytes | str) -> object:
    """JSON whose fractions are Decimals, as it is let in. Raises Malformed for what is not JSON."""
    value = queued_value(text)
    try:
        canonical(value)  # what cannot be written again cannot be queued
    except (ValueError, RecursionError):  # half a character, nested too deep
        raise Malformed(NAME, [Problem("", "expected JSON")]) from None
    return value


def queued_value(text: bytes | str) -> object:
    """The same of what has been let in, and need not be written again. Raises Malformed for what is not JSON."""
    try:
        return _EXACT.decode(text.decode() if isinstance(text, bytes) else text)
    except (ValueError, ArithmeticError, RecursionError):  # not UTF-8, not JSON, beyond Decimal, nested too deep
        raise Malformed(NAME, [Problem("", "expected JSON")]) from None


def canonical(value: object) -> str:
    """JSON in the one form that an equal value always has: fractions as written, names in order."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=lambda fraction: f"{fraction:f}")


def digest(event: Event) -> str:
    """What tells two contents of one event apart."""
    content = {name: value for name, value in event.items() if name not in OF_ONE_SENDING}
    return sha256(canonical(content).encode()).hexdigest()


def _fraction(text: str) -> Decimal:
    value = Decimal(text)
    if len(text) > MOST_DIGITS or abs(int(value.as_tuple().exponent)) > MOST_DIGITS:
        raise ValueError("no number of an event is that large or that small")
    return value


def _refuse(_constant: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


_EXACT: Final = json.JSONDecoder(parse_float=_fraction, parse_constant=_refuse)


def _from_headers(request: Request, media: str) -> object:
    media = media or JSON  # a sender that says nothing of the data sends JSON
    if not _is_json(media):
        raise UnknownMedia
    attributes = {name[3:]: unquote(value) for name, value in request.headers.items() if name.startswith("ce-")}
    return _plain({**attributes, "datacontenttype": media, "data": json_value(request.body)})


def _plain(event: object) -> object:
    """An event without absent attributes, its data as JSON, and its content type only where that is not JSON's."""
    if not isinstance(event, dict):
        return event
    plain = {name: value for name, value in event.items() if value is not None}
    media = content_type(str(plain.get("datacontenttype", JSON)))[0]
    if _is_json(media):
        plain.pop("datacontenttype", None)
        encoded = plain.get("data_base64")
        if isinstance(encoded, str) and "data" not in plain:
            plain = _decoded(plain, encoded)
    return plain


def _decoded(event: Mapping[str, Any], encoded: str) -> Event:
    """The event with its data out of base64; left as it is, to be refused, when that is not JSON."""
    try:
        data = json_value(base64.b64decode(encoded, validate=True))
    except (ValueError, Malformed):
        return dict(event)
    return {name: value for name, value in event.items() if name != "data_base64"} | {"data": data}


def _is_json(media: str) -> bool:
    return media == JSON or media.endswith("+json")
