"""TensorFlow's registry of custom gradients, which keeps every traced graph forever."""

import tensorflow as tf

from sklip._compat import GRADIENT_ATTRIBUTE, registered_gradients


class TracedGradients:
    """The custom gradients of the graphs that one network traces.

    Every custom gradient in a traced function, including those of Keras' optimizers, stays in the registry and keeps
    the graph in memory: some 7 MB per fit (tensorflow#97697).
    """

    def __init__(self):
        self._before = frozenset(registered_gradients())
        self._graphs = []

    def note_graph(self):
        """Record the graph that is being traced."""
        self._graphs.append(tf.compat.v1.get_default_graph())

    def forget(self):
        """Remove the gradients of the recorded graphs from the registry."""
        registered = registered_gradients()
        for graph in self._graphs:
            definition = graph.as_graph_def()
            bodies = [definition.node, *(body.node_def for body in definition.library.function)]
            for node in (node for nodes in bodies for node in nodes if GRADIENT_ATTRIBUTE in node.attr):
                name = node.attr[GRADIENT_ATTRIBUTE].s.decode()
                if name not in self._before:
                    registered.pop(name, None)
        self._graphs = []
