"""`python -m splitbrain`, and the console script `splitbrain`."""

import sys

from splitbrain import launcher


def main() -> int:
    """Carry out the command line; returns the exit code."""
    return launcher.launch(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
