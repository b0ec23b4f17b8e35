"""What an item weighs, by the rules that the benchmark counts with too."""

from local.bench.capacity import LIMIT_BYTES, WRITE_UNIT_BYTES, weight, write_units

__all__ = ["LIMIT_BYTES", "WRITE_UNIT_BYTES", "weight", "write_units"]
