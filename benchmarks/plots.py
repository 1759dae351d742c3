"""The plots of docs/speed.md, as SVG; the same document gives the same bytes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from rivals import RIVALS

Row = dict[str, Any]
TITLES = {rival.name: rival.title for rival in RIVALS}
# Okabe and Ito's colours, which everybody can tell apart.
COLOURS = {
    "clocked": "#0072b2",
    "event": "#d55e00",
    "sinabs": "#009e73",
    "snntorch": "#cc79a7",
    "norse": "#e69f00",
    "spike by spike": "#56b4e9",
    "whole frames": "#000000",
}
STYLE = {"svg.hashsalt": "nirdynap", "svg.fonttype": "none", "font.size": 10, "axes.grid": True, "grid.alpha": 0.25,
         "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}  # fmt: skip


def draw(found: Row, folder: Path) -> None:
    """speed-ratios.svg, speed-steps.svg, speed-activity.svg, speed-operations.svg."""
    with matplotlib.rc_context(STYLE):
        for name, plot in (
            ("ratios", _ratios),
            ("steps", _steps),
            ("activity", _activity),
            ("operations", _operations),
        ):
            figure = Figure(figsize=(7.5, 4.2), layout="constrained")
            plot(figure.subplots(), found)
            figure.savefig(folder / f"speed-{name}.svg", metadata={"Date": None, "Creator": None})


def _lines(axes: Axes, at: Sequence[float], values: Iterator[tuple[str, list[float | None]]]) -> None:
    for name, column in values:
        points = [(x, y) for x, y in zip(at, column, strict=True) if y is not None]
        ours = name not in TITLES
        axes.plot(
            *zip(*points, strict=True),
            label=TITLES.get(name, name),
            color=COLOURS[name],
            linestyle="-" if ours else "--",
            marker="o",
            linewidth=3 if name == "clocked" else 1.5,
            alpha=0.6 if name == "clocked" else 1,
            markersize=4 if ours else 3,
        )


def _milliseconds(rows: Sequence[Row]) -> Iterator[tuple[str, list[float | None]]]:
    for name in rows[0]["ms"]:
        yield name, [row["ms"].get(name) for row in rows]


def _logarithmic(axes: Axes, x: str, y: str) -> None:
    axes.set(xscale="log", yscale="log", xlabel=x, ylabel=y)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def _activity(axes: Axes, found: Row) -> None:
    rows = found["growth"]["activity"]
    percent = [100 * row["value"] for row in rows]
    _lines(axes, percent, _milliseconds(rows))
    _logarithmic(axes, "inputs that spike in a step, %", "ms for 300 steps")
    axes.set_title("16 to 16 channels on 16x16, kernel 3x3", fontsize=10)


def _operations(axes: Axes, found: Row) -> None:
    rows = found["growth"]["activity"]
    percent = [100 * row["value"] for row in rows]
    columns = {
        name: [1e6 * row["ms"][name] / max(row["operations"][name], 1) for row in rows]
        for name in rows[0]["operations"]
    }
    _lines(axes, percent, iter(columns.items()))
    axes.axhline(1e9 / found["roof"], color="#999999", linestyle=":", label="roof: load, add, store in L1")
    _logarithmic(axes, "inputs that spike in a step, %", "ns per synaptic operation")


def _steps(axes: Axes, found: Row) -> None:
    rows = found["growth"]["time step"]
    _lines(axes, [row["steps"] for row in rows], _milliseconds(rows))
    _logarithmic(axes, "time steps of one recording", "ms")
    axes.set_title(f"{found['base']}: the same events in more and more steps", fontsize=10)


def _ratios(axes: Axes, found: Row) -> None:
    there = [name for name in found["peers"] if any("ms" in work["peers"][name] for work in found["workloads"])]
    bars = [(name, run) for name in there for run in ("clocked", "event")]
    if not bars:
        axes.set_title("no peer was there")
        return
    width = 0.8 / len(bars)
    for k, (name, run) in enumerate(bars):
        rows = [work["peers"][name] for work in found["workloads"]]
        axes.bar(
            [i + (k - (len(bars) - 1) / 2) * width for i in range(len(rows))],
            [row.get(f"{run}_faster", math.nan) for row in rows],
            width * 0.92,
            color=COLOURS[name],
            alpha=1 if run == "clocked" else 0.5,
            label=f"{run}, {TITLES[name]}",
        )
    names = [f"{work['workload']}\nbatch {work['batch']}" for work in found["workloads"]]
    axes.set_xticks(range(len(names)), names)
    axes.set(yscale="log", ylabel="times faster than the peer")
    axes.axhline(1, color="#999999")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.legend(ncols=len(there), fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1))
