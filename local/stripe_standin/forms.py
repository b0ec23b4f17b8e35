"""Form decoding: `a[b]=`, `a[0][b]=` and `a[]=` become nested dicts and lists of strings."""

import re
from typing import Any
from urllib.parse import parse_qsl

from .errors import ParameterError

KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
PART = re.compile(r"\[([^\[\]]*)\]")


def decode(text: str) -> dict[str, Any]:
    """Nested parameters of a form body or query string; scalars stay strings.

    Raises ParameterError for a malformed key, a key given twice, or one that is both a value and an object.
    """
    root: dict[str, Any] = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        match = KEY.match(key)
        if not match:
            raise ParameterError(f"Invalid parameter name: {key}", param=key)
        _place(root, [match.group(1), *PART.findall(match.group(2))], value, key)
    return {name: _lists(node) for name, node in root.items()}


def _place(root: dict[str, Any], parts: list[str], value: str, key: str) -> None:
    node = root
    for depth, part in enumerate(parts):
        name = part or str(len(node))
        if depth == len(parts) - 1:
            if name in node:
                raise ParameterError(f"Parameter given twice: {key}", param=key)
            node[name] = value
            return
        child = node.setdefault(name, {})
        if not isinstance(child, dict):
            raise ParameterError(f"Both a value and an object: {key}", param=key)
        node = child


def _lists(node: Any) -> Any:
    """A dict whose keys are 0..n-1 is a list.

    A map with the keys 0..n-1 would be read as a list too, as Stripe's own encoding cannot tell them apart.
    """
    if not isinstance(node, dict):
        return node
    if sorted(node) == sorted(str(i) for i in range(len(node))):
        return [_lists(node[str(i)]) for i in range(len(node))]
    return {key: _lists(child) for key, child in node.items()}
