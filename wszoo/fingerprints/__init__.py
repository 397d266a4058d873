"""What a value, its code included, is: plain data that is equal in every process.

See `wszoo.claims`, which writes it down for runs that can be resumed.
"""

from wszoo._lazy import exports

__getattr__, __dir__ = exports(
    __name__,
    {
        "add_array": "wszoo.fingerprints.arrays",
        "compiled": "wszoo.fingerprints.models",
        "digest": "wszoo.fingerprints.values",
        "graph_text": "wszoo.fingerprints.models",
        "is_numbered": "wszoo.fingerprints.models",
        "of_arrays": "wszoo.fingerprints.arrays",
        "of_graph": "wszoo.fingerprints.models",
        "of_weights": "wszoo.fingerprints.models",
        "plain": "wszoo.fingerprints.values",
    },
)
