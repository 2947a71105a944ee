"""The tools of bench/peers.py, and how each is asked for the same."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROMPT = "Say something about the weather in a few words, please."
BODY = {
    "messages": [{"role": "user", "content": PROMPT}],
    "model": "m",
    "max_completion_tokens": 16,
}
TOKENS = "16"  # of a prompt that a tool makes itself, and of an answer
FEW = 20  # connections at a rate where a tool wants a number: each has a round share of it


@dataclasses.dataclass
class Ask:
    """What a tool is to do."""

    url: str  # http://HOST:PORT
    work: Path  # an empty folder
    tokenizer: Path
    connections: int
    seconds: int = 1
    rate: int = 0  # constant, a second; 0: as many as it can, on all connections
    streaming: bool = False
    guess: int = 0  # requests of a run, for a tool that cannot be given a time

    @property
    def chat(self) -> str:
        return self.url + "/v1/chat/completions"

    @property
    def body(self) -> str:
        return json.dumps(BODY | {"stream": self.streaming})

    def file(self, name: str, text: str) -> str:
        path = self.work / name
        path.write_text(text)
        return str(path)


def flags_of_aiperf(ask: Ask) -> list[str]:
    """What this client and AIPerf have in common."""
    load = ["--concurrency", str(ask.connections), "--benchmark-duration", str(ask.seconds)]
    if ask.rate:
        rate = ["--request-rate", str(ask.rate), "--arrival-pattern", "constant", "--concurrency", "400"]
        load = [*rate, "--request-count", str(ask.rate * ask.seconds)]
    return [
        "profile", "--model", "m", "--url", ask.url, *load, *(["--streaming"] if ask.streaming else []),
        "--workers-max", "1", "--use-server-token-count", "--tokenizer", str(ask.tokenizer),
        "--isl", TOKENS, "--osl", TOKENS, "--random-seed", "1", "--ui", "none", "--export-level", "records",
        "--no-gpu-telemetry", "--no-server-metrics", "--artifact-dir", str(ask.work / "artifacts"),
    ]  # fmt: skip


def aiperf(ask: Ask) -> list[str]:
    return [*flags_of_aiperf(ask), "--record-processor-service-count", "1"]


def guidellm(ask: Ask) -> list[str]:
    profile = f"kind=constant,rate={ask.rate}" if ask.rate else f"kind=concurrent,streams={ask.connections}"
    backend = f"kind=openai_http,target={ask.url},request_format=/v1/chat/completions,model=m"
    return [
        "run", "--backend", f"{backend},stream={str(ask.streaming).lower()}", "--profile", profile,
        "--constraint", f"kind=max_duration,seconds={ask.seconds}",
        "--data", f"kind=synthetic_text,prompt_tokens={TOKENS},output_tokens={TOKENS}",
        "--tokenizer", f"kind=huggingface_auto,model={ask.tokenizer}",
        "--output", f"kind=json,path={ask.work / 'guidellm.json'}", "--disable-console",
    ]  # fmt: skip


def vllm(ask: Ask) -> list[str]:
    prompts = ask.file("prompts.jsonl", json.dumps({"prompt": PROMPT}) + "\n")
    requests = ask.rate * ask.seconds or ask.guess
    # No word for a constant rate: gamma gaps of a very large shape are one.
    rate = ["--request-rate", str(ask.rate), "--burstiness", "1e9"] if ask.rate else []
    return [
        "bench", "serve", "--backend", "openai-chat", "--base-url", ask.url, "--model", "m",
        "--tokenizer", str(ask.tokenizer), "--dataset-name", "custom", "--dataset-path", prompts,
        "--custom-output-len", TOKENS, "--num-prompts", str(requests), *rate,
        "--max-concurrency", "400" if ask.rate else str(ask.connections), "--disable-tqdm",
        "--save-result", "--save-detailed", "--result-dir", str(ask.work / "results"),
    ]  # fmt: skip


def wrk(ask: Ask) -> list[str]:
    script = f"wrk.method = 'POST'\nwrk.body = [[{ask.body}]]\nwrk.headers['Content-Type'] = 'application/json'\n"
    connections = FEW if ask.rate else ask.connections
    rate = [f"-R{ask.rate}"] if ask.rate else []
    return ["-t1", f"-c{connections}", f"-d{ask.seconds}s", *rate, "-s", ask.file("post.lua", script), ask.chat]


def h2load(ask: Ask) -> list[str]:
    body = ask.file("body.json", ask.body)
    load = ["-c", str(ask.connections)]
    if ask.rate:
        load = ["-c", str(FEW), f"--rps={ask.rate / FEW:g}"]
    return ["--h1", "-t1", *load, "-D", str(ask.seconds), "-d", body, "-H", "Content-Type: application/json", ask.chat]


def oha(ask: Ask) -> list[str]:
    load = ["-q", str(ask.rate), "-c", str(FEW)] if ask.rate else ["-c", str(ask.connections)]
    post = ["-m", "POST", "-T", "application/json", "-d", ask.body]
    return ["--no-tui", *load, "-z", f"{ask.seconds}s", *post, ask.chat]


def fortio(ask: Ask) -> list[str]:
    load = (
        ["-qps", str(ask.rate), "-c", str(FEW), "-uniform"] if ask.rate else ["-qps", "0", "-c", str(ask.connections)]
    )
    post = ["-content-type", "application/json", "-payload", ask.body]
    return ["load", "-quiet", *load, "-t", f"{ask.seconds}s", *post, ask.chat]


def vegeta(ask: Ask) -> list[str]:
    body = ask.file("body.json", ask.body)
    targets = ask.file("targets", f"POST {ask.chat}\nContent-Type: application/json\n@{body}\n")
    load = [f"-rate={ask.rate}"]
    if not ask.rate:
        load = ["-rate=0", f"-workers={ask.connections}", f"-max-workers={ask.connections}"]
    return ["attack", *load, f"-duration={ask.seconds}s", f"-targets={targets}", f"-output={ask.work / 'results'}"]


def k6(ask: Ask) -> list[str]:
    how: dict[str, str | int] = {"executor": "constant-vus", "vus": ask.connections}
    if ask.rate:
        how = {"executor": "constant-arrival-rate", "rate": ask.rate, "preAllocatedVUs": ask.connections}
    scenario = how | {"duration": f"{ask.seconds}s", "gracefulStop": "1s"}
    headers = {"headers": {"Content-Type": "application/json"}}
    script = (
        "import http from 'k6/http';\n"
        f"export const options = {{scenarios: {{it: {json.dumps(scenario)}}}}};\n"
        f"const body = {json.dumps(ask.body)}, parameters = {json.dumps(headers)};\n"
        f"export default function () {{ http.post({json.dumps(ask.chat)}, body, parameters); }}\n"
    )
    return ["run", "--quiet", "--no-usage-report", ask.file("script.js", script)]


@dataclasses.dataclass
class Tool:
    """One tool of the table."""

    name: str
    program: str
    command: Callable[[Ask], list[str]]
    version: str = "--version"
    parses: bool = False  # the events of a stream
    plain: bool = True  # answers that are no streams
    unlimited: bool = True  # can send as much as it is able to
    constant: bool = True
    slow: bool = False  # is not asked for the rates of the others
    environment: dict[str, str] = dataclasses.field(default_factory=dict)
    path: str = ""  # where it was found

    def argv(self, ask: Ask) -> list[str]:
        return [self.path, *self.command(ask)]

    def ask_version(self) -> tuple[str, float]:
        """What it says of itself, and how many seconds it takes to."""
        began = time.monotonic()
        done = subprocess.run(
            [self.path, *self.version.split()], capture_output=True, text=True, check=False,
            env=os.environ | self.environment,
        )  # fmt: skip
        took = time.monotonic() - began
        lines = (done.stdout + done.stderr).splitlines() or [""]
        found = re.search(r"\d+\.\d+(\.\d+)?", lines[0])
        return found[0] if found else "", took


OURS = "aiperf-cpp"
TOOLS = (
    Tool(OURS, "aiperf-cpp", flags_of_aiperf, parses=True),
    Tool("vllm-rs bench serve", "vllm-rs", vllm, parses=True, plain=False),
    Tool("AIPerf", "aiperf", aiperf, parses=True, slow=True),
    # Ten workers, as it has without the variable, take longer to start on one core than all else.
    Tool(
        "GuideLLM", "guidellm", guidellm, parses=True, slow=True,
        environment={"GUIDELLM__MAX_WORKER_PROCESSES": "1"},
    ),
    Tool("wrk", "wrk", wrk, constant=False),
    Tool("wrk2", "wrk2", wrk, unlimited=False),
    Tool("h2load", "h2load", h2load),
    Tool("oha", "oha", oha),
    Tool("fortio", "fortio", fortio, version="version"),
    Tool("vegeta", "vegeta", vegeta, version="-version"),
    Tool("k6", "k6", k6, version="version"),
)  # fmt: skip


def installed(folders: list[Path], ours: Path) -> tuple[list[Tool], list[str]]:
    """Those found, ours first, and the names of the others."""
    where = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    found: list[Tool] = []
    missing: list[str] = []
    for tool in TOOLS:
        tool.path = str(ours) if tool.name == OURS else shutil.which(tool.program, path=where) or ""
        if tool.path:
            found.append(tool)
        else:
            missing.append(tool.name)
    return found, missing
