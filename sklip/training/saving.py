"""A network that callbacks can save while it trains."""

from contextlib import contextmanager

import keras


class SavedAsItIs(keras.Model):
    """Functional Keras model that saving does not change, and whose files need no class of this package."""

    def save(self, *arguments, **keywords):
        """Save a plain model of the layers; see ``keras.Model.save``."""
        with self._unchanged():
            keras.Model(self.input, self.output, name=self.name).save(*arguments, **keywords)

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
