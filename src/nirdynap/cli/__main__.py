"""`python -m nirdynap.cli` is the command `nirdynap`."""

from nirdynap.cli.main import main

if __name__ == "__main__":
    main()
