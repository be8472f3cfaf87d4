"""Errors and warnings of sklip's own."""

from collections.abc import Mapping, Sequence

from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning

__all__ = [
    "BrokenCertificateWarning",
    "ConflictingDistributionWarning",
    "FarFromTrainingWarning",
    "ModelFileError",
    "NotLipschitzError",
    "SaturatedTemperatureWarning",
    "TrainingDivergedError",
    "TrainingInterruptedWarning",
    "UnattainableMarginWarning",
    "UnlikeHeldOutRowsWarning",
    "UnlikeScalesWarning",
    "VersionMismatchWarning",
]

_DISTRIBUTIONS = {"sklip": "scikit-lipschitz"}  # by the names in files, where a message says what to install


class NotLipschitzError(ValueError):
    """No radius can be certified through an estimator or a step: it has no constant, or none that is known.

    Raised by :func:`sklip.certified_radius`, :func:`sklip.audit` and :func:`sklip.from_keras`. The message
    names the step or the layer and says what would work.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> import sklip
    >>> model = DummyClassifier().fit([[0.0], [1.0]], [0, 1])
    >>> try:
    ...     sklip.certified_radius(model, [[0.5]])
    ... except sklip.NotLipschitzError as error:
    ...     print(str(error)[:35])
    DummyClassifier has no certificate.
    """


class BrokenCertificateWarning(UserWarning):
    """An input inside a certified radius is predicted otherwise: the certificate is wrong.

    Emitted by :func:`sklip.audit`. It must never be seen: please report it, with the estimator and the row.

    Examples
    --------
    >>> import warnings
    >>> import sklip
    >>> warnings.simplefilter("error", sklip.BrokenCertificateWarning)  # stop there
    """


class ConflictingDistributionWarning(UserWarning):
    """A distribution named ``sklip`` is installed, which is another project's and is imported by the same name.

    Emitted when sklip is imported. The distribution of this project is ``scikit-lipschitz``. The message names the
    folders and says what to do. As the class can be imported only afterwards, a filter goes by the message.

    Examples
    --------
    >>> import warnings
    >>> warnings.filterwarnings("ignore", message="The distribution 'sklip'")  # before the import of sklip
    """


class ModelFileError(ValueError):
    """A file holds no estimator that sklip can serve: it is truncated, foreign, or was changed.

    Raised by :func:`sklip.load` for whatever it cannot read, and by ``pickle``, ``joblib`` and ``skops`` for
    the attributes of an estimator that do not fit together.

    Examples
    --------
    >>> import io
    >>> import sklip
    >>> try:
    ...     sklip.load(io.BytesIO(b"a,b,c"))
    ... except sklip.ModelFileError as error:
    ...     print(str(error).split(",")[0])
    The file is truncated
    """


class VersionMismatchWarning(InconsistentVersionWarning):
    """An estimator was stored with other versions than those that read it.

    Emitted when an estimator is loaded, by whatever means. A subclass of scikit-learn's warning, so
    that one filter is enough for a whole pipeline.

    Parameters
    ----------
    estimator_name : str
        Class of the estimator.
    written, running : dict of str to (str or None)
        Versions of ``"sklip"``, ``"scikit-learn"`` and ``"keras"``, then and now.
    differing : list of str
        Those of them that differ.

    Examples
    --------
    >>> import warnings
    >>> import sklip
    >>> warnings.simplefilter("error", sklip.VersionMismatchWarning)  # refuse such files
    """

    def __init__(
        self,
        estimator_name: str,
        written: Mapping[str, str | None],
        running: Mapping[str, str | None],
        differing: Sequence[str],
    ):
        super().__init__(
            estimator_name=estimator_name,
            current_sklearn_version=running["scikit-learn"],
            original_sklearn_version=written.get("scikit-learn") or "unknown",
        )
        self.written, self.running, self.differing = written, running, differing

    def __str__(self):
        changes = ", ".join(
            f"{_DISTRIBUTIONS.get(package, package)} {self.written.get(package) or 'of an unknown version'} "
            f"(here {self.running[package]})"
            for package in self.differing
        )
        consequence = (
            "Predictions and certificates do not depend on Keras; going on with the training, by partial_fit or "
            "warm_start, may."
            if self.differing == ["keras"]
            else "The network was checked, and its certificate is proved from its weights by the version that runs; "
            "other attributes may have changed their meaning."
        )
        return (
            f"{self.estimator_name} was stored with {changes}. {consequence} Install the versions that it was stored "
            "with, or fit and store it again."
        )


class TrainingDivergedError(ValueError):
    """Weights are no longer finite at the end of a training; the estimator is left as it was.

    Raised by ``fit`` and ``partial_fit``.

    Examples
    --------
    >>> import sklip
    >>> issubclass(sklip.exceptions.TrainingDivergedError, ValueError)
    True
    """


class TrainingInterruptedWarning(ConvergenceWarning):
    """The user ended a training by Ctrl-C: the estimator keeps what it had learned.

    Emitted by ``fit`` and ``partial_fit``. A subclass of scikit-learn's warning, whose ``MLPClassifier`` does the same.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import TrainingInterruptedWarning
    >>> warnings.simplefilter("error", TrainingInterruptedWarning)  # leave the estimator as it was instead
    """


class UnlikeHeldOutRowsWarning(UserWarning):
    """The rows of ``X_val`` lie elsewhere than those of ``X``, most often as they did not pass through the scaler.

    Emitted by ``fit``: when nine tenths of them are over 1.5 times as far from the mean of ``X`` as nine tenths of its
    rows, or nearer than nine tenths of its rows by the same factor.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import UnlikeHeldOutRowsWarning
    >>> warnings.simplefilter("error", UnlikeHeldOutRowsWarning)  # stop there
    """


class UnlikeScalesWarning(UserWarning):
    """Columns of X have wildly unlike scales, and the small ones will hardly count.

    Emitted by ``fit``, and by the first ``partial_fit``: when a quarter of the columns that vary range over less
    than a tenth of the columns' root-mean-square deviation. Put a scaler before the classifier.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import UnlikeScalesWarning
    >>> warnings.simplefilter("ignore", UnlikeScalesWarning)  # the units are meant
    """


class UnattainableMarginWarning(UserWarning):
    """``min_margin`` is more than half the distance between the classes: the average row cannot have it.

    Emitted by ``fit``, for a number; ``"auto"`` is never blamed.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import UnattainableMarginWarning
    >>> warnings.simplefilter("error", UnattainableMarginWarning)  # in a search: such candidates fail
    """


class SaturatedTemperatureWarning(UserWarning):
    """At this ``temperature``, most training rows have a probability of 1 to the last bit.

    Emitted by ``LipschitzMLP.fit``, for a number; ``"auto"`` is never blamed.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import SaturatedTemperatureWarning
    >>> warnings.simplefilter("error", SaturatedTemperatureWarning)  # in a search: such candidates fail
    """


class FarFromTrainingWarning(UserWarning):
    """A certificate was asked of rows more than three times as far out as any training row.

    Emitted by ``certified_radius``, the methods and the function, once a call. What is proven stays proven; that the
    class is right is a guess there. Usually the rows are in other units than those of ``fit``.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import FarFromTrainingWarning
    >>> warnings.simplefilter("error", FarFromTrainingWarning)  # refuse to certify such rows
    """
