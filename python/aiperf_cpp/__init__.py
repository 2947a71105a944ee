"""Benchmarks of generative-AI inference servers."""

from aiperf_cpp._core import ConfigError, RunError, __version__

__all__ = ["ConfigError", "RunError", "__version__"]
