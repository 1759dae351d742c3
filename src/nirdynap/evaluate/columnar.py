"""Rows in Parquet files; the only place of pyarrow."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from nirdynap.errors import DAMAGED_PART, StoreError
from nirdynap.evaluate.work import Row
from nirdynap.ir.spec import Spec
from nirdynap.ir.units import IntArray

DVS_DROPPED_COLUMN = "dvs_dropped"
COUNTERS = ("spikes", "synaptic_operations", "saturated", "dropped")
METADATA = b"nirdynap"
_ROWS_OF_A_GROUP = 1024  # of the file written at the end: fixed, so that its bytes depend on nothing but the rows
_UNREADABLE = (OSError, pa.ArrowException)


def output_prefix(spec: Spec, index: int) -> str:
    """In front of the columns of an Output, where there are several."""
    return f"output{index}." if len(spec.output_names) > 1 else ""


def schema_of(spec: Spec, about: Mapping[str, Any]) -> pa.Schema:
    """Columns of a spec's rows, with `about` as JSON in the metadata."""
    fields = [("index", pa.int64()), ("name", pa.string()), ("label", pa.int64()), ("error", pa.string())]
    fields += [("duration_us", pa.int64())]
    for index in range(len(spec.output_names)):
        prefix = output_prefix(spec, index)
        fields += [(f"{prefix}decision", pa.int64()), (f"{prefix}counts", pa.list_(pa.int64()))]
    fields += [(DVS_DROPPED_COLUMN, pa.int64())] if spec.dvs is not None else []
    fields += [(f"core{core.core}.{counter}", pa.int64()) for core in spec.cores for counter in COUNTERS]
    return pa.schema(fields, metadata={METADATA: json.dumps(about).encode()})


def encode(spec: Spec, schema: pa.Schema, rows: Sequence[Row]) -> bytes:
    """A small Parquet file."""
    columns = zip(*(_values(spec, row) for row in rows), strict=True)
    arrays = [pa.array(list(values), field.type) for values, field in zip(columns, schema, strict=True)]
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), stream, write_page_checksum=True)
    return stream.getvalue()


def read_names(path: Path, schema: pa.Schema) -> list[str] | None:
    """The column of names, or None where there is no whole file with these columns."""
    try:
        table = _read(path)  # all of it: any of its pages may be damaged
    except _UNREADABLE:
        return None
    if not table.schema.equals(schema):
        return None
    names: list[str] = table.column("name").to_pylist()
    return names


def read_numbers(path: Path, column: str) -> tuple[IntArray, IntArray]:
    """A column of numbers, int64 [row], and bool [row]: is there one? (Zeros where there is none.)"""
    array = _column(path, column)
    return array.fill_null(0).to_numpy(), array.is_valid().to_numpy(zero_copy_only=False)


def read_errors(path: Path) -> Iterator[tuple[int, str, str]]:
    """Index, name and reason of each row without a result."""
    for batch in pq.ParquetFile(path).iter_batches(columns=["index", "name", "error"]):
        for index, name, error in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            if error is not None:
                yield index, name, error


def merge(schema: pa.Schema, parts: Iterable[Path], stream: BinaryIO) -> None:
    """Write all rows of the parts, in their order, as one file; the sizes of the parts leave no trace in its bytes.

    Raises:
        StoreError: ND757 for a part that cannot be read.
    """
    with pq.ParquetWriter(stream, schema) as writer:
        waiting = schema.empty_table()
        for part in parts:
            waiting = pa.concat_tables([waiting, _part(part)])
            while len(waiting) >= _ROWS_OF_A_GROUP:
                writer.write_table(waiting.slice(0, _ROWS_OF_A_GROUP).combine_chunks())
                waiting = waiting.slice(_ROWS_OF_A_GROUP)
        if len(waiting):
            writer.write_table(waiting.combine_chunks())


def _part(path: Path) -> pa.Table:
    try:
        return _read(path)
    except _UNREADABLE as error:
        raise StoreError([DAMAGED_PART.at(str(path), value=" ".join(str(error).split()))]) from None


def _read(path: Path) -> pa.Table:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read()


def _values(spec: Spec, row: Row) -> list[Any]:
    values = [row.index, row.name, row.label, row.error, row.duration_us]
    camera = [] if spec.dvs is None else [row.dvs_dropped]
    if row.error is not None:
        return [*values, *[None] * (2 * len(spec.output_names) + len(camera) + len(COUNTERS) * len(spec.cores))]
    for decision, counts in zip(row.decisions, row.counts, strict=True):
        values += [decision, counts]
    values += camera
    return [*values, *(getattr(stats, counter) for stats in row.stats for counter in COUNTERS)]


def _column(path: Path, name: str) -> pa.Array:
    with pq.ParquetFile(path) as file:
        return file.read(columns=[name]).column(0).combine_chunks()
