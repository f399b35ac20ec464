"""Keys that clients put people's identifiers under, in normal form (`policy.names`): where no row of the table says so."""

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
# The keys, in normal form, under which a value that the request names elsewhere as an id is that id.
ID_KEYS: Final = frozenset((*BY_KEY, "cioid"))
