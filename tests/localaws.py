"""The local AWS alone, without a deployed stack: for tests of adapters. One per test run, on a free port.

``local_aws`` is the session fixture (a ``local.ministack.LocalAws``); make clients with
``local_aws.session().client("dynamodb", endpoint_url=local_aws.endpoint)``. Nothing is saved when it stops. IAM is
enforced, and its key is the root key. Tests share it: give each table, queue or secret a name of its own.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import ministack
from local.ports import free_port

TOOL = Path(__file__).parents[1] / ".tools" / "ministack"


@pytest.fixture(scope="session")
def local_aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ministack.LocalAws]:
    """A local AWS with nothing in it."""
    if not TOOL.exists():
        pytest.fail("the local AWS is not installed: run `make .tools/ministack/.ready`")
    run = tmp_path_factory.mktemp("localaws")
    try:
        yield ministack.start(TOOL, port=free_port(), run=run, persist=False)
    finally:
        ministack.stop(run=run)
