"""Every public name of the package is documented."""

from __future__ import annotations

import dataclasses
import inspect
import re

import aiperf_cpp as ap
import pytest
from aiperf_cpp import _core, _settings

CLASSES = {name: value for name in ap.__all__ if inspect.isclass(value := getattr(ap, name))}
REACHED = {"LivePercentiles": _core.LivePercentiles, "Group": _settings.Group}  # by attributes of exported ones

#: Names of what every exception has.
INHERITED = set(dir(RuntimeError)) | set(dir(ValueError))


def members(kind: type) -> list[tuple[str, object]]:
    """The public methods, properties and plain attributes of a class, those of its own bases included."""
    found = {name: inspect.getattr_static(kind, name) for name in dir(kind) if not name.startswith("_")}
    return [(name, value) for name, value in found.items() if name not in INHERITED or not issubclass(kind, Exception)]


def undocumented(kind: type) -> list[str]:
    fields = {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    missing = []
    for name, value in members(kind):
        plain = name in fields or isinstance(value, (str, int, type(None)))
        told = f"`{name}`" in (inspect.getdoc(kind) or "") if plain else bool((inspect.getdoc(value) or "").strip())
        missing += [] if told else [name]
    missing += [name for name in fields if f"`{name}`" not in (inspect.getdoc(kind) or "")]
    return sorted(set(missing))


def test_the_package_and_its_functions_are_documented() -> None:
    assert ap.__doc__
    functions = [name for name in ap.__all__ if inspect.isroutine(getattr(ap, name))]
    assert {"load", "profile", "recover"} <= set(functions)
    assert [name for name in functions if not inspect.getdoc(getattr(ap, name))] == []


@pytest.mark.parametrize("name", [*CLASSES, *REACHED])
def test_every_member_of_a_public_class_is_documented(name: str) -> None:
    kind = {**CLASSES, **REACHED}[name]
    assert (kind.__doc__ or "").strip()
    assert undocumented(kind) == []


def test_a_member_without_a_word_is_found() -> None:
    @dataclasses.dataclass
    class Bare:
        """Has `told`."""

        told: int
        untold: int

        def method(self) -> None: ...

        @property
        def documented(self) -> int:
            """It is."""
            return 1

    assert undocumented(Bare) == ["method", "untold"]


def test_documented_names_of_the_package_exist() -> None:
    """`ap.name` in a docstring is a name there is."""
    texts = [inspect.getdoc(value) or "" for value in [ap, *CLASSES.values()]]
    named = {name for text in texts for name in re.findall(r"\bap\.(\w+)", text)}
    assert named
    assert named <= set(ap.__all__)
