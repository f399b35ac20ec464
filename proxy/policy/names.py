"""How names of fields are compared."""

import unicodedata


def normal_form(name: str) -> str:
    """Return the form in which field names are compared: NFKC, case-folded, letters and digits only.

    `creditCard`, `Credit-Card` and `CREDIT_CARD` share one; full-width letters and zero-width characters hide nothing.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    return "".join(filter(str.isalnum, folded))
