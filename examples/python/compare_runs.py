"""Two finished runs side by side, of this program or of AIPerf.

compare_runs.py DIRECTORY DIRECTORY
"""

from __future__ import annotations

import sys

import aiperf_cpp as ap

SHOWN = ("request_throughput", "output_token_throughput", "time_to_first_token", "inter_token_latency")


def main(*directories: str) -> None:
    before, after = (ap.load(directory) for directory in directories)
    print(f"{'':>32} {'before':>12} {'after':>12} {'change':>8}")
    for tag in SHOWN:
        if tag in before and tag in after:
            old, new = before[tag], after[tag]
            change = f"{new.avg / old.avg - 1:+.1%}" if old.avg else ""
            print(f"{f'{old.header} ({old.unit})':>32} {old.avg:>12.2f} {new.avg:>12.2f} {change:>8}")
    print(f"{'failed':>32} {before.failed:>12} {after.failed:>12}")


if __name__ == "__main__":
    main(*sys.argv[1:])
