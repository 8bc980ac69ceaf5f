#!/bin/bash
# Runs one recipe on this machine, on Slurm and on Ray, and compares every byte of what they wrote.
#   examples/cluster/same_bytes.sh RECIPE.yaml OUT [engine…]        (the recipe's `engine` gives the partition and so on)
set -euo pipefail
recipe=$1 out=$2
shift 2
for engine in local "${@:-slurm ray}"; do
    for one in $engine; do
        curate run "$recipe" --out "$out/$one" --engine "$one"
        diff -r --exclude=work --exclude=timings.json "$out/local" "$out/$one" && echo "$one: the same bytes as local"
    done
done
