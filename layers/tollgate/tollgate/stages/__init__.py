"""Order of steps: load, decide (domain), save, announce; what happens on a repeat. Ports and ``now`` come in."""
