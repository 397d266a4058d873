"""Bank: hands a model that is being built the layer of each site's group."""

from collections.abc import Callable

import keras

from wszoo.arguments import checked
from wszoo.sharing.graph import calls_of, names_from_layers, remember, weighted_calls
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.specs import Spec, explain, spec


class Bank:
    """Interpreter of a plan while a model is built.

    `bank(site, keras.layers.Conv2D, 64, 3)` gives the layer of the site's group, made on the
    group's first request and named after the group's owner. Call it where you get it: the n-th
    request of a group is its n-th call. A later site of the group must ask for the same layer:
    the configurations are compared with every name removed, and a difference is a `ValueError`
    that prints both.
    """

    @checked()
    def __init__(self, plan: SharingPlan):
        self.plan = plan
        self.asked: list[str] = []
        self._layers: dict[str, tuple[keras.Layer, Spec]] = {}

    def __call__(
        self, site: str, make: Callable[..., keras.Layer], *args: object, **kwargs: object
    ) -> keras.Layer:
        """The layer of `site`; `make(*args, name=owner, **kwargs)` makes it when it is new."""
        owner = self.plan.owner(site)
        if site in self.asked:
            raise ValueError(f"site {site!r} was asked for twice; a site is one call")
        layer = make(*args, name=owner, **kwargs)
        asked = spec(layer)  # taken before build, which may fill sizes in
        shared, first_asked = self._layers.setdefault(owner, (layer, asked))
        if asked != first_asked:
            raise ValueError(
                f"sites {owner!r} and {site!r} are one group of the plan {self.plan.pattern!r} and "
                f"must ask for the same layer, but\n{explain(owner, first_asked, site, asked)}"
            )
        self.asked.append(site)
        return shared

    def finish(self, model: keras.Model) -> keras.Model:
        """Checks that the model asked for every site once, and writes the names into it.

        Raises `ValueError` where sites were left out, or called more or less often than asked.
        """
        left = [site for site in self.plan.sites if site not in self.asked]
        if left:
            raise ValueError(f"the builder of {model.name!r} never asked for the sites {left}")
        calls = weighted_calls(model)
        names = list(names_from_layers(model))
        for owner, (layer, _) in self._layers.items():
            mine = [site for site in self.asked if self.plan.owner(site) == owner]
            places = calls_of(layer, calls)
            if len(places) != len(mine):
                raise ValueError(
                    f"layer {owner!r} was asked for at the sites {mine} and is called "
                    f"{len(places)} times in {model.name!r}; call it once where you ask for it"
                )
            for place, site in zip(places, mine, strict=True):
                names[place] = site
        remember(model, names, self.plan.sites)
        return model
