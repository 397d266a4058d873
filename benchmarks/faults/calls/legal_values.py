"""Values that look wrong and are legal: (function, argument), both regular expressions → labels
of `bad_calls.wrong_values`, and why."""

Labels = tuple[str, ...]
LEGAL: dict[tuple[str, str], tuple[Labels, str]] = {
    # Numbers
    (r".*", r"(?!fraction|validation|share$).*"): (("1.5",), "no share of a whole"),
    (r".*", r"seed|epoch|join|rest|views|adapter|min_bytes|warmup"): (("0",), "the first, or none"),
    (r".*", r"noise|sd|l2_sp|decay|patience|width|limit|size|relax"): (("0",), "none"),
    (r".*Rivals", r"epochs"): (("0",), "steps alone"),
    (r".*Recovery", r"share|epochs"): (("0",), "one loss alone; no training"),
    (r".*Conditions.epochs", r"step"): (("0",), "before the first step"),
    (r".*smallest_within", r"points"): (("0",), "none is given up"),
    (r"export.*", r"max_loss|bound"): (("0", "inf"), "nothing, or whatever it costs"),
    (r"layers.Scale", r"initial"): (("0", "-1"), "any number"),
    (r".*summarise", r"target"): (("0", "-1"), "a score, any number"),
    (r".*best_under|.*list_models", r"max_parameters"): (("0", "10**12"), "a bound"),
    (r"layers.LocallyConnected.*", r"implementation"): (("0", "-1"), "taken and not used"),
    (r"batches.shuffled", r"rows"): (("0", "list"), "none; rows themselves"),
    (r"training.noisy", r"seed"): (("list",), "a key"),
    (r".*", r"verbose"): (("0", "True"), "as in fit"),
    # Texts that are free, or are read later
    (r".*", r"title|label|licence|origin|whose|x|y|pattern|name|data"): (("unknown",), "free text"),
    (r".*", r"title|licence|origin"): (("empty",), "no text"),
    (r".*register", r"sharing|task|family|default_tag"): (("unknown",), "made up here"),
    (r".*SoftTying", r"plan"): (("unknown", "empty"), "read when training begins"),
    (r".*Phase", r"train"): (("unknown", "list"), "read with the model"),
    (r".*Freezing", r"freeze"): (("unknown", "list"), "read with the model"),
    (r".*Training", r"mixed_precision"): (("text",), "read by Keras"),
    (r"SharingPlan.*|.*plain", r"sites"): (("unknown", "empty"), "a plan of any sites, or none"),
    (r"SharingPlan", r"owners"): (("empty",), "the plan of no sites"),
    (r"data.tokens.*", r"vocabulary|text"): (("unknown", "empty text"), "any tokens, any text"),
    (r".*transfer|.*Features", r"cache"): (("text",), "a folder"),
    # What may be empty
    (r".*", r"settings|spec|decides|where|levels|scores|multipliers|rates"): (("empty",), "none"),
    (r".*", r"variants|notes|free|marked|callbacks|pool|ids"): (("empty",), "none"),
    (r"data.Source", r"vocabulary"): (("empty",), "no tokens"),
    (r".*add_lora", r"train"): (("empty",), "adapters alone"),
    (r".*compile_heads", r"weights"): (("empty",), "all 1"),
    (r".*transfer|.*Freezing", r"freeze"): (("empty",), "the default"),
    # Values of training that diverged, and Keras' own defaults
    (r"training.score", r"outputs"): (("nan", "inf"), "a training that diverged"),
    (r"layers.*", r"(\w+_)?(initializer|activation)"): (("None",), "Keras' default"),
    (r"export", r"labels"): (("unknown",), "of a SavedModel, which is not asked for"),
    (r".*timeline", r"until"): (("number",), "a place on the axis"),
}
