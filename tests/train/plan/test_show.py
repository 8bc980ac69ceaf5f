import re
import subprocess

from tests.commands import command


def test_the_command_prints_a_plan(write_recipe):
    shown = subprocess.run(command("train", "plan", write_recipe(), "--gpu", "h100"), capture_output=True, text=True)
    assert shown.returncode == 0 and "Learning rate" in shown.stdout and "Tokens by source" in shown.stdout, shown.stderr


def test_the_plan_names_a_last_step_of_fewer_rows(write_recipe):
    shown = subprocess.run(command("train", "plan", write_recipe(steps=None, batch_rows=50), "--gpu", "h100"), capture_output=True, text=True)
    assert shown.returncode == 0 and re.search(r"the last step has\s+\d+\s+of\s+50\s+rows", shown.stdout), shown.stdout + shown.stderr
