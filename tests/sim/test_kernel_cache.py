"""Compiled kernels come back from Numba's disk cache only if no file that they are made of has changed.

That cache looks at the file of the function asked for, and at no other. So each such file holds a digest of the others;
``pytest tests/sim/test_kernel_cache.py --update-golden`` writes it.
"""

import re
from hashlib import sha256
from pathlib import Path

import pytest

import nirdynap

PACKAGE = Path(nirdynap.__file__).parent
KERNELS = sorted(PACKAGE.glob("sim/kernels/*.py"))
SOURCES = [*KERNELS, *(PACKAGE / name for name in ("sim/layout.py", "sim/plan.py", "sim/routes.py", "ir/units.py"))]
LINE = re.compile(r"^# Sources \(tests/sim/test_kernel_cache.py\): [0-9a-f]*$", re.MULTILINE)
CACHED = [path for path in KERNELS if re.search(r"cache=True", path.read_text())]


def digest(change=""):
    """Of all sources but for the lines that hold it."""
    return sha256("\0".join(LINE.sub("", path.read_text() + change) for path in SOURCES).encode()).hexdigest()[:16]


@pytest.mark.parametrize("path", CACHED, ids=lambda path: path.stem)
def test_a_file_with_cached_kernels_changes_whenever_another_does(path, request):
    line = f"# Sources (tests/sim/test_kernel_cache.py): {digest()}"
    if request.config.getoption("--update-golden"):
        path.write_text(LINE.sub(line, path.read_text()))
    assert line in path.read_text().splitlines()


@pytest.mark.parametrize("path", CACHED, ids=lambda path: path.stem)
def test_only_what_python_calls_is_cached(path):
    """A kernel that another one calls would come back from a cache of its own, whatever its file is made of."""
    cached = re.findall(r"@njit\([^)]*cache=True[^)]*\)\ndef (\w+)", path.read_text())
    assert cached
    assert all(name.startswith("run_") for name in cached)


def test_the_digest_changes_with_the_sources_and_not_with_itself():
    assert digest("# something else") != digest()
    assert digest("# Sources (tests/sim/test_kernel_cache.py): 0123") == digest(
        "# Sources (tests/sim/test_kernel_cache.py): "
    )
