"""Which requests belong together: their ids, URLs and connections."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .context import Context

Request = dict[str, Any]


def compare_sessions(context: Context) -> None:
    """All comparisons of this module."""
    _uses(context)
    _places(context)


def _uses(context: Context) -> None:
    """How many requests share a session, and whether all headers of a request name the same one."""

    def pattern(requests: list[Request]) -> tuple[list[int], bool]:
        uses: Counter[str] = Counter()
        consistent = True
        for request in requests:
            names = {value for _, value in request["headers"] if value.startswith("{SESSION:")}
            uses.update(names)
            consistent = consistent and len(names) <= 1
        return sorted(uses.values()), consistent

    golden, ours = pattern(context.golden.requests), pattern(context.ours.requests)
    context.findings.equal("requests.sessions.consistent", golden[1], ours[1])
    if not context.case.cut:
        context.findings.equal("requests.sessions.uses", golden[0], ours[0])


def by_session(requests: list[Request]) -> list[list[Request]]:
    """The requests of each session, in order of arrival."""
    sessions: dict[str, list[Request]] = defaultdict(list)
    for number, request in enumerate(requests):
        names = {value for _, value in request["headers"] if value.startswith("{SESSION:")}
        sessions[min(names, default=f"no. {number}")].append(request)
    return list(sessions.values())


def _places(context: Context) -> None:
    """To which URLs the turns of a session go; with connections that belong to sessions, over how many."""
    if context.case.cut:
        return
    golden, ours = by_session(context.golden.requests), by_session(context.ours.requests)

    def targets(sessions: list[list[Request]]) -> list[list[str]]:
        found = [[request["target"] for request in session] for session in sessions]
        return found if context.case.sequential else sorted(found)

    context.findings.equal("requests.sessions.targets", targets(golden), targets(ours))
    if context.case.value("--connection-reuse-strategy") == "sticky-user-sessions":

        def shares(sessions: list[list[Request]]) -> tuple[list[int], int]:
            used = [{request["conn"] for request in session} for session in sessions]
            return sorted(map(len, used)), len(set().union(*used))

        context.findings.equal("requests.sessions.connections", shares(golden), shares(ours))
