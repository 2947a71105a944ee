"""How latency and throughput change with concurrency.

compare_concurrency.py ADDRESS MODEL [TOKENIZER]
"""

from __future__ import annotations

import sys

import aiperf_cpp as ap


def main(address: str, model: str, tokenizer: str = "builtin") -> None:
    base = ap.RunConfig(url=address, model=model, tokenizer=tokenizer, streaming=True, isl=64, osl=16, random_seed=1)
    print(f"{'concurrency':>11} {'requests/s':>10} {'TTFT p99 (ms)':>13} {'latency p99 (ms)':>16}")
    for concurrency in (1, 4, 16):
        directory = f"artifacts/compare/{concurrency}"
        config = base.replace(concurrency=concurrency, request_count=8 * concurrency, artifact_directory=directory)
        result = ap.profile(config)
        rate, ttft, latency = (result[tag] for tag in ("request_throughput", "time_to_first_token", "request_latency"))
        print(f"{concurrency:>11} {rate.value:>10.1f} {ttft.p99:>13.1f} {latency.p99:>16.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
