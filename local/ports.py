"""Which loopback ports an instance listens on: its usual ones where they are free, any free ones otherwise."""

import json
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The port of each program of one instance; 0 asks for any free one."""

    api: int
    aws: int
    stripe: int
    identity: int


USUAL = Ports(api=8080, aws=4566, stripe=12111, identity=8081)
ANY = Ports(api=0, aws=0, stripe=0, identity=0)


def is_free(port: int) -> bool:
    """Whether nothing listens on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port(preferred: int = 0) -> int:
    """The preferred port when it is free, else one the system chooses."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
    return port


def wanted(usual: Ports, environment: Mapping[str, str]) -> Ports:
    """The usual ports, each replaced by TOLLGATE_API_PORT, TOLLGATE_AWS_PORT and so on where set."""
    return Ports(
        **{name: int(environment.get(f"TOLLGATE_{name.upper()}_PORT", port)) for name, port in asdict(usual).items()}
    )


def choose(record: Path, *, wanted: Ports, held: frozenset[str] = frozenset()) -> Ports:
    """The ports of the instance whose choice is kept in ``record``, writing the choice down.

    An earlier choice wins, because queue addresses inside the saved state name the port of the local AWS. A port is
    only given up when something else took it; ``held`` names those that the instance's own running programs hold.
    """
    kept: dict[str, int] = json.loads(record.read_text()) if record.exists() else {}
    chosen = {
        name: kept[name] if name in held and name in kept else free_port(kept.get(name, port))
        for name, port in asdict(wanted).items()
    }
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(json.dumps(chosen))
    return Ports(**chosen)
