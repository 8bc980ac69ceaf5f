import subprocess

from tests.commands import command


def test_the_command_prints_a_plan(write_recipe):
    shown = subprocess.run(command("train", "plan", write_recipe(), "--gpu", "h100"), capture_output=True, text=True)
    assert shown.returncode == 0 and "Learning rate" in shown.stdout and "Tokens by source" in shown.stdout, shown.stderr
