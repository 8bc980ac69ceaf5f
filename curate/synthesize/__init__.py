"""`curate synthesize`: documents made from documents, by a language model or by rules, with their provenance.

A *task* (one YAML file, `task.py`) says what is asked of a passage of a document and what becomes of the answer. The thread of one document:

    document ─passages.py─▶ passages ─template.py─▶ prompts ─requests.py─▶ requests (each with a key)
        requests ─generators/─▶ answers ─journal.py─▶ a line per answer, kept for ever
        answers ─parse.py─▶ items ─┐
        passages ─miners/─▶ items ─┴─candidates.py─▶ candidates ─gates/─▶ documents, or rejected ones with every reason

Two phases per shard of the input (`shard_task.py`): `answer.py` asks for whatever the journal lacks, in any order; `write.py` then goes through
the documents in their order and looks answers up by key. So the output is a pure function of documents, recipe and answers.

**To add a task**: one YAML file in `tasks/` (or anywhere; a recipe names it by path). Its keys are documented in `task.py`.

**To add a rule-based miner**: one file in `miners/` with a recipe class: a literal `kind`, its options as fields, and

    def mine(self, text: str, document: SourceDocument) -> list[Item]

which returns items (dicts of strings that the task's output template reads) found in one passage, the same for the same text. Add the class to
`AnyMiner` in `miners/recipe.py`. A task names it as `miner: {kind: NAME, …}` in place of `prompt`; word lists are YAML data beside it.

**To add a gate**: one file in `gates/` with a class derived from `gates.base.Gate`: a literal `kind`, its thresholds as fields, and

    def judge(self, candidates: Sequence[Candidate]) -> list[Rejection | None]

which gets all candidates made of one source document (all passages, variants and samples, in this order) and returns one value for each: None lets
it pass. Every gate sees every candidate, whatever the others said. Add the class to `AnyGate` in `gates/recipe.py`. What a gate needs that is
dear to build (a model, an index) is built once per process by a cached function of the gate's own fields; `check` says before the run begins
what is missing, and `files` names what beside the recipe decides its verdicts.
"""
