"""``make up``: brings the system up on this machine, or up to date, and says where it is."""

import os
import sys

from local import ports
from local.stack import DEFAULT_ROOT, LocalStack
from local.steps import StepError, Steps


def main() -> int:
    """Exit status 0 when everything answers, 1 with a message when a step failed."""
    stack = LocalStack(root=DEFAULT_ROOT, ports=ports.wanted(ports.USUAL, os.environ))
    steps = Steps()
    try:
        document = stack.up(steps)
    except StepError as failure:
        print(f"\n{failure}\nWhat already runs stays up; `make up` continues, `make down` stops it.", file=sys.stderr)
        return 1
    print(f"Up after {steps.summary()}\n")
    for name in ("api", "console", "mails", "aws", "stripe"):
        print(f"  {name:8} {document[name]}")
    print(f"\nEverything else is in {stack.endpoints_file}. Stop with `make down`, wipe with `make reset`.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
