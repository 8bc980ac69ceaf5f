"""`curate synthesize`: documents made from documents, by a language model or by rules, with their provenance.

A *task* (one YAML file, `task.py`) states what is asked about a passage and how the answer becomes a document. The path of one document:

    document ─passages.py─▶ passages ─template.py─▶ prompts ─requests.py─▶ requests (each with a key)
        requests ─generators/─▶ answers ─journal.py─▶ one line per answer, kept forever
        answers ─parse.py─▶ items ─┐
        passages ─miners/─▶ items ─┴─candidates.py─▶ candidates ─gates/─▶ documents, or rejected candidates with all reasons

Each shard of the input goes through two phases (`shard_task.py`): `answer.py` requests the answers that the journal lacks, in any order; `write.py`
then reads the documents in order and looks answers up by key. The output is therefore a pure function of documents, recipe and answers.

How to add a task, a miner or a gate: docs/how-to/add-a-synthesis-task.md.
"""
