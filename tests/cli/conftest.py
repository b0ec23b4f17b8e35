"""AWS in process, shared with the other tests of entries."""

from tests.cloud import cloud, entry

__all__ = ["cloud", "entry"]
