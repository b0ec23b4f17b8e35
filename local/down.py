"""``make down``: stops what `make up` started. Its state is kept for the next time."""

from local.stack import DEFAULT_ROOT, LocalStack


def main() -> None:
    """Stop the instance in ``.local``."""
    stopped = LocalStack(root=DEFAULT_ROOT).down()
    print(f"Stopped {', '.join(stopped)}; state kept in {DEFAULT_ROOT}." if stopped else "Nothing was running.")


if __name__ == "__main__":
    main()
