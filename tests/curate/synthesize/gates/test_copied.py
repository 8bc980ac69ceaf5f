from dataclasses import replace

from tests.curate.synthesize.gates.candidates import candidate, rules


def test_copies_are_found_in_scripts_without_spaces():
    one = replace(candidate("港口管理法规定罚款"), passages=("本港口管理法规定罚款。",))
    assert rules([one, candidate("港口管理法规定罚款")], kind="copied") == ["copied/from_source", ""]
