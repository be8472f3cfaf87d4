"""TensorFlow's registry of custom gradients, which keeps every traced graph for good."""

from contextlib import suppress

import tensorflow as tf


def _registered():
    """TensorFlow's own registry of gradients by name; empty where it is to be found no longer."""
    with suppress(ImportError, AttributeError):
        from tensorflow.python.framework.ops import gradient_registry

        return gradient_registry._registry
    return {}


class TracedGradients:
    """The custom gradients of the graphs that one network traces.

    Every custom gradient in a traced function, those of Keras' optimizers included, is registered for good and holds
    on to the whole graph: some 7 MB a fit (tensorflow#97697).
    """

    def __init__(self):
        self._before = frozenset(_registered())
        self._graphs = []

    def note_graph(self):
        """Take note of the graph that is being traced."""
        self._graphs.append(tf.compat.v1.get_default_graph())

    def forget(self):
        """Take the gradients of these graphs out of the registry."""
        registered = _registered()
        for graph in self._graphs:
            definition = graph.as_graph_def()
            bodies = [definition.node, *(body.node_def for body in definition.library.function)]
            for node in (node for nodes in bodies for node in nodes if "_gradient_op_type" in node.attr):
                name = node.attr["_gradient_op_type"].s.decode()
                if name not in self._before:
                    registered.pop(name, None)
        self._graphs = []
