"""The laws that every operation of the table obeys, the inputs to try them on, and the numeric derivative."""

from laws import cases, matrices, special, windows

cases.RECIPES |= windows.RECIPES | matrices.RECIPES
cases.REFERENCES |= windows.REFERENCES | matrices.REFERENCES | special.REFERENCES
cases.COMPOSITIONS |= matrices.COMPOSITIONS | special.COMPOSITIONS
cases.DEFINITIONS |= matrices.DEFINITIONS | special.DEFINITIONS
cases.COMPOSITIONS["sliding_window_view"] = windows.view_case
