"""The published pages, written from the reference tables."""
