"""A network that callbacks can save while it trains."""

from contextlib import contextmanager
from typing import Any

import keras


class SavedAsItIs(keras.Model):
    """Functional Keras model that saving does not change, and whose files need no class of this package."""

    def serves(self, network: keras.Model) -> None:
        """Set the network that is served: one of the same layers, without those that act in training alone."""
        self.__dict__["_served"] = network  # not by Keras, which would count its weights twice

    @property
    def served(self) -> keras.Model:
        """The network that is served; the model itself unless another was set."""
        return self.__dict__.get("_served", self)

    def consists_of(self, front: keras.layers.Layer, body: keras.Model) -> None:
        """Set the layer before the model, and the model."""
        self.__dict__["_parts"] = front, body

    @property
    def front(self) -> Any:
        """The layer before the model of the user; None if there is none."""
        return self.__dict__.get("_parts", (None, self))[0]

    @property
    def body(self) -> keras.Model:
        """What ends with the heads: the model without what stands before it, or the network itself."""
        return self.__dict__.get("_parts", (None, self))[1]

    def save(self, *arguments, **keywords):
        """Save a plain model of the layers that are served; see ``keras.Model.save``."""
        with self._unchanged():
            served = self.served
            keras.Model(served.inputs, served.outputs[0], name=self.name).save(*arguments, **keywords)

    def save_weights(self, *arguments, **keywords):
        """Save the weights; see ``keras.Model.save_weights``."""
        with self._unchanged():
            super().save_weights(*arguments, **keywords)

    @contextmanager
    def _unchanged(self):
        """Undo the retraction before layers are saved: saving must not change the weights."""
        before = self.get_weights()
        try:
            yield
        finally:
            self.set_weights(before)
