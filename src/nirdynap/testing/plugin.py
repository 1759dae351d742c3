"""The pytest plugin: a `.nir` file as a test of its own.

    import pytest

    @pytest.mark.dynapcnn_equivalence("model.nir", chip="speck2f", convention="sinabs")
    def test_model(): ...

pytest loads this file whenever nirdynap is installed, so it imports nothing that such a test does not need.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_MARK = "dynapcnn_equivalence"
_NO_NAME = re.compile(r"[^-+.=\[\]\w]+")  # what names of files had better not hold


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that accepts what a network does now."""
    group = parser.getgroup("nirdynap")
    group.addoption("--nirdynap-update", action="store_true", help=f"write the snapshots of {_MARK} tests anew")


def pytest_configure(config: pytest.Config) -> None:
    """The marker is known under --strict-markers."""
    text = 'path of a .nir file beside the test, chip="speck2f", inputs=None, and options of nirdynap.verify'
    config.addinivalue_line("markers", f"{_MARK}(source, **options): {text}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """What the marker asks for, in front of the test's own body."""
    mark = item.get_closest_marker(_MARK)
    if mark is None:
        return
    from nirdynap.errors import NirdynapError
    from nirdynap.testing.network_test import check_network

    folder = item.path.parent
    options = {name: folder / value if name == "inputs" else value for name, value in mark.kwargs.items()}
    update = bool(item.config.getoption("--nirdynap-update"))
    try:
        check_network(*(folder / path for path in mark.args), snapshot=_snapshot_of(item), update=update, **options)
    except NirdynapError as error:
        failure = str(error)
    else:
        return
    pytest.fail(failure, pytrace=False)


def _snapshot_of(item: pytest.Item) -> Path:
    """Beside the test's file: <file>.<test>.json, with the class between them where there is one."""
    _, _, name = item.nodeid.partition("::")
    return item.path.with_name(f"{item.path.stem}.{_NO_NAME.sub('.', name)}.json")
