"""Load stored estimators: one loader with clear errors, and the types that ``skops`` may trust."""

from os import PathLike
from typing import IO

from sklearn.base import BaseEstimator

from sklip.architectures import MLP, ConvNet, ResidualConvNet
from sklip.estimators import HKRClassifier, LipschitzMLP, LipschitzRegressor, NetworkClassifier, WassersteinEstimator
from sklip.estimators._objectives import CrossEntropyObjective, HingeObjective, HKRObjective
from sklip.exceptions import ModelFileError
from sklip.served import JOINS, OPERATIONS, ServedNetwork
from sklip.training.state import TrainingState

__all__ = ["TRUSTED_TYPES", "load"]

#: Names of sklip's types in files of its estimators, for ``skops.io.load(file, trusted=sklip.TRUSTED_TYPES)``.
TRUSTED_TYPES = [
    *(
        f"{kind.__module__}.{kind.__qualname__}"
        for kind in (
            HKRClassifier,
            LipschitzMLP,
            LipschitzRegressor,
            NetworkClassifier,
            WassersteinEstimator,
            ServedNetwork,
            *OPERATIONS,
            *JOINS,
            MLP,
            ConvNet,
            ResidualConvNet,
            TrainingState,
            HKRObjective,
            HingeObjective,
            CrossEntropyObjective,
        )
    ),
    # By name, as imports point one way, and this module is no higher than that of pipelines.
    "sklip.pipelines._certified_pipeline.CertifiedPipeline",
    "sklip.conformal._classifier.RobustConformalClassifier",
    "sklip.conformal._regressor.RobustConformalRegressor",
]


def load(file: str | PathLike | IO[bytes], *, mmap_mode: str | None = None) -> BaseEstimator:
    """Load an estimator that ``joblib.dump`` or ``pickle.dump`` wrote.

    The same as ``joblib.load``, except that its error says what is wrong with a file. For a file that is cut short,
    ``joblib`` and ``pickle`` may raise an ``IndexError``, or an ``EOFError`` without a message.

    Parameters
    ----------
    file : str, os.PathLike or binary file object
        File written by ``joblib.dump``, compressed or not, or by ``pickle.dump``.
    mmap_mode : {None, "r", "c"}, default=None
        Map the arrays of an uncompressed file that ``joblib.dump`` wrote, as ``joblib.load`` does: processes then
        share them. The networks of sklip are copied nevertheless: their certificates must not change with the file.

    Returns
    -------
    estimator
        An estimator of sklip, or any other scikit-learn estimator, such as a ``Pipeline``.

    Raises
    ------
    ModelFileError
        If the file is truncated, damaged, of another format, without an estimator, or holds an estimator that was
        changed.
    OSError
        If the file cannot be opened.
    ImportError
        If a package that the file needs is missing.

    Warns
    -----
    VersionMismatchWarning
        If sklip, scikit-learn or Keras had another version when the file was written.

    Warnings
    --------
    Loading a pickle runs any code that its author put into it. Load files of other people with ``skops``, with
    ``trusted=sklip.TRUSTED_TYPES``.

    Examples
    --------
    >>> import io
    >>> import joblib
    >>> import sklip
    >>> file = io.BytesIO()
    >>> _ = joblib.dump(sklip.HKRClassifier(alpha=10.0), file)
    >>> sklip.load(io.BytesIO(file.getvalue()))
    HKRClassifier(alpha=10.0)
    """
    import joblib

    try:
        estimator = joblib.load(file, mmap_mode=mmap_mode)
    except (ModelFileError, ImportError, MemoryError):
        raise
    # Python's unpickler raises any exception at which one of its instructions failed.
    except Exception as error:
        if isinstance(error, OSError) and error.errno:  # an error of the system, not of a decompressor
            raise
        raise ModelFileError(
            f"The file is truncated, or joblib.dump or pickle.dump did not write it ({type(error).__name__}: "
            f"{error}). Compare its size with that of the original, and copy it again in binary mode."
        ) from error
    if not isinstance(estimator, BaseEstimator):
        raise ModelFileError(
            f"The file holds a {type(estimator).__name__}, not an estimator. Give a file that holds a fitted estimator."
        )
    return estimator
