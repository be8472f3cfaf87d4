"""Pictures of certified classifiers, by scikit-learn's Display convention. They need matplotlib: extra ``plot``.

Each display has ``from_estimator``, some have ``from_predictions``; both compute arrays, store them as attributes and
``plot`` them on given axes or new ones. Importing this module imports neither matplotlib nor Keras.
"""

from sklip.plotting._adversarial import AdversarialDisplay
from sklip.plotting._certified_accuracy import CertifiedAccuracyDisplay
from sklip.plotting._certified_radius import CertifiedRadiusDisplay
from sklip.plotting._decision_function import DecisionFunctionDisplay
from sklip.plotting._training_history import TrainingHistoryDisplay

__all__ = [
    "AdversarialDisplay",
    "CertifiedAccuracyDisplay",
    "CertifiedRadiusDisplay",
    "DecisionFunctionDisplay",
    "TrainingHistoryDisplay",
]
