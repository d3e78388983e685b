"""The laws that every operation of the table obeys, the inputs to try them on, and the numeric derivative."""

from laws import along, cases, complexes, fourier, matrices, places, special, table, windows

for family in (along, places, windows, matrices, special, complexes, fourier):
    cases.RECIPES |= getattr(family, "RECIPES", {})
    cases.REFERENCES |= getattr(family, "REFERENCES", {})
    cases.COMPOSITIONS |= getattr(family, "COMPOSITIONS", {})
    cases.DEFINITIONS |= getattr(family, "DEFINITIONS", {})
cases.COMPOSITIONS["sliding_window_view"] = windows.view_case

NEWER = {"_astype", "cumulative_prod", "cumulative_sum", "unstack"}  # than the oldest NumPy
for name in NEWER - {f.__name__ for f in table.COMPOSED.values()}:
    del cases.COMPOSITIONS[name]
