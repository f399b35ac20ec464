"""Everything that is attacked, by name."""

from collections.abc import Mapping
from types import MappingProxyType

from tests.fuzz.bodies import Bodies
from tests.fuzz.engine import Target
from tests.fuzz.heads import Heads
from tests.fuzz.operator import Operator
from tests.fuzz.replies import Replies

TARGETS: Mapping[str, Target] = MappingProxyType({target.name: target for target in (Bodies(), Heads(), Replies(), Operator())})
