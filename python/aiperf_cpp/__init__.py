"""Benchmarks of generative-AI inference servers.

    import aiperf_cpp as ap

    result = ap.profile(url="localhost:8000", model="m", streaming=True, concurrency=8, request_count=100)
    print(result["time_to_first_token"].p99)

Nothing is printed, and no signal handler is touched.
"""

from aiperf_cpp._config import RunConfig
from aiperf_cpp._core import ConfigError, FinishedRequest, ProcessError, RunError, Snapshot, __version__
from aiperf_cpp._load import load, recover
from aiperf_cpp._metric import ErrorCount, Metric
from aiperf_cpp._result import Result
from aiperf_cpp._run import Run, profile
from aiperf_cpp._settings import Setting, Settings
from aiperf_cpp._validity import Calibration, Evidence, OwnShare, Reason, Validity

#: The AIPERF_* settings of this process, read from os.environ at each access.
settings = Settings()

__all__ = [
    "Calibration",
    "ConfigError",
    "ErrorCount",
    "Evidence",
    "FinishedRequest",
    "Metric",
    "OwnShare",
    "ProcessError",
    "Reason",
    "Result",
    "Run",
    "RunConfig",
    "RunError",
    "Setting",
    "Settings",
    "Snapshot",
    "Validity",
    "__version__",
    "load",
    "profile",
    "recover",
    "settings",
]
