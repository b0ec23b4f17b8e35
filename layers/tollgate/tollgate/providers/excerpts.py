"""What a receipt says of one message, as JSON that may be shown: the rest of its batch is left out, and people hidden.

Always true: of a list only those parts are kept that name the message, and of an object around them only its own plain
values; so what is about other messages, which may be other tenants', does not leave here. A receipt that does not name
the message where it can be seen gives nothing at all.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from urllib.parse import parse_qsl

from tollgate.domain.facts import MessageKey
from tollgate.providers import platform
from tollgate.providers.incoming import FORM_FIELDS, json_value
from tollgate.providers.masking import HIDDEN, MOST_DEPTH, masked

ENVELOPED: Final = frozenset({"Message", "whatsAppWebhookEntry"})
"""Fields of AWS's envelopes that hold JSON in a string."""
_SOME_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)  # a message's identity does not depend on it


def excerpt(provider: str, body: bytes, message: MessageKey, *, known: Collection[str]) -> Any:
    """What a receipt says of a message; None when it says nothing. ``known``: further ids that may be shown."""
    tree = _opened(_tree(body), depth=0)
    ids = {part for part in (*known, _unescaped(message.message)) if part}
    if provider == platform.NAME:
        events = tree if isinstance(tree, list) else [tree]
        about: Any = [event for event in events if _is_of(event, message)] or None
        ids |= {part.replace("%7C", "|").replace("%25", "%") for part in _unescaped(message.message).split("|")}
    else:
        about = _about(tree, _unescaped(message.message))
    return None if about is None else masked(about, known=ids)


def _tree(body: bytes) -> Any:
    """A body as JSON, a form as an object of its fields."""
    value = json_value(body)
    if value is not None:
        return value
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=FORM_FIELDS)
    except ValueError:
        return None
    return dict(pairs)


def _opened(value: object, *, depth: int) -> Any:
    """With the JSON inside of envelopes' strings as JSON, and nothing deeper than is looked at."""
    if depth > MOST_DEPTH:
        return HIDDEN
    match value:
        case dict():
            return {
                name: _opened(_unwrapped(child) if name in ENVELOPED else child, depth=depth + 1)
                for name, child in value.items()
            }
        case list():
            return [_opened(child, depth=depth + 1) for child in value]
    return value


def _unwrapped(value: object) -> object:
    inner = json_value(value) if isinstance(value, str) else None
    return value if inner is None else inner


def _about(value: object, identity: str) -> Any:
    """The parts that name a message: an object that names it itself is whole. None: there are none."""
    match value:
        case dict():
            if identity in value.values():
                return value
            within = {name: _about(child, identity) for name, child in value.items()}
            if not any(part is not None for part in within.values()):
                return None
            plain = {name: child for name, child in value.items() if not isinstance(child, dict | list)}
            return {
                name: plain[name] if name in plain else within[name]
                for name in value
                if name in plain or within[name] is not None
            }
        case list():
            return [part for part in (_about(child, identity) for child in value) if part is not None] or None
    return None


def _is_of(event: object, message: MessageKey) -> bool:
    """Whether one of the platform's events is about a message."""
    checked = platform.check(event)
    if isinstance(checked, tuple) or not platform.is_usage(checked):
        return False
    return platform.fact_of(checked, at=checked.time or _SOME_TIME, hasher=str).key == message


def _unescaped(identifier: str) -> str:
    """An id as the provider wrote it, of one that is ``incoming.key_safe``."""
    return identifier.replace("%23", "#").replace("%25", "%")


def text(value: object, indent: str = "") -> str:
    """JSON on lines, with numbers digit by digit as they were sent."""
    inner = indent + "  "
    match value:
        case dict() if value:
            fields = [f"{inner}{json.dumps(name)}: {text(child, inner)}" for name, child in value.items()]
            return "{\n" + ",\n".join(fields) + f"\n{indent}}}"
        case list() if value:
            return "[\n" + ",\n".join(inner + text(child, inner) for child in value) + f"\n{indent}]"
        case Decimal():
            return f"{value:f}"
    return json.dumps(value, ensure_ascii=False)
