"""Rows from anywhere: in any container, in blocks, in memory or mapped from files."""
