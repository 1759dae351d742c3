"""Where the files lie that ship with nirdynap but live at its repository's root: schemas and the digits example."""

from importlib.resources import files
from pathlib import Path

_PACKAGE = Path(str(files("nirdynap")))
_HOMES = {"schemas": "schemas", "digits": "examples/digits"}


def shipped(kind: str, name: str) -> Path:
    """Path of a shipped file: inside an installed wheel, or in the repository for an editable install.

    Args:
        kind: "schemas" or "digits".
        name: file name inside that folder.

    Raises:
        FileNotFoundError: the installation is incomplete.
    """
    in_wheel = _PACKAGE / "_shared" / kind / name
    in_repository = _PACKAGE.parents[1] / _HOMES[kind] / name
    for path in (in_wheel, in_repository):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"nirdynap is not completely installed: {kind}/{name} is neither at {in_wheel} nor {in_repository}"
    )
