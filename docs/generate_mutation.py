"""Writes docs/mutation.md from tests/mutation/results and what was judged of them (``make docs``)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
MUTATION = ROOT / "tests" / "mutation"

HEAD = """# Would a test notice?

<!-- written by docs/generate_mutation.py -->

`make mutation` changes one thing at a time in the code (another operator, number, text or argument, an argument
left out) and runs the tests that reach the changed function, until one fails. The score is the share of changes that
were noticed. What was not noticed is listed below: some are no mistakes (the same for every input that can occur), the
others are what the tests still leave open.

It takes hours for all modules: `make mutation MODULES="lower.trim passes.pairs"` does some, and with `--missed` among
them only what was not noticed the last time, with `--ending=147` a sample of the changes: those whose numbers end in
one of these digits. Where a row has fewer run than possible changes, that is how it was made. The kernels themselves
are compiled and not changed: each is compared with the oracle bit for bit.
"""


def page() -> str:
    """The page, from what lies in the folder."""
    results = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(MUTATION.glob("results/*.json"))
    }
    judged = json.loads((MUTATION / "judged.json").read_text(encoding="utf-8"))
    lines = [*table(results, judged), "", "## What was not noticed", ""]
    for module, result in results.items():
        if result["missed"]:
            lines += [f"### {module}", "", *survivors(module, result, judged), ""]
    return HEAD + "\n" + "\n".join(lines).rstrip() + "\n"


def table(results: dict[str, Any], judged: list[dict[str, str]]) -> Iterator[str]:
    """A row for each module, and one for all of them."""
    yield "| module | possible | run | noticed | score | not noticed, of these equivalent |"
    yield "|---|---|---|---|---|---|"
    for module, result in results.items():
        same = sum(why(module, change, judged) is not None for change in result["missed"])
        yield row(module, result["possible"], result["changes"], result["noticed"], same)
    counts = [sum(result[key] for result in results.values()) for key in ("possible", "changes", "noticed")]
    every = sum(why(m, change, judged) is not None for m, r in results.items() for change in r["missed"])
    yield row("**all of these**", *counts, every)


def row(module: str, possible: int, changes: int, noticed: int, equivalent: int) -> str:
    """Counts and the score, rounded down."""
    score = f"{1000 * noticed // max(changes, 1) / 10} %"
    return f"| {module} | {possible} | {changes} | {noticed} | {score} | {changes - noticed}, {equivalent} |"


def survivors(module: str, result: dict[str, Any], judged: list[dict[str, str]]) -> Iterator[str]:
    """Each change that was not noticed, and why it is no mistake."""
    for change in result["missed"]:
        before, after = (" ".join(change[key].split()).replace("`", "'") for key in ("from", "to"))
        reason = why(module, change, judged)
        yield f"* {change['function']}: `{before}` became `{after}`: {reason or '**open**'}"


def why(module: str, change: dict[str, str], judged: list[dict[str, str]]) -> str | None:
    """What was judged of it: the first entry whose words all occur in it; None if nothing was."""
    for entry in judged:
        fits = entry["module"] == module and entry["function"] == change["function"]
        if fits and entry["from"] in change["from"] and entry["to"] in change["to"]:
            return entry["why"]
    return None


if __name__ == "__main__":
    (ROOT / "docs" / "mutation.md").write_text(page(), encoding="utf-8")
