"""Anyone's Keras loss, as the estimators train with it."""

import keras
from keras import ops

from sklip.loss_formulas import expectation
from sklip.losses._base import ExpectationLoss, columns, constants


class LossOfLogits(ExpectationLoss):
    """A Keras loss of 0/1 targets and the logits ``tau · f``; its value is what Keras would report.

    The mean over rows is sklip's, of whatever the loss costs each of them, so that sample and
    class weights enter it as they enter every expectation.

    Raises
    ------
    ValueError
        For a loss that gives one number for all rows, unless it is one of sklip's; for those when
        there are class weights, which they take themselves.
    """

    unitless_terms = ("loss",)

    def __init__(self, loss, tau, class_weight):
        super().__init__(name="loss_of_logits")
        self.loss = loss
        self.tau = tau
        self.class_weight = class_weight
        if isinstance(loss, ExpectationLoss) and any(factor != 1.0 for factor in class_weight):
            raise ValueError(
                f"{type(loss).__name__} takes class weights itself: construct the 'loss' with class_weight, and leave "
                "the parameter 'class_weight' at None."
            )

    def terms(self, y_true, y_pred, sample_weight=None):
        """Return ``loss``."""
        positive, scores, weight = columns(y_true, y_pred, sample_weight)
        logits = self.tau * scores
        if isinstance(self.loss, ExpectationLoss):
            return {"loss": self.loss(positive, logits, weight)}
        cost = (
            self.loss.call(positive, logits)
            if isinstance(self.loss, keras.losses.Loss)
            else self.loss(positive, logits)
        )
        if not len(cost.shape):
            raise ValueError(
                f"The 'loss' must give one value a row; {self.loss!r} gives one for all. Of sklip's, give an object "
                "such as HKR(), not a function."
            )
        cost = ops.mean(ops.reshape(cost, (ops.shape(scores)[0], -1)), axis=-1, keepdims=True)
        return {"loss": expectation(ops, cost, positive, weight, constants(self.class_weight, scores))}
