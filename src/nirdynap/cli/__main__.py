"""`python -m nirdynap.cli` is the command `nirdynap`."""

from nirdynap.cli.main import main

main()
