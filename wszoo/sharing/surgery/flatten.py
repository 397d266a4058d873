"""flatten: nested functional models put into one graph."""

import keras

from wszoo.arguments import checked
from wszoo.sharing import graph
from wszoo.sharing.surgery.retie import retie


@checked()
def flatten(model: keras.Model) -> keras.Model:
    """A new model of one graph: the calls of nested functional models stand in the graph around.

    Equal outputs, values, flags and sharing; `model` is not changed, the new one is not compiled.
    Every layer is named after its first site: the layer `dense` of a nested `backbone` becomes
    `backbone.dense`. Sites keep the names that `wszoo.sites(model)` gives them, and a nested model
    that is called twice becomes sites that share. Masks and call arguments (`training`) that a
    call of a nested model states go on to its layers. Layers that no output depends on (a pooler
    that is not used) are left out. Layers that call others in Python code of their own stay one
    layer; `wszoo.audit(model).opaque` lists them.

    Raises `ValueError` for what `wszoo.retie` refuses.
    """
    return retie(model, graph.plan_of(model))
