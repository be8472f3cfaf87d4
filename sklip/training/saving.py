"""What callbacks write of a network while it trains."""

from contextlib import contextmanager

import keras


class SavedAsItIs(keras.Model):
    """Functional Keras model that saving leaves as it is, and whose files need no class of the training."""

    def save(self, *arguments, **keywords):
        """Save the layers alone; see ``keras.Model.save``."""
        with self._unchanged():
            keras.Model(self.input, self.output, name=self.name).save(*arguments, **keywords)

    def save_weights(self, *arguments, **keywords):
        """Save the weights; see ``keras.Model.save_weights``."""
        with self._unchanged():
            super().save_weights(*arguments, **keywords)

    @contextmanager
    def _unchanged(self):
        """Undo the retraction by which layers prepare for a file: saving must not change the weights."""
        before = self.get_weights()
        try:
            yield
        finally:
            self.set_weights(before)
