#!/bin/bash
# Runs one recipe on this machine, on Slurm and on Ray, and compares every byte of what they wrote.
#   examples/cluster/same_bytes.sh RECIPE.yaml OUT [engine…]        (the recipe's `engine` gives the partition and so on)
# A recipe with a `task` is one of `curate synthesize`, any other of `curate run`. Journals are left out: answers come in any order.
set -euo pipefail
recipe=$1 out=$2
shift 2
command=run
grep -q '^task:' "$recipe" && command=synthesize
for engine in local "${@:-slurm ray}"; do
    for one in $engine; do
        curate "$command" "$recipe" --out "$out/$one" --set "engine.kind=$one"
        diff -r --exclude=work --exclude=journal --exclude=timings.json "$out/local" "$out/$one" && echo "$one: the same bytes as local"
    done
done
