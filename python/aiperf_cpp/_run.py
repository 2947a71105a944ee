"""A benchmark as an object: started, watched, cancelled, waited for."""

from __future__ import annotations

import asyncio
import atexit
import weakref
from typing import TYPE_CHECKING

from aiperf_cpp import _core
from aiperf_cpp._config import RunConfig
from aiperf_cpp._result import Result
from aiperf_cpp._sources import CoreSource
from aiperf_cpp._surroundings import surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self, Unpack

    from aiperf_cpp._options import RunOptions

#: How often wait_async() looks, seconds.
_ASYNC_INTERVAL = 0.02

#: Runs whose threads call Python; they must be over before the interpreter is.
_CALLING: weakref.WeakSet[Run] = weakref.WeakSet()


@atexit.register
def _end_calls() -> None:
    for run in list(_CALLING):
        run.abort()
        run._core.wait(None)


class _Sink:
    """Calls a function for each finished request and keeps what it raises."""

    def __init__(self, function: Callable[[_core.FinishedRequest], object]) -> None:
        self._function = function
        self.error: BaseException | None = None

    def __call__(self, request: _core.FinishedRequest) -> None:
        try:
            self._function(request)
        except BaseException as error:
            self.error = error
            raise


class Run:
    """One benchmark: checked when made, started by start() or on entering `with`.

        with ap.Run(model="m", concurrency=8, request_count=100) as run:
            for snapshot in run.watch(every=0.5):
                print(snapshot)
        print(run.result())

    Leaving the block waits for the end; leaving it by an exception cancels the run first. Waiting never holds the GIL.
    Ctrl-C during a wait cancels the run, lets it write its artifacts, and raises KeyboardInterrupt; a second one ends
    it at once. All methods may be called from any thread.
    """

    def __init__(
        self,
        config: RunConfig | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        on_record: Callable[[_core.FinishedRequest], object] | None = None,
        **options: Unpack[RunOptions],
    ) -> None:
        """Checks the options (of `config`, changed by `options`) and the AIPERF_* settings of `environment`.

        `environment` is os.environ where it is not given. Raises ConfigError; nothing has been started then.

        `on_record` is called once for each finished request, warm-up and errors included, on one thread that follows
        the workers; no request waits for it. Every call is over before the result is there. An exception in it ends
        the calls and not the run: see record_error.
        """
        config = (config or RunConfig()).replace(**options)
        self._sink = None if on_record is None else _Sink(on_record)
        self._core = _core.Run(config._core, *surroundings(environment), self._sink)
        self._started = False

    @property
    def config(self) -> RunConfig:
        """The options with every default filled in (the seed drawn, the directory named)."""
        return RunConfig._from_core(self._core.config)

    @property
    def artifact_directory(self) -> Path:
        """Where the artifacts are written."""
        return self._core.artifact_directory

    @property
    def done(self) -> bool:
        """True once result() does not block."""
        return self._core.done

    @property
    def record_error(self) -> BaseException | None:
        """What `on_record` has raised, which ended its calls."""
        return None if self._sink is None else self._sink.error

    def start(self) -> Self:
        """Starts the run in the background. A second call does nothing."""
        self._started = True
        if self._sink is not None:
            _CALLING.add(self)
        self._core.start()
        return self

    def cancel(self) -> None:
        """Asks the run to end: what is in flight is closed and recorded as cancelled, artifacts are written."""
        self._core.cancel()

    def abort(self) -> None:
        """Ends the run at once, without artifacts. The journal stays: see recover()."""
        self._core.abort()

    @property
    def api_url(self) -> str | None:
        """Where the results server listens, with `api_port`; None: there is none, or not yet."""
        return self._core.api_url or None

    @property
    def api_token(self) -> str | None:
        """The token clients of the results server need (`Authorization: Bearer`); None: none, or no server yet."""
        return self._core.api_token or None

    def close(self) -> None:
        """Waits for the end of the run and of its results server, which stays for a grace after the result.

        Ctrl-C ends the grace. A run that was never started is closed.
        """
        if not self._started:
            return
        self.wait()
        try:
            self._core.wait_closed(None)
        except KeyboardInterrupt:
            self._core.end_hold()
            self._core.wait_closed(None)
            raise

    def where(self) -> list[str]:
        """Lines for a person: the step of the run with its deadline, its processes with their states."""
        return self._core.where()

    def children(self) -> list[int]:
        """The pids of the run's processes; none with the thread backend."""
        return self._core.children()

    def snapshot(self) -> _core.Snapshot:
        """The run at this moment."""
        return self._core.snapshot()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits for the end, at most `timeout` seconds (None: without limit). True = over."""
        self._require_start()
        try:
            return self._core.wait(timeout)
        except KeyboardInterrupt:
            self._cancel_and_settle()
            raise

    def watch(self, every: float = 0.5) -> Iterator[_core.Snapshot]:
        """A snapshot every `every` seconds while the run lasts, and one at its end."""
        over = False
        while not over:
            over = self.wait(every)
            yield self.snapshot()

    def result(self) -> Result:
        """Waits for the end and returns what the run leaves, whichever way it ended."""
        self.wait()
        return Result(CoreSource(self._core.result()))

    async def wait_async(self) -> Result:
        """As result(), without blocking the event loop. Cancelling the task that waits does not cancel the run."""
        self._require_start()
        while not self._core.wait(0.0):
            await asyncio.sleep(_ASYNC_INTERVAL)
        return self.result()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._cancel_and_settle()

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is not None:
            self._core.cancel()
        await self.wait_async()
        if kind is not None:
            self._core.end_hold()
        while not self._core.wait_closed(0.0):
            await asyncio.sleep(_ASYNC_INTERVAL)

    def _require_start(self) -> None:
        if not self._started:
            raise _core.RunError("the run was never started")

    def _cancel_and_settle(self) -> None:
        """Cancels and waits until the artifacts are written; Ctrl-C meanwhile ends the run at once."""
        self._core.cancel()
        try:
            self._core.wait(None)
        except KeyboardInterrupt:
            self._core.abort()
            self._core.wait(None)
            raise

    def __repr__(self) -> str:
        state = repr(self.snapshot()) if self._started else "not started"
        return f"<Run {state} in {self.artifact_directory}>"


def profile(
    config: RunConfig | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    **options: Unpack[RunOptions],
) -> Result:
    """Runs one benchmark to its end.

    Raises ConfigError for options that are refused (nothing has been started then), and RunError for a run that could
    not be finished; ProcessError where that is because a process of it died. `error.result` is what there is of it.
    Failed requests are no exception: see Result.errors.
    """
    with Run(config, environment=environment, **options) as run:
        result = run.result()
    if result.status == "incomplete":
        kind = _core.ProcessError if result.error_type == "ProcessError" else _core.RunError
        error = kind(result.error or "the run ended before it was complete")
        error.result = result
        raise error
    return result
