"""Histories of any tool: one reader per notation, one writer, and what recognises which is which."""
