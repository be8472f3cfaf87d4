"""Early stopping: a training ends when a number no longer improves, and returns to its best epoch."""

from sklip.training.observer import Observer


class EarlyStopping(Observer):
    """Ends a training after some epochs without an improvement, and restores the weights of the best epoch.

    Parameters
    ----------
    monitor : str
        Name of the number that must improve.
    larger_is_better : bool
    tolerance : float
        Smallest change that counts as an improvement.
    patience : int
        Number of epochs without an improvement after which the training ends.

    Attributes
    ----------
    wait : int
        Number of epochs since the best one.
    """

    def __init__(self, monitor: str, larger_is_better: bool, tolerance: float, patience: int):
        self._monitor, self._sign = monitor, 1.0 if larger_is_better else -1.0
        self._tolerance, self.patience = tolerance, patience
        self.wait = 0
        self._best = self._best_weights = None

    def on_epoch_end(self, epoch, logs):
        """Store the weights of the best epoch so far, or end the training."""
        value = self._sign * float(logs[self._monitor])
        if self._best is None or value > self._best + self._tolerance:
            self._best, self._best_weights, self.wait = value, self.model.get_weights(), 0
            return
        self.wait += 1
        if self.wait >= self.patience:
            self.model.stop_training = True

    def on_train_end(self):
        """Restore the weights of the best epoch."""
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)
