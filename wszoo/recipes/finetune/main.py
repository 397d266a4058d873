"""What `wszoo finetune` does: several modes side by side, or a run of your own."""

from wszoo.recipes.finetune import Finetune


def main(options: Finetune) -> None:
    """Put a pretrained backbone under a new head."""
    if options.freeze is not None or options.lora is not None:
        from wszoo.recipes.finetune.own import own_run

        own_run(options)
    else:
        from wszoo.recipes.finetune.comparing import compare

        compare(options)
