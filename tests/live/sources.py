"""Which files the results of a framework hang on, so that results older than those files are noticed."""

from __future__ import annotations

import hashlib
from pathlib import Path

FRAMEWORKS = ("norse", "rockpool", "sinabs", "snntorch", "spikingjelly", "spyx")

_HERE = Path(__file__).parent
_ROOM = _HERE.parents[1] / "src" / "nirdynap" / "frameworks"


def source_digests(framework: str) -> dict[str, str]:
    """SHA-256 (hex) by name of the room's files, those of other frameworks left out, and of the runner's."""
    others = {*FRAMEWORKS, "plain_torch"} - {framework}
    files = [file for file in _ROOM.glob("*.py") if file.stem not in others]
    files += [_HERE / f"{name}.py" for name in (f"models_{framework}", "run", "integers", "expected")]
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(files, key=lambda f: f.name)}
