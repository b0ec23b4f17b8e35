"""Files given to commands: read whole, or refused by name."""

from __future__ import annotations

from pathlib import Path

import yaml

from tollgate.domain.errors import Invalid, Problem


def text_of(file: Path) -> str:
    """A text file. Raises Invalid for one that is not UTF-8."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(str(file), [Problem(f"byte {error.start}", "expected text in UTF-8")]) from error


def yaml_of(file: Path) -> object:
    """A YAML file. Raises Invalid, also for a day that no calendar has."""
    text = text_of(file)
    try:
        document: object = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise Invalid(str(file), [Problem(place, f"expected YAML: {error.problem}")]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise Invalid(str(file), [Problem("", f"expected YAML: {error}")]) from error
    return document
