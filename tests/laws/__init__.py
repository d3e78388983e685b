"""The laws that every operation of the table obeys, the inputs to try them on, and the numeric derivative."""
