"""Errors and warnings that sklip defines."""

from collections.abc import Mapping, Sequence

from sklearn.exceptions import ConvergenceWarning, InconsistentVersionWarning

__all__ = [
    "BrokenCertificateWarning",
    "ChannelsFirstWarning",
    "ConflictingDistributionWarning",
    "FarFromTrainingWarning",
    "FixedColumnsWarning",
    "ModelFileError",
    "NotLipschitzError",
    "SaturatedTemperatureWarning",
    "TooFewCalibrationRowsWarning",
    "TrainingDivergedError",
    "TrainingInterruptedWarning",
    "UnattainableMarginWarning",
    "UnlikeConstantWarning",
    "UnlikeHeldOutRowsWarning",
    "UnlikeScalesWarning",
    "VersionMismatchWarning",
]

# Names in stored files, and the names under which messages tell users to install them.
_DISTRIBUTIONS = {"sklip": "scikit-lipschitz"}


class NotLipschitzError(ValueError):
    """No radius can be certified through an estimator or a step: it has no Lipschitz constant, or it is unknown.

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
    """An input inside a certified radius is predicted differently: the certificate is wrong.

    Emitted by :func:`sklip.audit`. You should never see it. If you do, please report it, with the estimator and the
    row.

    Examples
    --------
    >>> import warnings
    >>> import sklip
    >>> warnings.simplefilter("error", sklip.BrokenCertificateWarning)  # stop there
    """


class ChannelsFirstWarning(UserWarning):
    """Images look as if their channels came first, as those of PyTorch: sklip reads (height, width, channels).

    Emitted by ``fit`` and by the first ``partial_fit`` if the first axis of an image has 1, 3 or 4 values, and the last
    one more than 4. Move the channels to the last axis: ``numpy.moveaxis(X, 1, -1)``.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import ChannelsFirstWarning
    >>> warnings.simplefilter("error", ChannelsFirstWarning)  # stop there
    """


class ConflictingDistributionWarning(UserWarning):
    """A distribution named ``sklip`` is installed, which belongs to another project and has the same import name.

    Emitted when sklip is imported. The distribution of this project is ``scikit-lipschitz``. The message names the
    folders and says what to do. This class can be imported only after the warning, so filter by the message.

    Examples
    --------
    >>> import warnings
    >>> warnings.filterwarnings("ignore", message="The distribution 'sklip'")  # before the import of sklip
    """


class ModelFileError(ValueError):
    """A file holds no estimator that sklip can serve: it is truncated, of another format, or was changed.

    Raised by :func:`sklip.load` if it cannot read a file. Raised by ``pickle``, ``joblib`` and ``skops`` if the
    attributes of an estimator do not fit together.

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
    """An estimator was stored with other versions of the packages than those that load it.

    Emitted when an estimator is loaded by ``sklip.load``, ``joblib``, ``pickle`` or ``skops``. It is a subclass of
    scikit-learn's warning, so one filter is enough for all steps of a pipeline.

    Parameters
    ----------
    estimator_name : str
        Name of the estimator's class.
    written, running : dict of str to (str or None)
        Versions of ``"sklip"``, ``"scikit-learn"`` and ``"keras"`` when the estimator was stored, and now.
    differing : list of str
        Names of the packages whose versions differ.

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
            "Predictions and certificates do not depend on Keras. Further training by partial_fit or warm_start may."
            if self.differing == ["keras"]
            else "The network was checked, and the running version proves the certificate from the weights. Other "
            "attributes may have changed their meaning."
        )
        return (
            f"{self.estimator_name} was stored with {changes}. {consequence} Install the versions with which it was "
            "stored, or fit and store it again."
        )


class TrainingDivergedError(ValueError):
    """Training ended with weights that are not finite; the estimator is left as it was.

    Raised by ``fit`` and ``partial_fit``.

    Examples
    --------
    >>> import sklip
    >>> issubclass(sklip.exceptions.TrainingDivergedError, ValueError)
    True
    """


class TrainingInterruptedWarning(ConvergenceWarning):
    """The user ended the training by Ctrl-C: the estimator keeps what it has learned.

    Emitted by ``fit`` and ``partial_fit``. It is a subclass of the warning that scikit-learn's ``MLPClassifier`` emits
    in this case.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import TrainingInterruptedWarning
    >>> warnings.simplefilter("error", TrainingInterruptedWarning)  # instead, leave the estimator as it was
    """


class UnlikeHeldOutRowsWarning(UserWarning):
    """The rows of ``X_val`` do not lie where those of ``X`` lie, most often because they were not scaled like ``X``.

    Emitted by ``fit``, which compares the distances of the rows from the mean of ``X``. It warns if the tenth
    percentile of ``X_val`` is over 1.5 times the ninetieth percentile of ``X``, or if the ninetieth percentile of
    ``X_val`` times 1.5 is below the tenth percentile of ``X``.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import UnlikeHeldOutRowsWarning
    >>> warnings.simplefilter("error", UnlikeHeldOutRowsWarning)  # stop there
    """


class UnlikeScalesWarning(UserWarning):
    """Columns of X have very different scales, and the small ones hardly matter.

    Emitted by ``fit`` and by the first ``partial_fit``, if for a quarter of the columns that vary the range is less
    than a tenth of the columns' root-mean-square deviation. Put a scaler before the classifier, or give tolerances. In
    a :class:`sklip.CertifiedPipeline`, it is about the raw columns: give tolerances.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import UnlikeScalesWarning
    >>> warnings.simplefilter("ignore", UnlikeScalesWarning)  # the units are intended
    """


class UnattainableMarginWarning(UserWarning):
    """``min_margin`` is more than half the distance between the classes: the average row cannot have this margin.

    Emitted by ``fit`` if the parameter is a number; not emitted for ``"auto"``.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import UnattainableMarginWarning
    >>> warnings.simplefilter("error", UnattainableMarginWarning)  # in a search: such candidates fail
    """


class SaturatedTemperatureWarning(UserWarning):
    """At this ``temperature``, the probability of most training rows rounds to 1.

    Emitted by ``LipschitzMLP.fit`` if the parameter is a number; not emitted for ``"auto"``.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import SaturatedTemperatureWarning
    >>> warnings.simplefilter("error", SaturatedTemperatureWarning)  # in a search: such candidates fail
    """


class TooFewCalibrationRowsWarning(UserWarning):
    """There are too few calibration rows for ``alpha``, so that a conformal threshold is infinite.

    Emitted by ``fit`` of :class:`sklip.RobustConformalClassifier` and :class:`sklip.RobustConformalRegressor`. Sets
    then hold all classes, and intervals all numbers. At least ``1 / alpha − 1`` rows are needed.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import TooFewCalibrationRowsWarning
    >>> warnings.simplefilter("error", TooFewCalibrationRowsWarning)  # stop there
    """


class FarFromTrainingWarning(UserWarning):
    """Rows to certify are more than three times as far from the mean of the training rows as any training row.

    Emitted once per call by ``certified_radius`` and ``certified_band``, the methods and the functions. What they say
    is still proven, but the prediction is a guess. Usually the rows are not in the units of ``fit``.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import FarFromTrainingWarning
    >>> warnings.simplefilter("error", FarFromTrainingWarning)  # refuse to certify such rows
    """


class FixedColumnsWarning(UserWarning):
    """A question moves columns that were fixed in the training.

    Emitted by :func:`sklip.certified_radius`, :func:`sklip.certified_band`, :func:`sklip.audit`, displays and scorers.
    The network may depend on such columns as it likes, so the radius is proven, but small, and a band is wide. Hold
    these columns fixed, or train with a tolerance for them.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import FixedColumnsWarning
    >>> warnings.simplefilter("error", FixedColumnsWarning)  # refuse such questions
    """


class UnlikeConstantWarning(UserWarning):
    """A stated Lipschitz constant is probably not in the units of the data.

    Emitted by ``LipschitzRegressor.fit`` if the constant is below a tenth, or above 100 times, the standard deviation
    of the target over ``scale_``. A smaller one lets predictions hardly change between rows; a larger one limits
    nothing, and bands are wide.

    Examples
    --------
    >>> import warnings
    >>> from sklip.exceptions import UnlikeConstantWarning
    >>> warnings.simplefilter("error", UnlikeConstantWarning)  # in a search: such candidates fail
    """
