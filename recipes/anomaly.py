"""`wszoo anomaly` as a script; see wszoo/recipes/anomaly."""

from wszoo.command_line import run
from wszoo.recipes.anomaly import command

if __name__ == "__main__":
    run(command)
