"""The detectors of keys and tokens, by the shapes that their issuers document."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from proxy.policy.detectors.model import Detector

# The signs between a name and its value: `key = "…"`, `"key": "…"`, `key=…`.
_IS = r"""["']?\s{0,4}(?:=>|:=|=|:)\s{0,4}["']?"""
_CUSTOMERIO = "(?:customer_?io|cio)_?(?:track|app|api|site|write|webhook|signing)[a-z_]{0,20}"
# The text of a key file, in which line ends may be escaped. A header may have hyphens (RFC 1421); five hyphens end the text.
_ARMOUR = r"[A-Za-z0-9+/=:,.\\\s]"
_B64 = "[A-Za-z0-9_-]"
_LABEL = "[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?"

# The length of the shortest key: a JSON Web Token without a signature.
KEY_MIN_CHARACTERS = 14

# The description and the shapes of each key. Sources: the issuers' documentation, and the rules of open secret scanners.
_SHAPES: Mapping[str, tuple[str, Sequence[str]]] = MappingProxyType(
    {
        "jwt": (
            "JSON Web Tokens, signed (RFC 7519) or encrypted (RFC 7516)",
            [rf"eyJ{_B64}{{8,}}\.(?:{_B64}*\.{_B64}+\.{_B64}+\.{_B64}+|{_B64}+\.{_B64}*)"],
        ),
        "pem": (
            "private keys in PEM or PGP armour, whole or cut off (RFC 7468)",
            [rf"-----BEGIN {_LABEL}-----(?:{_ARMOUR}|-{{1,4}}{_ARMOUR})*(?:-----END {_LABEL}-----)?"],
        ),
        "aws_key": (
            "AWS access key ids, and secret access keys that are named",
            [
                "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
                rf"(?i:aws_?secret_?(?:access_?)?key|secret_?access_?key){_IS}([A-Za-z0-9+/]{{40}})",
            ],
        ),
        "azure_key": (
            "Azure storage and service bus keys that are named, and client secrets of Entra ID",
            ["(?:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{43,86}={1,2})", "[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"],
        ),
        "gcp_key": (
            "Google API keys, OAuth client secrets and access tokens",
            ["AIza[A-Za-z0-9_-]{35}", "GOCSPX-[A-Za-z0-9_-]{28}", r"ya29\.[A-Za-z0-9_-]{20,}"],
        ),
        "customerio_key": (
            "Customer.io service account tokens, and its other keys where they are named",
            ["sa_live_[A-Za-z0-9_-]{16,}", rf"(?i:{_CUSTOMERIO}){_IS}([A-Za-z0-9]{{20,64}})"],
        ),
        "slack_token": (
            "Slack tokens and incoming webhooks",
            [
                "xox[abeoprs]-[A-Za-z0-9-]{10,}",
                "xapp-[0-9]-[A-Za-z0-9-]{10,}",
                r"https://hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/]{20,}",
            ],
        ),
        "stripe_key": (
            "Stripe secret and restricted keys, and webhook secrets",
            ["[sr]k_(?:live|test)_[A-Za-z0-9]{16,}", "whsec_[A-Za-z0-9+/]{24,}=*"],
        ),
        "github_token": (
            "GitHub tokens, classic and fine-grained",
            ["gh[oprsu]_[A-Za-z0-9]{36,}", "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}"],
        ),
        "gitlab_token": ("GitLab tokens", ["gl(?:pat|dt|ptt|rt|soat|cbt|oas|agent)-[A-Za-z0-9_=.-]{20,}"]),
        "npm_token": ("npm access tokens", ["npm_[A-Za-z0-9]{36}"]),
        "pypi_token": ("PyPI upload tokens", ["pypi-AgE[A-Za-z0-9_-]{50,}"]),
        "openai_key": ("OpenAI API keys", ["sk-[A-Za-z0-9_-]*T3BlbkFJ[A-Za-z0-9_-]{20,}"]),
        "anthropic_key": ("Anthropic API keys", ["sk-ant-[a-z0-9]{2,8}-[A-Za-z0-9_-]{20,}"]),
        "sendgrid_key": ("SendGrid API keys", [r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}"]),
        "twilio_key": ("Twilio API key ids", ["SK[0-9a-f]{32}"]),
        "shopify_token": ("Shopify access tokens and shared secrets", ["shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}"]),
    }
)

KEYS: Mapping[str, tuple[str, Detector]] = MappingProxyType(
    {name: (finds, Detector("|".join(shapes), least=KEY_MIN_CHARACTERS, looks=2)) for name, (finds, shapes) in _SHAPES.items()}
)
