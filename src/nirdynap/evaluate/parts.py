"""What a run has done so far: a folder beside its output, from which a stopped run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from nirdynap.atomic import UNFINISHED, open_atomically, write_atomically
from nirdynap.errors import CANNOT_WRITE, EXTRA_MISSING, OTHER_RUN, Diagnostic, InputError, StoreError, raise_errors
from nirdynap.evaluate.work import Row
from nirdynap.ir.spec import Spec

_ABOUT = "run.json"
_PARTS = "[0-9]*.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One file for each group of samples that is done, and one that says of which run they are.

    Attributes:
        folder: where they are.
        spec: whose rows they hold.
        columnar: the module that writes and reads them.
        schema: their columns.
    """

    folder: Path
    spec: Spec
    columnar: ModuleType
    schema: Any

    def holds(self, number: int, names: Sequence[str], first: int) -> bool:
        """Is the group of that number done, with samples of the same names? `first` is the index of the first.

        Raises:
            InputError: ND754 if they had others.
        """
        path = self._path(number)
        if not path.exists() or (before := self.columnar.read_names(path, self.schema)) is None:
            return False
        if before != list(names):
            raise InputError([_other(self.folder, f"samples {first} ...", _listed(before), _listed(names))])
        return True

    def write(self, number: int, rows: Sequence[Row]) -> None:
        """Keep the rows of a group.

        Raises:
            StoreError: ND605.
        """
        write_atomically(self._path(number), self.columnar.encode(self.spec, self.schema, rows))

    def merge(self, groups: int, target: Path) -> None:
        """Put the rows of all groups into one file, whole or not at all.

        Raises:
            InputError: ND754 if there are parts of more samples than those of this run.
            StoreError: ND605, ND757.
        """
        if self._path(groups).exists():
            raise InputError([_other(self.folder, "number of groups of samples", f"above {groups}", groups)])
        with open_atomically(target) as stream:
            self.columnar.merge(self.schema, map(self._path, range(groups)), stream)

    def remove(self) -> None:
        """Remove what the run has left; anything else in the folder stays, and so does the folder then."""
        for pattern in (_PARTS, _ABOUT, UNFINISHED):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:08}.parquet"


def open_parts(folder: Path, spec: Spec, about: Mapping[str, Any], group_size: int, content: str | None) -> Parts:
    """The parts in a folder, which is made if it is not there.

    Args:
        folder: for this output alone.
        spec: of the run; about: all that the rows depend on, and JSON can say.
        group_size: samples of a group.
        content: what tells these samples, labels included, from others of the same names; None where nothing does.

    Raises:
        InputError: ND754 for each difference to the run whose parts they are; ND901 without pyarrow.
        StoreError: ND605.
    """
    columnar = load_columnar()
    run = {**about, "group_size": group_size, "digest of recordings and labels": content}
    path = folder / _ABOUT
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError([CANNOT_WRITE.at(str(folder), value=error.strerror or str(error))]) from None
    if any(folder.glob(_PARTS)):
        raise_errors(_differences(folder, path, run), InputError)
    write_atomically(path, json.dumps(run).encode())
    return Parts(folder=folder, spec=spec, columnar=columnar, schema=columnar.schema_of(spec, about))


def _differences(folder: Path, path: Path, now: Mapping[str, Any]) -> Iterator[Diagnostic]:
    try:
        before = _flat(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        yield _other(folder, path.name, "whole", "missing or damaged")
        return
    for name, value in _flat(now).items():
        if before.get(name) != value:
            yield _other(folder, name, before.get(name), value)


def _flat(run: Mapping[str, Any]) -> dict[str, Any]:
    """Options each by itself, of records their names: what a person can compare."""
    flat: dict[str, Any] = {}
    for name, value in run.items():
        if isinstance(value, dict):
            flat |= value
        else:
            flat[name] = ", ".join(record["name"] for record in value) if isinstance(value, list) else value
    return flat


def _other(folder: Path, parameter: str, before: object, now: object) -> Diagnostic:
    return OTHER_RUN.at(str(folder), parameter=parameter, value=str(before), limit=str(now))


def _listed(names: Sequence[str]) -> str:
    return f"{names[0]} to {names[-1]} ({len(names)})"


def load_columnar() -> ModuleType:
    """The module that writes and reads columns.

    Raises:
        InputError: ND901 if pyarrow is not installed.
    """
    try:
        from nirdynap.evaluate import columnar
    except ModuleNotFoundError as error:
        if error.name != "pyarrow":
            raise
        raise InputError([EXTRA_MISSING.at("$.evaluate", value="pyarrow", limit="evaluate")]) from None
    return columnar
