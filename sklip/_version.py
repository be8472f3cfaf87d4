"""The version, read by the package, the build and whatever is stored; CITATION.cff and CHANGELOG.md repeat it."""

__version__ = "0.1.0"
