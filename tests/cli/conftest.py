"""A network and recordings for all commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import write_events, write_graph


@pytest.fixture(scope="session")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_graph(tmp_path_factory.mktemp("net") / "net.nir")


@pytest.fixture(scope="session")
def too_large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2048 features: too many, and too much memory in both layers."""
    return write_graph(tmp_path_factory.mktemp("net") / "large.nir", features=2048)


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_events(tmp_path_factory.mktemp("recordings") / "recordings.npz")
