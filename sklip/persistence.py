"""Loading what was stored: one loader with clear errors, and the types that ``skops`` is to trust."""

from os import PathLike
from typing import IO

from sklearn.base import BaseEstimator

from sklip.estimators import HKRClassifier, LipschitzMLP, NetworkClassifier, WassersteinEstimator
from sklip.estimators._objectives import CrossEntropyObjective, HingeObjective, HKRObjective
from sklip.exceptions import ModelFileError
from sklip.served import OPERATIONS, ServedNetwork
from sklip.training.state import TrainingState

__all__ = ["TRUSTED_TYPES", "load"]

#: Names of sklip's own types in files of its estimators, for ``skops.io.load(file, trusted=sklip.TRUSTED_TYPES)``.
TRUSTED_TYPES = [
    f"{kind.__module__}.{kind.__qualname__}"
    for kind in (
        HKRClassifier,
        LipschitzMLP,
        NetworkClassifier,
        WassersteinEstimator,
        ServedNetwork,
        *OPERATIONS,
        TrainingState,
        HKRObjective,
        HingeObjective,
        CrossEntropyObjective,
    )
]


def load(file: str | PathLike | IO[bytes], *, mmap_mode: str | None = None) -> BaseEstimator:
    """Load an estimator that ``joblib.dump`` or ``pickle.dump`` wrote.

    The same as ``joblib.load``, but that it says clearly what is wrong with a file: what ``joblib`` and ``pickle``
    raise for one that is cut short may be an ``EOFError`` without a word or an ``IndexError``.

    Parameters
    ----------
    file : str, os.PathLike or binary file object
        Written by ``joblib.dump``, compressed or not, or by ``pickle.dump``.
    mmap_mode : {None, "r", "c"}, default=None
        Map the arrays of an uncompressed file that ``joblib.dump`` wrote, as ``joblib.load`` does: processes then
        share them. The networks of sklip are copied all the same, as their certificates must not change with the file.

    Returns
    -------
    estimator
        An estimator of sklip's or any other of scikit-learn's kind, such as a ``Pipeline``.

    Raises
    ------
    ModelFileError
        For a file that is truncated, damaged, not of this kind, without an estimator, or of an
        estimator that was changed.
    OSError
        For a file that cannot be opened.
    ImportError
        Where a package is missing that the file needs.

    Warns
    -----
    VersionMismatchWarning
        Where sklip, scikit-learn or Keras had another version when the file was written.

    Warnings
    --------
    Loading a pickle runs whatever code its author put there. Load files from others by ``skops``, with
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
    # Python's pickle machine raises whatever its last instruction stumbled over.
    except Exception as error:
        if isinstance(error, OSError) and error.errno:  # the system's own, and not that of a decompressor
            raise
        raise ModelFileError(
            f"The file is truncated, or not one that joblib.dump or pickle.dump wrote ({type(error).__name__}: "
            f"{error}). Compare its size with the original's, and copy it again in binary mode."
        ) from error
    if not isinstance(estimator, BaseEstimator):
        raise ModelFileError(
            f"The file holds a {type(estimator).__name__}, not an estimator. Give the file to which a fitted estimator "
            "was written."
        )
    return estimator
