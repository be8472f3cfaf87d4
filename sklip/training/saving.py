"""A network that callbacks can save while it trains."""

from contextlib import contextmanager

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
