"""All comparisons of a case with what our program did."""

from __future__ import annotations

from .console import compare_console
from .context import Context
from .csv_table import compare_csv
from .files import compare_ending, compare_file_names, compare_inputs, compare_ready_marker
from .phases import compare_phases
from .records import compare_records
from .requests import compare_requests
from .summary import compare_summary
from .timing import compare_best_times

__all__ = ["Context", "compare_all"]


def compare_all(context: Context) -> None:
    """Runs every comparison; what differs is in `context.findings`."""
    compare_ending(context)
    compare_file_names(context)
    compare_ready_marker(context)
    compare_requests(context)
    compare_inputs(context)
    compare_records(context)
    compare_best_times(context)
    compare_summary(context)
    compare_phases(context)
    compare_csv(context)
    compare_console(context)
