"""The rules of the house that a compiler does not check: who may include whom, and what a library must not touch."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A folder may include itself and the folders before it ...
LAYERS = [
    "base",
    "settings",
    "config",
    "process",
    "http",
    "dataset",
    "schedule",
    "endpoint",
    "record",
    "load",
    "metric",
    "validity",
    "report",
    "api",
    "control",
]
# ... and these fewer still.
ONLY = {
    "base": set[str](),
    "settings": {"base"},
    "process": {"base"},
    "http": {"base"},
    "schedule": {"base", "settings", "config"},
    "record": {"base"},
    "metric": {"base", "record"},
    "validity": {"base", "record", "metric"},
}
# Programs and the umbrella header stand above all layers, and programs know the mock server.
ABOVE = {"programs", "aiperf.hpp", "mock"}

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
COMMENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def sources(*roots: str) -> list[Path]:
    found = [path for root in roots for path in (ROOT / root).rglob("*") if path.suffix in {".hpp", ".cpp"}]
    assert found, f"no sources under {roots}"
    return sorted(path for path in found if "target" not in path.parts)


def folder_of(path: Path) -> str:
    """The layer a source belongs to, by its place."""
    parts = path.relative_to(ROOT).parts
    return parts[2] if parts[0] == "include" else parts[1]


def code_of(path: Path) -> str:
    """The text without comments and string literals (the lines stay)."""

    def blank(match: re.Match[str]) -> str:
        return "\n" * match.group().count("\n")

    return COMMENT.sub(blank, path.read_text(encoding="utf-8"))


def allowed(folder: str) -> set[str]:
    if folder in ABOVE:
        return {*LAYERS, *ABOVE}
    return ONLY.get(folder, set(LAYERS[: LAYERS.index(folder)])) | {folder}


def wrong_includes(path: Path, text: str) -> list[str]:
    """Includes of `text`, a file at `path`, that point to a folder it must not know."""
    folder = folder_of(path)
    wrong = []
    for name in INCLUDE.findall(text):
        parts = Path(name).parts
        if parts[0] == "aiperf":
            target = parts[1]
        elif (path.parent / name).exists():
            target = folder_of((path.parent / name).resolve())
        else:
            wrong.append(f'{path.relative_to(ROOT)}: "{name}" is not found')
            continue
        if target not in allowed(folder):
            wrong.append(f'{path.relative_to(ROOT)}: "{name}" ({folder} must not know {target})')
    return wrong


def test_every_folder_is_a_known_layer() -> None:
    folders = {folder_of(path) for path in sources("include", "src")}
    assert folders <= {*LAYERS, *ABOVE}


def test_includes_point_to_lower_layers_only() -> None:
    wrong = [line for path in sources("include", "src") for line in wrong_includes(path, path.read_text("utf-8"))]
    assert wrong == []


@pytest.mark.parametrize(
    ("path", "include", "ok"),
    [
        ("include/aiperf/base/x.hpp", "aiperf/record/record.hpp", False),
        ("include/aiperf/record/x.hpp", "aiperf/base/clock.hpp", True),
        ("include/aiperf/record/x.hpp", "aiperf/config/run_config.hpp", False),
        ("src/control/x.cpp", "aiperf/report/artifacts.hpp", True),
        ("src/report/x.cpp", "aiperf/control/run.hpp", False),
        ("src/programs/x.cpp", "aiperf/control/run.hpp", True),
        ("src/base/x.cpp", "no_such_file.hpp", False),
    ],
)
def test_the_include_check_knows_right_from_wrong(path: str, include: str, ok: bool) -> None:
    assert (wrong_includes(ROOT / path, f'#include "{include}"\n') == []) == ok


# What only one file may use: pattern, files that may, why.
EXIT = r"(?<![\w.>~])(?:std::)?_?(?:quick_)?[eE]xit\s*\("
ABORT = r"(?<!\w)(?:std)?::abort\s*\(|\bstd::terminate\s*\("
RESERVED = [
    (r"\bsystem_clock\b|\bCLOCK_REALTIME\b", {"include/aiperf/base/clock.hpp", "src/base/clock.cpp"}),
    (r"\b(?:secure_)?getenv\b|\benviron\b", {"src/control/environment.cpp"}),
    (r"\bstd::(?:cout|cerr|clog)\b|(?<!\w)(?:std::)?v?f?(?:printf|puts|putchar)\s*\(", set[str]()),
    # The child's end of a supervised process: no orphan may go on, and signals are its starter's business.
    (f"{EXIT}|{ABORT}", {"src/process/child_link.cpp"}),
    (r"(?<![\w.>])(?:std::)?(?:signal|sigaction|sigprocmask)\s*\(", {"src/process/child_link.cpp"}),
]


@pytest.mark.parametrize(
    ("pattern", "exceptions"), RESERVED, ids=["wall clock", "environment", "print", "exit", "signal"]
)
def test_the_library_keeps_its_hands_off(pattern: str, exceptions: set[str]) -> None:
    found = []
    for path in sources("include", "src"):
        name = path.relative_to(ROOT).as_posix()
        if name in exceptions or folder_of(path) == "programs":
            continue
        code = code_of(path)
        found += [f"{name}:{code.count(chr(10), 0, m.start()) + 1}: {m.group()}" for m in re.finditer(pattern, code)]
    assert found == []


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ("std::exit(1);", True),
        ("_exit(1);", True),
        ("  exit (1);", True),
        ("int exit_code() const;", False),
        ("run.abort();", False),
        ("void Run::abort() noexcept {", False),
        ("std::abort();", True),
        ("::signal(SIGINT, f);", True),
        ("on_signal(2);", False),
        ('std::printf("x");', True),
        ('std::snprintf(b, 9, "x");', False),
        ("std::cout << 1;", True),
        ('auto* home = std::getenv("HOME");', True),
        ("const auto t = std::chrono::system_clock::now();", True),
    ],
)
def test_the_reserved_words_are_told_from_lookalikes(text: str, caught: bool) -> None:
    assert any(re.search(pattern, text) for pattern, _ in RESERVED) == caught


def test_every_header_is_guarded_once() -> None:
    headers = [path for path in sources("include", "src", "mock", "bindings") if path.suffix == ".hpp"]
    unguarded = [path for path in headers if not path.read_text(encoding="utf-8").startswith("#pragma once\n")]
    assert unguarded == []


def test_heavy_third_party_headers_stay_in_sources() -> None:
    heavy = re.compile(r"#\s*include\s+<(asio|simdjson|nlohmann/json\.hpp|spdlog/spdlog|restinio|CLI/|openssl/)")
    found = [path.relative_to(ROOT).as_posix() for path in sources("include") if heavy.search(path.read_text("utf-8"))]
    assert found == []
