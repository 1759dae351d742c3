"""The command `nirdynap`, also as `python -m nirdynap.cli`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the words of the command line and exit; Ctrl-C is quiet also while the rest is still being imported."""
    try:
        from nirdynap.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
