"""`wszoo classify-audio` as a script; see wszoo/recipes/classify_audio."""

from wszoo.command_line import run
from wszoo.recipes.classify_audio import command

if __name__ == "__main__":
    run(command)
