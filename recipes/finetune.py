"""`wszoo finetune` as a script; see wszoo/recipes/finetune."""

from wszoo.command_line import run
from wszoo.recipes.finetune import command

if __name__ == "__main__":
    run(command)
