"""Any Keras loss, in the form in which the estimators train with it."""

import keras
from keras import ops

from sklip._loss_checks import refuse_class_weight
from sklip.loss_formulas import expectation
from sklip.losses._base import ExpectationLoss, columns, constants


class LossOfLogits(ExpectationLoss):
    """A Keras loss of 0/1 targets and the logits ``tau · f``. Its value is the one that Keras would report.

    sklip computes the mean of the costs of the rows, so that sample and class weights enter it
    like every expectation.

    Raises
    ------
    ValueError
        If the loss gives one number for all rows and is not a loss of sklip. If it is one and there are
        class weights: a loss of sklip has its own.
    """

    parameter_names = ()
    unitless_terms = ("loss",)

    def __init__(self, loss, tau, class_weight):
        super().__init__(name="loss_of_logits")
        self.loss = loss
        self.tau = tau
        self.class_weight = class_weight
        if isinstance(loss, ExpectationLoss):
            refuse_class_weight(type(loss).__name__, class_weight)

    def terms(self, y_true, y_pred, sample_weight=None):
        """Return ``loss``."""
        positive, scores, weight = columns(y_true, y_pred, sample_weight)
        logits = self.tau * scores
        if isinstance(self.loss, ExpectationLoss):
            return {"loss": self.loss(positive, logits, weight)}
        cost_of_rows = self.loss.call if isinstance(self.loss, keras.losses.Loss) else self.loss
        cost = cost_of_rows(positive, logits)
        if not len(cost.shape):
            raise ValueError(
                f"The 'loss' must give one value per row; {self.loss!r} gives one for all rows. For a loss of sklip, "
                "give an object such as HKR(), not a function."
            )
        cost = ops.mean(ops.reshape(cost, (ops.shape(scores)[0], -1)), axis=-1, keepdims=True)
        return {"loss": expectation(ops, cost, positive, weight, constants(self.class_weight, scores))}
