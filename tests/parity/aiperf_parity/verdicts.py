"""Judging a replayed case, and saying so in a line."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .compare import Context, compare_all
from .findings import Findings
from .policy import Policy, Rule, Verdict

if TYPE_CHECKING:
    from .case import Case
    from .replay import Replayed
    from .tokens import TokenCounter


@dataclass
class Judgement:
    """What is said about one case in one setup. `refused` is set where the program lacks the feature altogether."""

    case: Case
    label: str
    findings: Findings = field(default_factory=Findings)
    verdict: Verdict = field(default_factory=Verdict)
    refused: str | None = None

    @property
    def word(self) -> str:
        """passed, failed or not yet."""
        if self.refused is not None:
            return "not yet"
        return "failed" if self.verdict.failed else "passed"

    def fail(self, where: str, why: str) -> None:
        """Notes that the case could not be compared at all."""
        self.findings.holds(where, False, "a run", why)
        self.verdict.failed = self.findings.differences

    def lines(self) -> list[str]:
        """The line of the case, and those below it."""
        if self.refused is not None:
            return [f"not yet  {self.case.name} {self.label}: {self.refused}"]
        parts = [f"{self.findings.checks} checks"]
        if self.verdict.failed:
            parts.append(f"{len(self.verdict.failed)} differences")
        if self.verdict.allowed:
            parts.append(f"{len(self.verdict.allowed)} meant")
        result = [f"{self.word:7}  {self.case.name} {self.label} ({', '.join(parts)})"]
        result += [f"    FAILED {difference.text()}" for difference in self.verdict.failed]
        if self.verdict.not_yet:
            result.append(f"    not yet: {'; '.join(self.not_yet())}")
        if self.findings.skipped:
            result.append(f"    skipped: {'; '.join(grouped(self.findings.skipped))}")
        return result

    def not_yet(self) -> list[str]:
        """What is missing and known to be: one entry per rule, with how many names it covers here."""
        names: dict[Rule, set[str]] = defaultdict(set)
        for difference, rule in self.verdict.not_yet:
            names[rule].add(difference.metric or difference.where)
        return [f"{rule.metric or rule.field} ({len(found)})" for rule, found in names.items()]


def grouped(notes: list[str]) -> list[str]:
    """Notes of the form "recomputing X" put together."""
    recomputed = [note.removeprefix("recomputing ") for note in notes if note.startswith("recomputing ")]
    rest = [note for note in notes if not note.startswith("recomputing ")]
    return rest + ([f"recomputing {', '.join(recomputed)}"] if recomputed else [])


@dataclass(frozen=True)
class Judge:
    """What every judgement needs. `tolerances` are members of compare.Context."""

    policy: Policy
    count_tokens: TokenCounter | None
    tolerances: dict[str, float] = field(default_factory=dict)

    def __call__(self, case: Case, replayed: Replayed, workers: int, label: str = "") -> Judgement:
        """Compares and sorts what differs."""
        judgement = Judgement(case, label, refused=replayed.refused)
        if replayed.refused is None:
            findings = judgement.findings
            compare_all(Context(case, replayed.outcome, findings, self.count_tokens, workers, **self.tolerances))
            judgement.verdict = self.policy.judge(findings, case.ending)
        return judgement


def summary_lines(judgements: list[Judgement], policy: Policy, say_idle: bool = False) -> list[str]:
    """The last lines: what does not exist yet with reasons, rules that covered nothing if wanted, counts."""
    words = Counter(judgement.word for judgement in judgements)
    missing: dict[Rule, set[str]] = defaultdict(set)
    used: set[Rule] = set()
    for judgement in judgements:
        used |= {rule for _, rule in judgement.verdict.allowed + judgement.verdict.not_yet}
        for difference, rule in judgement.verdict.not_yet:
            missing[rule].add(difference.metric or difference.where)
    lines = [f"not yet: {', '.join(sorted(names))}: {rule.reason}" for rule, names in missing.items()]
    idle = [rule.metric or rule.field or "" for rule in (*policy.differences, *policy.not_yet) if rule not in used]
    if idle and say_idle:
        lines.append(f"exceptions without use here: {', '.join(idle)}")
    fields = len({name for names in missing.values() for name in names})
    lines.append(
        f"parity: {words['passed']} passed, {words['failed']} failed, {words['not yet']} not yet"
        f" ({len(judgements)} runs; {fields} fields not yet in those that passed or failed)"
    )
    return lines
