"""Stand-ins of `mix`, `train` and `evaluate`: shell scripts that write what the commands would, log their starts, and fail, wait or die on request."""

from pathlib import Path

_SCRIPT = """#!/bin/sh
# the last argument but --quiet is the recipe
for word in "$@"; do [ "$word" = --quiet ] || recipe=$word; done
folder=$(dirname "$recipe"); name=$(basename "$folder")
echo "{command} $1 $name gpu=$CUDA_VISIBLE_DEVICES" >> {log}
case "$recipe" in
  *mix.yaml) output=mix;; *train.yaml) output=train;; *merge.yaml) output=model;; *) output=scores;;
esac
if [ -e {home}/wait-$name-$output ]; then touch {home}/waits-$name; while [ -e {home}/wait-$name-$output ]; do sleep 0.02; done; fi
if [ -e {home}/kill-$name-$output ]; then kill -9 $$; fi
if [ -e {home}/fail-$name-$output ]; then echo "warming up"; echo "error: $output of $name: no luck" >&2; exit 2; fi
mkdir -p "$folder/$output"
cp "$recipe" "$folder/$output/made-from.yaml"
if [ $output = model ]; then echo '{{}}' > "$folder/model/merge.json"; fi
"""


def stand_in(home: Path) -> Path:
    """Write the scripts into `home/bin`; returns the log of starts."""
    (home / "bin").mkdir(parents=True)
    for command in ("mix", "train", "evaluate"):
        path = home / "bin" / command
        path.write_text(_SCRIPT.format(command=command, log=home / "log", home=home))
        path.chmod(0o755)
    (home / "log").touch()
    return home / "log"
