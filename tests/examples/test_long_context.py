from examples.long_context.run import ARMS, SEEDS, interval, name_of, table


def test_an_interval_over_three_seeds_is_that_of_student():
    assert interval([-0.1, -0.2, -0.3]) == "−0.200 [−0.448, +0.048]"
    assert interval([0.5, 0.5, 0.5]) == "+0.500 [+0.500, +0.500]"


def test_the_table_has_a_row_for_each_group_of_positions_and_pairs_seeds():
    nats = {"base": 3.0} | {name_of(arm, seed): 2.0 + 0.1 * seed - 0.25 * number for number, arm in enumerate(ARMS) for seed in SEEDS}
    rows = [{"model": model, "from": first, "to": last, "nats_per_token": value} for model, value in nats.items() for first, last in ((1, 512), (513, 2048))]
    lines = table({"positions": rows}).splitlines()
    assert len(lines) == 4 and lines[2].split(" | ")[0] == "| 1 to 512" and lines[3].split(" | ")[0] == "| 513 to 2,048"
    assert lines[3].split(" | ")[1:] == ["3.000", "2.100", "1.850", "1.600", "−0.250 [−0.250, −0.250]", "−0.500 [−0.500, −0.500] |"]


def test_every_arm_trains_on_equally_many_tokens_a_step():
    assert {int(arm["LONG"]) * int(arm["LONG_ROWS"]) for arm in ARMS.values()} == {4096}
