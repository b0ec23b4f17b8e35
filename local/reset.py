"""``make reset``: stops the local system and wipes its state, secrets and mails."""

from local.stack import DEFAULT_ROOT, LocalStack


def main() -> None:
    """Wipe the instance in ``.local``."""
    LocalStack(root=DEFAULT_ROOT).reset()
    print(f"Stopped and wiped {DEFAULT_ROOT}.")


if __name__ == "__main__":
    main()
