"""What every real file becomes, as text: the same in each process, whatever the hash seed.

`python tests/real_files.py FOLDER` prints the answers for all files of the reference data as JSON.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from nirdynap.compile import nir_to_dynapcnn
from nirdynap.errors import CompileError


def real_files(data: Path) -> Iterator[Path]:
    """Every .nir file of the reference data's public repositories and exporters, the broken ones too."""
    yield from sorted((data / "nir_files").glob("*.nir"))
    yield from sorted((data / "framework_exports").glob("*/*.nir"))


def answer(path: Path, **options: str) -> str:
    """Digest of the spec and its notes, or all that stands against it. Anything but a CompileError is raised."""
    try:
        spec = nir_to_dynapcnn(path, **options)
    except CompileError as error:
        return str(error)
    return "\n".join([spec.digest(), *map(str, spec.notes)])


def answers(data: Path) -> dict[str, str]:
    """`answer` under the convention that is detected, by the file's path."""
    return {str(path.relative_to(data)): answer(path) for path in real_files(data)}


def names_a_node(refusal: str) -> bool:
    """Is there a node's name in the first line: as a place, or in the edge that is wrong?"""
    first = refusal.splitlines()[0]
    return bool(re.search(r"at \$\.nodes\.\S|edge \S+ -> \S+|without a (source|target): \w|layers, ", first))


if __name__ == "__main__":
    print(json.dumps(answers(Path(sys.argv[1]))))
