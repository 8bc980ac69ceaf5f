#!/usr/bin/env bash
# Make the base model again, with the project's own commands.
#   BOOKS=folder GOVERNMENT=folder OUT=folder examples/base/build.sh
# BOOKS: public-domain books as text or Markdown, one file a book. GOVERNMENT: public-domain government pages, Markdown.
# The general prose is harvested from the installed packages, as in the demo, with the same held-out documents left out.
set -euo pipefail
: "${BOOKS:?folder of books}" "${GOVERNMENT:?folder of government pages}" "${OUT:?output folder}"
here=$(cd "$(dirname "$0")" && pwd)
export BOOKS GOVERNMENT OUT GENERAL="$OUT/harvest/general.jsonl.zst"
python -m examples.demo.harvest --out "$OUT/harvest"
curate run "$here/../demo/recipes/curate-general.yaml"
curate run "$here/recipes/curate-books.yaml"
curate run "$here/recipes/curate-government.yaml"
tokenize train "$OUT"/curate/{general,books,government}/documents --vocab-size 4096 --out "$OUT/tokenizer"
for source in general books government; do
  tokenize run "$OUT/curate/$source/documents" --tokenizer "$OUT/tokenizer" --out "$OUT/tokens/$source"
done
train init "$here/recipes/model.yaml" --tokenizer "$OUT/tokenizer" --out "$OUT/init" --seed 1
mix build "$here/recipes/mix.yaml"
train "$here/recipes/train.yaml"
evaluate run "$here/recipes/evaluate.yaml"
