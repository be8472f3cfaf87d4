"""The version, for the package, the build and stored estimators; CITATION.cff and CHANGELOG.md repeat it."""

__version__ = "0.1.0"
