"""What a user can get wrong, said in one place."""
import difflib


class AnalysisError(Exception):
    """Bad input. The message names the file, what is wrong with it and, where there is one, the nearest valid choice."""


def nearest(word, choices):
    """"; did you mean 'x'?" for the choice nearest to `word`, or "" when nothing is near."""
    matches = difflib.get_close_matches(str(word), [str(c) for c in choices], n=1, cutoff=0.6)
    return f"; did you mean '{matches[0]}'?" if matches else ""
