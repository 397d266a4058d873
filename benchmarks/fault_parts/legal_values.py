"""Values that look wrong and are legal: (function, argument), both regular expressions → labels
of `bad_calls.wrong_values`, and why."""

LEGAL: dict[tuple[str, str], tuple[tuple[str, ...], str]] = {
    (r".*", r"seed"): (("0",), "the first seed"),
}
