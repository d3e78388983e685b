"""Loops that numba compiles; nothing here is imported before somebody asks for it."""
