"""Errors and warnings of sklip's own."""

__all__ = ["BrokenCertificateWarning", "NotLipschitzError"]


class NotLipschitzError(ValueError):
    """No radius can be certified through an estimator or a step: it has no constant, or none that is known.

    Raised by :func:`sklip.certified_radius` and :func:`sklip.audit`. The message names the step
    and says what would work.

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
