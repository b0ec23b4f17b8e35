"""The whole system for a test run: the real template on a local AWS of its own, with IAM enforced.

``stack`` is the document of ``endpoints.json``; ``place`` is that instance as the outside sees it; ``aws`` makes
clients with the root key. There is one deployment a run, on free ports, in a temporary folder, shared by the tests of
the pipeline and of the browser; tests keep apart by tenant. It shares only the build with `make up`, which may run at
the same time.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import ports
from local.demo.place import Place
from local.ministack import LocalAws
from local.stack import LocalStack, client
from local.steps import StepError


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The endpoints of a freshly deployed system."""
    instance = LocalStack(root=tmp_path_factory.mktemp("stack"), ports=ports.ANY, persist=False)
    try:
        yield instance.up()
    except StepError as failure:
        pytest.fail(str(failure), pytrace=False)
    finally:
        instance.down()


@pytest.fixture(scope="session")
def place(stack: dict[str, Any]) -> Place:
    """The deployed system, to send to and to ask."""
    return Place(Path(stack["mails"]).parent / "endpoints.json", stack)


@pytest.fixture(scope="session")
def aws(stack: dict[str, Any]) -> Callable[[str], Any]:
    """``aws("dynamodb")``: a client of the deployed system's AWS, with the root key."""
    local = LocalAws(endpoint=stack["aws"], region=stack["region"])
    return lambda service: client(local, service)
