"""What `wszoo finetune` does: the plain form, several modes side by side, or a run of your own."""

from wszoo.recipes.finetune import Finetune
from wszoo.recipes.finetune.choosing import chosen


def main(options: Finetune) -> None:
    """Put a pretrained backbone under a new head."""
    options = chosen(options)
    if options.compare:
        from wszoo.recipes.finetune.comparing import compare as run
    elif options.freeze is not None or options.lora is not None:
        from wszoo.recipes.finetune.own import own_run as run
    else:
        from wszoo.recipes.finetune.plain import finetune as run
    run(options)
