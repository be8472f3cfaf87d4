"""Classifiers for scikit-learn with a proof for every prediction.

``sklip.layers``, ``sklip.losses`` and ``sklip.manifold`` work in any Keras model and import Keras.
The estimators and ``sklip.architectures`` import Keras only in ``fit``, ``to_keras`` and ``from_keras``; with
``backend="numpy"``, ``fit`` does not import it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sklip._version import __version__
from sklip.estimators import HKRClassifier, LipschitzMLP, LipschitzRegressor, NetworkClassifier, WassersteinEstimator
from sklip.exceptions import BrokenCertificateWarning, ModelFileError, NotLipschitzError, VersionMismatchWarning
from sklip.training.reuse import clear_compiled_networks
from sklip.training.runtime import prepare_worker

if TYPE_CHECKING:
    from sklip._sklearn_onnx import register_onnx_converters
    from sklip.auditing import AuditResult, audit
    from sklip.conformal import RobustConformalClassifier, RobustConformalRegressor
    from sklip.estimators._from_keras import from_keras
    from sklip.persistence import TRUSTED_TYPES, load
    from sklip.pipelines import CertifiedPipeline, CertifiedRadii, certified_band, certified_radius

prepare_worker()

__all__ = [
    "TRUSTED_TYPES",
    "AuditResult",
    "BrokenCertificateWarning",
    "CertifiedPipeline",
    "CertifiedRadii",
    "HKRClassifier",
    "LipschitzMLP",
    "LipschitzRegressor",
    "ModelFileError",
    "NetworkClassifier",
    "NotLipschitzError",
    "RobustConformalClassifier",
    "RobustConformalRegressor",
    "VersionMismatchWarning",
    "WassersteinEstimator",
    "__version__",
    "audit",
    "certified_band",
    "certified_radius",
    "clear_compiled_networks",
    "from_keras",
    "load",
    "register_onnx_converters",
]

# A process that only predicts does not need the parts of scikit-learn that these import.
_LATE = {
    "TRUSTED_TYPES": "sklip.persistence",
    "AuditResult": "sklip.auditing",
    "CertifiedPipeline": "sklip.pipelines",
    "CertifiedRadii": "sklip.pipelines",
    "RobustConformalClassifier": "sklip.conformal",
    "RobustConformalRegressor": "sklip.conformal",
    "audit": "sklip.auditing",
    "certified_band": "sklip.pipelines",
    "certified_radius": "sklip.pipelines",
    "from_keras": "sklip.estimators._from_keras",
    "load": "sklip.persistence",
    "register_onnx_converters": "sklip._sklearn_onnx",
}


def __getattr__(name):
    if name not in _LATE:
        raise AttributeError(f"module 'sklip' has no attribute {name!r}")
    globals()[name] = getattr(import_module(_LATE[name]), name)
    return globals()[name]


def __dir__():
    return __all__
