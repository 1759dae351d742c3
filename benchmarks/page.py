"""docs/speed.md from results/speed.json; ``python benchmarks/page.py`` writes page and plots anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rivals import RIVALS

HERE = Path(__file__).resolve().parent
DOCS = HERE.parent / "docs"
RESULTS = HERE / "results" / "speed.json"
TITLES = {rival.name: rival.title for rival in RIVALS}
Row = dict[str, Any]

INTRO = """\
# Speed

Written by `benchmarks/speed.py`; `make bench` measures again, and `python benchmarks/speed.py --quick` tries it in a
minute. The same networks, weights and recordings, in one run with sinabs, snnTorch and Norse: rounds alternate between
all of them, ratios are of one round, and medians of the rounds are told. One thread each, compile cache filled. Our
times include reading the events and making the result; those of the peers begin with the events as a dense tensor.
Both of our runs are exact to the bit, and are [different answers](why-the-numbers-differ.md): "clocked" computes in
time steps, as the peers do, "event" event by event, as the chip does."""

WHICH = """\
## Which code runs

Chosen by the structure of the network and by the processor (`nirdynap.sim.instruction_set()`):

* Clocked: the vector kernels run every network. Some steps of a layer at a time are taken spike by spike, so that cost
  follows spikes, or as whole frames where so many arrive that this costs less; what a spike and a frame cost was
  measured once. Steps whose sums might leave int16 are taken as whole frames too, and those whose sums might leave
  int32 in int64, slower. A sample whose membranes do leave their bits, where nothing is to be saturated, is run again
  by the plain kernels. All of it gives the same bits.
* Event: the vector kernels run every network, and at their best those in which every core listens to one source.
* On processors without AVX2 the plain kernels run both, some ten times slower."""

PART_NAMES = {
    "calls": "one call: events in, result out",
    "steps": "time steps of each layer",
    "events": "events: look-ups, and starting short runs of updates",
    "operations": "synaptic operations: load, add, store",
    "scanned": "comparing touched neurons with their thresholds",
}
FORCED = ("spike by spike", "whole frames")
GROWTH = {
    "time step": (
        "The {base} network: the same recording in time steps of other lengths.",
        "us, steps",
        lambda row: f"{row['value']:,}, {row['steps']:,}",
    ),
    "batch": (
        "The {base} network; milliseconds for all recordings together.",
        "recordings",
        lambda row: str(row["value"]),
    ),
    "activity": (
        "One layer of 16 to 16 channels on 16x16, kernel 3x3, 300 steps; the share of inputs that "
        "spike in a step. The clocked run chooses between its two ways, each of which is also shown by itself.",
        "active",
        lambda row: f"{row['value']:.0%}",
    ),
    "depth": ("Such layers one behind the other, 10 % active input.", "layers", lambda row: str(row["value"])),
}


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def page(found: Row) -> str:
    """The whole page."""
    parts = [
        INTRO,
        *_setting(found),
        *_side_by_side(found),
        *_rates(found),
        *_memory(found),
        *_growth(found),
        *_threads(found),
        *_start(found),
        *_where_time_goes(found),
        WHICH,
    ]
    return "\n\n".join(parts) + "\n"


def _setting(found: Row) -> Iterator[str]:
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines = [
        f"* Machine: {machine['processor']}, {machine['cores']} cores. Instructions: **{machine['instruction_set']}**. "
        f"{versions}.",
        *(f"* {TITLES[name]}: {peer['versions'] or 'not compared: ' + peer['missing']}."
          for name, peer in found["peers"].items()),
    ]  # fmt: skip
    about = {work["workload"]: work["about"] for work in found["workloads"]}
    lines += [f"* {name}: {text}." for name, text in about.items()]
    lines += [f"* {name}: not measured, {why}." for name, why in found["absent"].items()]
    yield "\n".join(lines)


def _who(work: Row) -> list[str]:
    return [work["workload"], str(work["batch"])]


def _side_by_side(found: Row) -> Iterator[str]:
    yield "## Side by side"
    yield "Milliseconds for a recording; in brackets, how many times faster our clocked and our event run are."
    peers = list(found["peers"])

    def cell(row: Row) -> str:
        if "missing" in row:
            return "-"
        return f"{number(row['ms'])} (**{row['clocked_faster']:.0f}**, {row['event_faster']:.0f})"

    header = ["network", "batch", "clocked", "event", *(TITLES[name] for name in peers)]
    yield table(
        header,
        [
            [*_who(work), *(number(work["ours"][run]["ms"]) for run in ("clocked", "event"))]
            + [cell(work["peers"][name]) for name in peers]
            for work in found["workloads"]
        ],
    )
    yield "![times faster than each peer](speed-ratios.svg)"
    yield "What a peer runs, and how we know that it is the same network:"
    yield "\n".join(
        f"* **{rival.title}**: {rival.note} {_equality(found, rival.name)}" for rival in RIVALS if rival.name in peers
    )


def _equality(found: Row, name: str) -> str:
    """Whether a peer gave the same spikes, and where it is missing."""
    rows = [(f"{work['workload']} at batch {work['batch']}", work["peers"][name]) for work in found["workloads"]]
    run = [(where, row) for where, row in rows if "missing" not in row]
    gaps = [f"On {where} it is missing: {row['missing']}." for where, row in rows if "missing" in row]
    if not run:
        return f"Not compared: {rows[0][1]['missing']}."
    odd = [where for where, row in run if not row["same_spikes"]]
    spikes = sum(row["spikes"] for _, row in run)
    verdict = (
        f"**Other spikes than ours** on {', '.join(odd)}."
        if odd
        else f"Each of its output neurons fires as often as ours on each recording ({spikes:,} spikes in all)."
    )
    return " ".join([verdict, *gaps])


def _rates(found: Row) -> Iterator[str]:
    top = found["roof"] / 1e9
    yield "## Synaptic operations"
    yield (
        f"A synaptic operation reads a weight, and reads and writes a membrane. The roof is {top:.0f} G/s: load, add "
        "and store over int16 in the first-level cache, a plain loop measured in the same run."
    )
    yield table(
        ["network", "batch", "run", "operations for a recording", "G/s", "of the roof"],
        [[*_who(work), run, *_rate(row)] for work in found["workloads"] for run, row in work["ours"].items()],
    )


def _rate(row: Row) -> Iterator[str]:
    yield f"{row['operations'] / 1e6:.1f} M"
    yield f"{row['operations_per_s'] / 1e9:.1f}"
    yield f"{row['of_roof']:.0%}"


def _memory(found: Row) -> Iterator[str]:
    yield "## Memory"
    yield (
        "Peak in MiB of a fresh process that runs the workload once; in brackets, by how much that is more than before "
        "the run, when packages are imported and, with ours, network and events are loaded."
    )

    def cell(row: Row) -> str:
        if "missing" in row:
            return "-"
        return f"{row['peak_bytes'] / 2**20:,.0f} (+{(row['peak_bytes'] - row['ready_bytes']) / 2**20:,.0f})"

    def share(work: Row) -> str:
        peer = work["peers"]["sinabs"]
        return "-" if "missing" in peer else f"{work['ours']['clocked']['peak_bytes'] / peer['peak_bytes']:.0%}"

    header = ["network", "batch", "clocked", "event", *(TITLES[name] for name in found["peers"]), "clocked, of sinabs'"]
    yield table(
        header,
        [
            [*_who(work), *map(cell, [*work["ours"].values(), *work["peers"].values()]), share(work)]
            for work in found["workloads"]
        ],
    )


def _growth(found: Row) -> Iterator[str]:
    yield "## What grows with what"
    yield "Milliseconds, on one thread; the peers run their own neurons, as above."
    for axis, (about, unit, show) in GROWTH.items():
        rows = found["growth"][axis]
        yield f"**{axis.capitalize()}.** {about.format(base=found['base'])}"
        series = list(rows[0]["ms"])
        header = [unit, *(TITLES.get(name, name) for name in series), "clocked, ns per operation"]
        header += ["clocked, of the better way"] if axis == "activity" else []
        yield table(header, [[show(row), *_grown(row, series)] for row in rows])
        if axis == "time step":
            yield "![time against the number of steps](speed-steps.svg)"
        if axis == "activity":
            yield "![time against activity](speed-activity.svg)"
            yield "![time of one synaptic operation against activity](speed-operations.svg)"


def _grown(row: Row, series: Sequence[str]) -> Iterator[str]:
    yield from (number(row["ms"][name]) if name in row["ms"] else "-" for name in series)
    yield f"{1e6 * row['ms']['clocked'] / max(row['operations']['clocked'], 1):.3f}"
    forced = [row["ms"][way] for way in FORCED if way in row["ms"]]
    if forced:
        yield f"{row['ms']['clocked'] / min(forced):.2f}"


def _threads(found: Row) -> Iterator[str]:
    one = found["threads"][0]["ms"]
    yield f"**Threads.** 32 recordings of the {found['base']} network, milliseconds for all; the result is the same."
    yield table(
        ["threads", "clocked", "event", "clocked, times as fast", "event, times as fast"],
        [
            [str(row["value"]), *map(number, row["ms"].values())]
            + [f"{one[run] / ms:.2f}" for run, ms in row["ms"].items()]
            for row in found["threads"]
        ],
    )


def _start(found: Row) -> Iterator[str]:
    start = found["start"]
    heavy = ", ".join(start["heavy_after_import"]) or "neither numba, torch nor nir"
    yield "## The first call"
    yield (
        f"`import nirdynap` takes {start['import_s']:.3f} s and loads {heavy}. Seconds from there to the first result "
        f"of one {found['base']} recording in a fresh process, with loading the network:"
    )
    yield table(
        ["run", "compile cache filled", "nothing compiled yet"],
        [[run, *(_seconds(start[run], name) for name in ("cached_s", "compile_s"))] for run in ("clocked", "event")],
    )


def _seconds(row: Row, name: str) -> str:
    return f"{row[name]:.2f}" if name in row else "not measured"


def _each(nanoseconds: float) -> str:
    return f"{nanoseconds / 1000:.3g} us" if abs(nanoseconds) >= 1000 else f"{nanoseconds:.2g} ns"


def _where_time_goes(found: Row) -> Iterator[str]:
    if not found["parts"]:
        return
    parts = found["parts"]
    yield "## Where the time of a clocked run goes"
    yield (
        "With all steps taken spike by spike. What each thing costs was fitted to the times of small layers (16 to 16 "
        "channels on 16x16, kernels 1x1 to 7x7, events near each other or far apart). Put together for a network, and "
        "beside the time measured, in ms:"
    )
    nanoseconds = next(iter(parts.values()))["ns"]
    rows = [
        [text, _each(nanoseconds[name]), *(f"{part['ms'][name]:.2f}" for part in parts.values())]
        for name, text in PART_NAMES.items()
    ]
    rest = [part["measured_ms"] - sum(part["ms"].values()) for part in parts.values()]
    rows.append(["not explained: weights and membranes beyond the first-level cache, and error of the fit", "",
                 *(f"{value:+.2f}" for value in rest)])  # fmt: skip
    rows.append(["measured", "", *(f"{part['measured_ms']:.2f}" for part in parts.values())])
    rows.append(["all operations at the roof", "", *(f"{part['at_roof_ms']:.2f}" for part in parts.values())])
    yield table(["", "each", *parts], rows)
    share = 1e9 / nanoseconds["operations"] / found["roof"]
    yield (
        f"So an operation that stands in a row with others runs at {share:.0%} of the roof. But maps of 8 to 16 "
        "channels give each event only a few short rows, and finding them costs as much as filling them or more; the "
        "rest is looking for neurons that fire, and what each step and each call cost."
    )


def write(found: Row, folder: Path) -> None:
    """speed.md and its plots."""
    from plots import draw

    (folder / "speed.md").write_text(page(found), encoding="utf-8")
    draw(found, folder)


if __name__ == "__main__":
    write(json.loads(RESULTS.read_text(encoding="utf-8")), DOCS)
