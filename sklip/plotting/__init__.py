"""Pictures of certified classifiers. They follow the Display convention of scikit-learn.

The displays need matplotlib, which is in the extra ``plot``. Each display has ``from_estimator``, and some have
``from_predictions``. Both compute arrays, store them as attributes and ``plot`` them on given or new axes. Importing
this module imports neither matplotlib nor Keras.
"""

from sklip.plotting._adversarial import AdversarialDisplay
from sklip.plotting._certified_accuracy import CertifiedAccuracyDisplay
from sklip.plotting._certified_radius import CertifiedRadiusDisplay
from sklip.plotting._decision_function import DecisionFunctionDisplay
from sklip.plotting._feature_weights import FeatureWeightsDisplay
from sklip.plotting._training_history import TrainingHistoryDisplay

__all__ = [
    "AdversarialDisplay",
    "CertifiedAccuracyDisplay",
    "CertifiedRadiusDisplay",
    "DecisionFunctionDisplay",
    "FeatureWeightsDisplay",
    "TrainingHistoryDisplay",
]
