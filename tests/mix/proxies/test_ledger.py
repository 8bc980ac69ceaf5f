import threading

import pytest

from mix.errors import MixError
from mix.proxies.ledger import FILE, Entry, Ledger

KEY, OTHER = "0" * 32, "1" * 32


def entry(**changes):
    return Entry.model_validate({"kind": "trained", "shares": {"a": 1.0}, "tokens": 10, "keys": {"train": KEY}} | changes)


def test_planning_again_keeps_the_state_and_marks_what_must_be_done_again(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.add({"one": entry(), "two": entry()})
    for name in ("one", "two"):
        ledger.update(name, status="done", done={"train": KEY}, begun={"train": KEY}, seconds={"train": 1.5}, starts=1)
    found = ledger.add({"one": entry(), "two": entry(keys={"train": OTHER}), "three": entry()})
    assert found == ledger.read() and list(found) == ["one", "three", "two"]
    assert {name: known.status for name, known in found.items()} == {"one": "done", "two": "planned", "three": "planned"}
    assert found["two"].keys == {"train": OTHER} and found["two"].begun == {"train": KEY} and found["one"].seconds == {"train": 1.5}


def test_changes_by_many_at_the_same_time_are_all_kept(tmp_path):
    ledger = Ledger(tmp_path)
    ledger.add({f"run{number}": entry() for number in range(6)})
    threads = [threading.Thread(target=Ledger(tmp_path).update, args=(f"run{number}",), kwargs={"status": "done"}) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {known.status for known in ledger.read().values()} == {"done"}


def test_an_edited_ledger_is_refused_with_what_to_do(tmp_path):
    ledger = Ledger(tmp_path)
    assert ledger.read() == {}
    ledger.add({"one": entry()})
    (tmp_path / FILE).write_text((tmp_path / FILE).read_text().replace("planned", "done"))
    with pytest.raises(MixError, match=r"ledger\.json: .*edited by hand.* or delete it: the commands of all runs are then run again"):
        ledger.read()
