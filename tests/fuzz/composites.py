"""Random transformers that are built of others: unions, column transformers, chains, and one within another."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import TruncatedSVD
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler

from tests.fuzz.draws import chance, pick, power
from tests.fuzz.steps import draw_chain, draw_leaf


def draw_step(rng, width, *, names=None, sparse=False, floats=True, depth=2):
    """A random transformer of rows of ``width`` columns.

    Parameters
    ----------
    rng : numpy.random.Generator
    width : int
    names : list or None
        Of the columns, where the rows are a frame.
    sparse : bool
    floats : bool
        Whether the rows hold float32 or float64.
    depth : int
        How deep transformers may stand within one another.
    """

    def inner(columns=width):
        return draw_step(rng, columns, sparse=sparse, floats=floats, depth=depth - 1)

    if depth == 0 or chance(rng, 0.5):
        return draw_leaf(rng, width, sparse=sparse, floats=floats)
    kind = pick(rng, "union", "columns", "columns", "in place", "chain", "cancelling")
    if kind == "chain":
        return draw_chain(rng, width, inner)
    if kind == "union":
        return _union(rng, [inner() for _ in range(int(rng.integers(1, 4)))])
    if kind == "in place" and not sparse:
        beside = StandardScaler(copy=False)
        return _union(rng, [beside, "passthrough"] if chance(rng, 0.7) else ["passthrough", beside])
    if kind == "cancelling" and not sparse:
        return _cancelling(rng, width)
    return _columns(rng, width, names, inner)


def _union(rng, members):
    named = [(f"u{place}", member) for place, member in enumerate(members)]
    return FeatureUnion(named, transformer_weights=_weights(rng, [name for name, _ in named]))


def _cancelling(rng, width):
    """Two weighted copies of the rows, and directions in which they cancel."""
    copies = FeatureUnion(
        [("one", "passthrough"), ("two", "passthrough")],
        transformer_weights={"one": rng.uniform(-2, 2), "two": rng.uniform(-2, 2)},
    )
    return Pipeline(
        [
            ("copies", copies),
            ("svd", TruncatedSVD(2 * width, random_state=0)),
            ("last", _last_column() if chance(rng, 0.5) else "passthrough"),
            ("clip", MinMaxScaler(clip=True) if chance(rng, 0.5) else "passthrough"),
        ]
    )


def _last_column():
    return ColumnTransformer([("one", "passthrough", [-1])])


def _columns(rng, width, names, inner):
    order = rng.permutation(width)
    cuts = np.sort(rng.integers(0, width + 1, int(rng.integers(0, 3))))
    parts = [part for part in np.split(order, cuts) if len(part)]
    if chance(rng, 0.2):
        parts.append(rng.integers(0, width, 2))  # taken twice
    branches = []
    for place, part in enumerate(parts):
        columns = _selection(rng, part, width, names)
        step = pick(rng, "passthrough", inner(_length(columns, width)), inner(_length(columns, width)))
        branches.append((f"b{place}", step, columns))
    remainder = pick(rng, "drop", "passthrough", StandardScaler(copy=chance(rng, 0.5)))
    if chance(rng, 0.15) and width > 1:
        branches = branches[:-1] if len(branches) > 1 else branches
    weights = _weights(rng, [name for name, *_ in branches])
    return ColumnTransformer(branches, remainder=remainder, transformer_weights=weights, sparse_threshold=0)


def draw_encoding(rng, columns, rest, width, **kinds):
    """A column transformer that encodes some columns, and does something with the others."""
    encoder = pick(
        rng,
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    )
    others = pick(rng, "passthrough", draw_step(rng, len(rest), depth=1, **kinds))
    branches = [("codes", encoder, columns), ("numbers", others, rest)]
    return ColumnTransformer(branches[:: pick(rng, 1, -1)], transformer_weights=_weights(rng, ["codes", "numbers"]))


def _selection(rng, part, width, names):
    """Columns as scikit-learn takes them: positions, a slice, a mask, names."""
    kind = pick(rng, "list", "list", "slice", "slice", "mask", "negative", "names")
    if kind == "slice":
        return slice(int(part.min()), int(part.max()) + 1)
    if kind == "mask":
        return np.isin(np.arange(width), part)
    if kind == "negative":
        return [int(column) - width for column in part]
    if kind == "names" and names is not None:
        return [names[column] for column in part]
    return [int(column) for column in part]


def _length(columns, width):
    if isinstance(columns, slice):
        return columns.stop - columns.start
    return int(columns.sum()) if isinstance(columns, np.ndarray) else len(columns)


def _weights(rng, names):
    """Weights of branches, of every type that multiplies."""
    if chance(rng, 0.5):
        return None
    return {
        name: pick(
            rng,
            rng.uniform(-2, 2),
            power(rng, -3, 3),
            power(rng, -200, 200),
            int(rng.integers(-3, 4)),
            np.int8(3),
            np.float32(0.3),
            np.float16(1.5),
            np.array(3, dtype=np.int8),
            np.array(0.7),
            True,
            0.0,
            1,
        )
        for name in names
        if chance(rng, 0.8)
    }
