"""Records as tables of pandas, Arrow and Polars, each of which is needed only by who asks for it."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    import numpy.typing as npt
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    Columns = Mapping[str, npt.NDArray[Any]]

#: Name of the index, or of the first column where a table has no index.
INDEX = "slot"


def optional(module: str, extra: str) -> ModuleType:
    """A module that the package does without until it is asked for; the error says how to get it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module:
            raise
        message = f'{module} is not installed; pip install "aiperf-cpp[{extra}]"'
        raise ModuleNotFoundError(message, name=module) from None


def column_name(tag: str, unit: str) -> str:
    """A metric's column: its tag, and its unit where the tag does not end with it ("time_to_first_token_ms")."""
    words = unit.lower().replace("%", "pct").replace("/", "_per_")
    suffix = "_" + re.sub(r"\W+", "_", words).strip("_")
    return tag if tag.endswith(suffix) else tag + suffix


def structured(columns: Columns) -> npt.NDArray[np.void]:
    """The columns side by side in one read-only structured array."""
    size = len(next(iter(columns.values()), ()))
    array = np.empty(size, dtype=[(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        array[name] = column
    array.flags.writeable = False
    return array


def to_pandas(index: npt.NDArray[np.int64], columns: Columns) -> pd.DataFrame:
    """The columns as a data frame."""
    pandas = optional("pandas", "pandas")
    frame: pd.DataFrame = pandas.DataFrame(dict(columns), index=pandas.Index(index, name=INDEX))
    return frame


def to_arrow(index: npt.NDArray[np.int64], columns: Columns) -> pa.Table:
    """The columns as an Arrow table; NaN becomes null."""
    arrow = optional("pyarrow", "arrow")
    arrays = {name: arrow.array(column, from_pandas=True) for name, column in {INDEX: index, **columns}.items()}
    table: pa.Table = arrow.table(arrays)
    return table


def to_polars(index: npt.NDArray[np.int64], columns: Columns) -> pl.DataFrame:
    """The columns as a Polars data frame; NaN becomes null."""
    polars = optional("polars", "polars")
    lists = {name: _for_polars(column) for name, column in {INDEX: index, **columns}.items()}
    frame: pl.DataFrame = polars.DataFrame(lists, nan_to_null=True)
    return frame


def _for_polars(column: npt.NDArray[Any]) -> Any:
    return column.tolist() if column.dtype == object else np.ascontiguousarray(column)
