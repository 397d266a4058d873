"""Sharing inside one layer: a kernel over positions, a cell over time steps."""

from dataclasses import dataclass


@dataclass(frozen=True)
class InnerSharing:
    """What a layer's method `inner_sharing()` answers, once it is built.

    Inner sites are places inside one call of the layer that may each have weights of their own.
    A layer that shares nothing inside has no such method; one that does not know its inner sites
    yet (not built, steps unknown) answers `None`. `wszoo.audit` reads it by the method's name.

    Attributes:
        over: what the inner sites are: `"positions"`, `"time"`, …
        sites: number of inner sites of one call.
        groups: number of sets of weights that they share: 1 for a convolution, `sites` for a
            layer that shares nothing.
        parameters: numbers that the layer stores for them.
        unrolled_parameters: numbers that it would store if each inner site had its own.
    """

    over: str
    sites: int
    groups: int
    parameters: int
    unrolled_parameters: int
