"""Runs what a file says, shows how far it is, and ends with the slowest requests.

slowest_requests.py CONFIG.json [COUNT]
"""

from __future__ import annotations

import sys

import aiperf_cpp as ap
import numpy as np


def main(path: str, count: str = "5") -> None:
    with ap.Run(ap.RunConfig.from_file(path)) as run:
        for snapshot in run.watch(every=0.5):
            print(snapshot, file=sys.stderr)
    result = run.result()
    records = result.records
    good = np.flatnonzero((records["state"] == 3) & (records["error"] == 0))
    latency_ms = (records["last_content_ns"][good] - records["send_start_ns"][good]) / 1e6
    for index in np.argsort(latency_ms)[::-1][: int(count)]:
        slot = int(good[index])
        print(f"record {slot}: {latency_ms[index]:.1f} ms, {records['output_tokens'][slot]} tokens")
    print(f"{result.valid} good answers, {result.failed} failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
