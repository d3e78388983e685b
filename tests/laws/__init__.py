"""The laws that every operation of the table obeys, the inputs to try them on, and the numeric derivative."""

from laws import cases, windows

cases.RECIPES |= windows.RECIPES
cases.REFERENCES |= windows.REFERENCES
cases.COMPOSITIONS["sliding_window_view"] = windows.view_case
