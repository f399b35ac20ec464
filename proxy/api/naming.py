"""The keys, in normal form (`policy.names`), whose values are identifiers of people at places without a row in the table."""

from collections.abc import Mapping
from typing import Final

from proxy.api.model import Identifier

BY_KEY: Final[Mapping[str, Identifier]] = {
    **dict.fromkeys(("email", "emailaddress", "useremail", "customeremail", "emails"), Identifier.EMAIL),
    **dict.fromkeys(("phone", "phonenumber", "phones"), Identifier.PHONE),
    **dict.fromkeys(("anonymousid", "anonymousids"), Identifier.ANONYMOUS_ID),
    **dict.fromkeys(
        (
            "accountid", "contactid", "customerid", "customerids", "distinctid", "externalid", "id", "identifier", "ids",
            "memberid", "personid", "previousid", "profileid", "subscriberid", "uid", "userid", "userids", "uuid",
        ),
        Identifier.SHAPE,
    ),
}  # fmt: skip
# The keys, in normal form, whose value is an id if the request has the same value at an identifier position.
ID_KEYS: Final = frozenset((*BY_KEY, "cioid"))
