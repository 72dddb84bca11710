"""A fused block as text, in index notation: what is computed in which nest, and what is stored.

::

    fused(x: f32[2,3], net.weight: f32[3,4], net.bias: f32[4]) {
      contraction
        %0[i,j] = sum(k<3) x[i,k] * net.weight[k,j]      : f32[2,4]   # net.py:3
      nest 2×4
        %1[i,j] = tanh(%0[i,j] + net.bias[j])            : f32[2,4]   # net.py:4
      host argsort
        %2 = argsort(%1, axis=-1)                        : i64[2,4]   # net.py:5
      return %1, %2
    }

Every array that lies in memory has a name and a line; all else is composed into what reads it. ``t0 = …`` is a value
that a nest uses several times. In a loop ``h'`` is what the next round knows as ``h``, and ``xs[t,i]`` stands in the
row of this round; ``(a[i] if c)`` is 0 where the condition does not hold. ``in place of w`` says that the result is
written into the memory of ``w``.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from maplet.compiler.elements import Axis, Convert, Element, Fetch, Function, Linear, Number, Place, Total, within
from maplet.compiler.formulas import Formulas
from maplet.compiler.fusion import Block, Choice, Contract, HostCall, Item, Loop, Nest, Scatter, Storage
from maplet.core.graph import Graph, Node
from maplet.core.text import node_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from maplet.core.context import Origin
