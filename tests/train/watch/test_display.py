import io
import logging

from rich.console import Console

from shards import console
from train.watch import display
from train.watch.display import Display


def record(step, loss, **more):
    by_source = {"loss_by_source": {"law": loss, "web": loss + 1}, "tokens_by_source": {"law": 30, "web": 10}}
    return {"step": step, "loss": loss + 0.25, "lr": 1e-3, "grad_norm": 0.5, "tokens_per_second": 1234.0} | by_source | more


def test_without_a_terminal_a_line_tells_the_means_since_the_line_before(monkeypatch, caplog):
    monkeypatch.setattr(display, "_LOG_SECONDS", -1.0)
    monkeypatch.setattr(console, "_quiet", False)
    with caplog.at_level(logging.INFO), Display(10, 0, Console(file=io.StringIO())) as shown:
        monkeypatch.setattr(display, "_LOG_SECONDS", 1e9)
        shown.show(record(1, 2.0))
        monkeypatch.setattr(display, "_LOG_SECONDS", -1.0)
        shown.show(record(2, 3.0, mfu=0.5, mfu_causal=0.4, memory_gib=3.0, skipped=True, bits_per_byte={"law": 1.5}))
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("step 2 of 10, loss 2.750 (law 2.500, web 3.500), law 1.5000 bits per byte at step 2, lr 1.00e-03")
    assert "MFU 50.0% (40.0% causal)  3.0 GiB  1 skipped" in caplog.messages[0]


def test_a_score_is_logged_once_with_its_step(monkeypatch, caplog):
    monkeypatch.setattr(display, "_LOG_SECONDS", -1.0)
    monkeypatch.setattr(console, "_quiet", False)
    with caplog.at_level(logging.INFO), Display(10, 0, Console(file=io.StringIO())) as shown:
        monkeypatch.setattr(display, "_LOG_SECONDS", 1e9)
        shown.show(record(1, 2.0, bits_per_byte={"law": 1.5}))
        monkeypatch.setattr(display, "_LOG_SECONDS", -1.0)
        shown.show(record(2, 2.0))
        shown.show(record(3, 2.0))
    assert "law 1.5000 bits per byte at step 1" in caplog.messages[0] and "bits per byte" not in caplog.messages[1]


def test_quiet_says_nothing(monkeypatch, caplog):
    monkeypatch.setattr(display, "_LOG_SECONDS", -1.0)
    monkeypatch.setattr(console, "_quiet", True)
    with caplog.at_level(logging.INFO), Display(10, 0, Console(file=io.StringIO(), force_terminal=True)) as shown:
        shown.show(record(1, 2.0))
    assert not caplog.messages


def test_a_terminal_shows_a_bar_and_the_sources(monkeypatch):
    monkeypatch.setattr(console, "_quiet", False)
    screen = io.StringIO()
    with Display(10, 4, Console(file=screen, force_terminal=True, width=160)) as shown:
        shown.show(record(5, 2.0, bits_per_byte={"law": 1.5}))
        shown._live.refresh()
    assert "5/10" in screen.getvalue() and "law (held out, step 5)" in screen.getvalue() and "3.0000" in screen.getvalue()


def test_time_left_follows_the_pace_of_the_latest_steps(monkeypatch):
    clock = iter([0.0, 0.0, 0.0, 2.0, 4.0])
    monkeypatch.setattr(display.time, "monotonic", lambda: next(clock, 4.0))
    shown = Display(3602, 0, Console(file=io.StringIO()))
    assert shown.time_left() == "?"
    shown._clock.append((1, 2.0))
    shown._clock.append((2, 4.0))
    assert shown.time_left() == "2:00:00"
