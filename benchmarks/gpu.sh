#!/usr/bin/env bash
# Everything that only a GPU can show, in under 8 minutes: a run of `train`, the CUDA tests, rotary embeddings under TF32, grouped heads without copies,
# and the speed of a training step, alone and against Trainer. Results are appended to benchmarks/RESULTS.md.
#
#     benchmarks/gpu.sh              on a machine with a GPU; without one, its parts are skipped
#     benchmarks/gpu.sh --dry-run    prints the parts and their limits, and checks the environment
#     benchmarks/gpu.sh --cpu        runs the parts that a CPU can run, at small sizes, and records nothing
#
# Each part has its own time limit, and the others run whether or not it fails. PYTHON names the interpreter (default: python3); LOGS the folder of logs.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
python=${PYTHON:-python3}
logs=${LOGS:-$(mktemp -d)}
mode=${1:-}
device=cuda
[ "$mode" = --cpu ] && device=cpu
case $mode in "" | --dry-run | --cpu) ;; *)
    echo "usage: benchmarks/gpu.sh [--dry-run | --cpu]" >&2
    exit 2
    ;;
esac
mkdir -p "$logs"
export PYTHONPATH=$PWD${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1 HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false
failed=0

# part NAME SECONDS COMMAND…: run a part, show the end of its log, record its outcome
part() {
    local name=$1 limit=$2 started=$SECONDS code
    shift 2
    if [ "$mode" = --dry-run ]; then
        echo "$name (at most $limit s): $*"
        return
    fi
    echo "== $name"
    timeout -k 10 "$limit" "$@" >"$logs/$name.log" 2>&1
    code=$?
    tail -n 4 "$logs/$name.log"
    [ $code = 0 ] || failed=1
    "$python" -m benchmarks.gpu_results "$recorded" "$name" $code $((SECONDS - started)) "$logs/$name.log"
}

about=$("$python" -m benchmarks.gpu_check --device $device)
ready=$?
echo "$about"
recorded=$about
[ "$mode" = --cpu ] && recorded=
if [ $ready != 0 ] && [ "$mode" != --dry-run ]; then
    [ $ready = 3 ] && exit 0 # no GPU: every part is skipped
    exit 1
fi
if [ "$mode" = --cpu ]; then
    part train 120 "$python" -m benchmarks.gpu_parts train --device cpu
    part rope 60 "$python" -m benchmarks.gpu_parts rope --device cpu
    part heads 60 "$python" -m benchmarks.gpu_parts heads --device cpu
else
    part train 90 "$python" -m benchmarks.gpu_parts train
    part tests 90 "$python" -m pytest -q tests/train/test_cuda.py
    part rope 25 "$python" -m benchmarks.gpu_parts rope
    part heads 25 "$python" -m benchmarks.gpu_parts heads
    part step 90 "$python" -m benchmarks.train_step --micro-batch-rows 8 --steps 10 --no-peer
    part peer 140 "$python" -m benchmarks.train_step --micro-batch-rows 8 --steps 10
fi
[ "$mode" = --dry-run ] || echo "logs: $logs"
exit $failed
