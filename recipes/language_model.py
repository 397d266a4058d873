"""`wszoo language-model` as a script; see wszoo/recipes/language_model."""

from wszoo.command_line import run
from wszoo.recipes.language_model import command

if __name__ == "__main__":
    run(command)
