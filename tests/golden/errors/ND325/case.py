"""Chip files that are none."""

from by_hand import simple


def no_such_file(folder):
    return simple(), {"chip": str(folder / "mine.toml")}


def not_toml(folder):
    (folder / "mine.toml").write_text("cores = [")
    return simple(), {"chip": folder / "mine.toml"}
