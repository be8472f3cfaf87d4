"""An attack on every certificate, and a report of the result."""

from sklip.auditing._audit import audit
from sklip.auditing._result import AuditResult, Worst
from sklip.auditing._target import estimator_target

__all__ = ["AuditResult", "Worst", "audit", "estimator_target"]
