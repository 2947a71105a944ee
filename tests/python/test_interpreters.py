"""A second interpreter in one process is refused with a sentence; the first one goes on."""

from __future__ import annotations

import subprocess
import sys

# Asks for the package in an interpreter beside the first, by whichever module this Python has for it.
SCRIPT = """
import sys
import aiperf_cpp as ap

inner = '''
import sys
sys.path[:] = {path!r}
try:
    import aiperf_cpp
except ImportError as error:
    print("refused:", error, flush=True)
else:
    print("imported", flush=True)
'''.format(path=sys.path)

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

number = interpreters.create()
interpreters.run_string(number, inner)
interpreters.destroy(number)
print(ap.RunConfig(model="m").model_names)
"""


def test_a_subinterpreter_is_refused_and_the_main_one_goes_on() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refusal, after = done.stdout.splitlines()
    assert refusal.startswith("refused: ")
    assert "subinterpreter" in refusal
    assert after == "['m']"


def test_a_subinterpreter_that_asks_first_is_refused_and_the_main_one_may_ask_later() -> None:
    script = SCRIPT.replace("import aiperf_cpp as ap\n", "", 1).replace(
        "print(ap.", "import aiperf_cpp as ap\nprint(ap."
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refusal, after = done.stdout.splitlines()
    assert "subinterpreter" in refusal
    assert after == "['m']"
