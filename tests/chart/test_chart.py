"""The chart, rendered by helm, judged by Kubernetes' own schemas and by the program whose configuration it carries."""

import asyncio
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import orjson
import pytest
import yaml

import proxy
from proxy.config.changes import LIVE, NEEDS_RESTART
from tests.needs import ROOT, path_of
from tests.running import running

pytestmark = pytest.mark.needs("helm")

CHART = ROOT / "helm" / "customerio-sidecar"
SECRETS_FOLDER = "/run/secrets/customerio"
# The oldest Kubernetes that has native sidecars on by default, and a current one.
OLDEST, CURRENT = "1.29.0", "1.37.0"
APP = {"app": {"image": "registry.example/shop:1.4", "env": [{"name": "A", "value": "b"}], "ports": [{"containerPort": 80}]}}

Manifest = dict[str, Any]


def helm(*arguments: str, values: dict[str, Any] | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run helm; `values` stand above those of the chart."""
    command = [path_of("helm"), *arguments, "--kube-version", OLDEST, "--values", "-"]
    given = yaml.safe_dump(values or {})
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def render(values: dict[str, Any] | None = None, chart: Path = CHART) -> dict[str, Manifest]:
    """Return what a release named `shop` renders to, by kind."""
    documents = yaml.safe_load_all(helm("template", "shop", str(chart), values=values).stdout)
    return {document["kind"]: document for document in documents}


def refusal(values: dict[str, Any]) -> str:
    """Return why `values` are refused, on one line."""
    done = helm("template", "shop", str(CHART), values=values, check=False)
    assert done.returncode != 0, "nothing was refused"
    return " ".join(done.stderr.split())


def pod_of(deployment: Manifest) -> Manifest:
    """Return the Pod's spec."""
    pod: Manifest = deployment["spec"]["template"]["spec"]
    return pod


def sidecar_of(deployment: Manifest) -> Manifest:
    """Return the sidecar's container."""
    (container,) = pod_of(deployment)["initContainers"]
    rendered: Manifest = container
    return rendered


def kubernetes_schema(version: str, name: str) -> dict[str, Any]:
    """Return one strict schema of a Kubernetes version with its definitions inside, as kubeconform wants it."""
    spec = importlib.util.find_spec("kubernetes_validate")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "kubernetes-json-schema" / f"v{version}-local-strict"
    schema: dict[str, Any] = orjson.loads((folder / name).read_bytes().replace(b"/api/_definitions.json#", b"#"))
    del schema["$id"]  # else its references point to the network
    return schema | {"$defs": orjson.loads((folder / "_definitions.json").read_bytes())["$defs"]}


def status(url: str) -> int:
    """Return the status that a GET is answered with."""
    with urlopen(url, timeout=10) as answer:  # noqa: S310 - our own loopback address
        code: int = answer.status
    return code


def config_of(manifests: dict[str, Manifest], folder: Path) -> Manifest:
    """Return the configuration that the sidecar is given, with its secrets in `folder`."""
    for name in ("site_id", "api_key"):
        (folder / name).write_text(f"chart-{name}")
    text = manifests["ConfigMap"]["data"]["sidecar.yaml"]
    assert SECRETS_FOLDER in text
    config: Manifest = yaml.safe_load(text.replace(SECRETS_FOLDER, str(folder)))
    return config


@pytest.mark.parametrize("values", [None, APP], ids=["configuration only", "with an application"])
def test_lint_finds_nothing(values: dict[str, Any] | None) -> None:
    """`helm lint --strict` passes."""
    helm("lint", "--strict", str(CHART), values=values)


@pytest.mark.needs("kubeconform", "kubernetes-schemas")
@pytest.mark.parametrize("version", [OLDEST, CURRENT])
def test_kubernetes_takes_it(version: str, tmp_path: Path) -> None:
    """All that is rendered fits the schemas of the oldest Kubernetes it is for and of a current one, with no unknown key."""
    kinds = {"ConfigMap": "configmap-v1.json", "Deployment": "deployment-apps-v1.json"}
    for name in kinds.values():
        (tmp_path / name).write_bytes(orjson.dumps(kubernetes_schema(version, name)))
    done = subprocess.run(
        [
            path_of("kubeconform"), "-strict", "-output", "json", "-verbose", "-kubernetes-version", version,
            "-schema-location", f"{tmp_path}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json",
        ],
        input=helm("template", "shop", str(CHART), values=APP).stdout, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    judged = {resource["kind"]: resource["status"] for resource in orjson.loads(done.stdout)["resources"]}
    assert judged == dict.fromkeys(kinds, "statusValid")


def test_the_program_accepts_the_configuration(tmp_path: Path) -> None:
    """The rendered configuration passes the program's own check."""
    file = tmp_path / "sidecar.yaml"
    file.write_text(yaml.safe_dump(config_of(render(), tmp_path)))
    command = [sys.executable, "-m", "proxy", "check", "--offline", "--config", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_the_program_answers_the_probes(tmp_path: Path) -> None:
    """A sidecar that runs by the rendered configuration answers every rendered probe, on the port that the probe names."""
    manifests = render(APP)
    container = sidecar_of(manifests["Deployment"])
    config = config_of(manifests, tmp_path)
    named = {port["name"]: port["containerPort"] for port in container["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert named[container[probe]["httpGet"]["port"]] == config["admin"]["port"]
    config["outbound"]["port"] = config["admin"]["port"] = 0
    async with running(tmp_path, config) as sidecar:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert await asyncio.to_thread(status, sidecar.admin_url + container[probe]["httpGet"]["path"]) == 200


def test_numbers_and_words_arrive_as_they_were_written(tmp_path: Path) -> None:
    """Large integers stay integers, and words that YAML could take for booleans stay words, as the strict schema wants them."""
    given = {"config": {"delivery": {"spool": {"max_bytes": 1073741824, "mode": "off"}}, "limits": {"wait_seconds": 0.5}}}
    config = config_of(render(given), tmp_path)
    assert config["delivery"] == given["config"]["delivery"]
    assert config["limits"] == given["config"]["limits"]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"imagee": {}}, "imagee"),
        ({"image": {"tagg": "1"}}, "tagg"),
        ({"app": {"replica": 1}}, "replica"),
        ({"config": {"outbnd": {}}}, "outbnd"),
        ({"config": {"outbound": {"limits": {"head_byte": 1024}}}}, "head_byte"),
        ({"config": {"credentials": {"track": {"api_key": "a key itself"}}}}, "api_key"),
        ({"config": {"outbound": {"host": "0.0.0.0"}}}, "host"),
        ({"config": {"outbound": {"port": 0}}}, "port"),
        ({"config": {"admin": {"host": "127.0.0.1"}}}, "host"),
        ({"image": {"tag": "latest"}}, "tag"),
        ({"image": {"digest": "sha256:abc"}}, "digest"),
        ({"existingSecret": ""}, "existingSecret"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_that_cannot_be_meant_is_refused(values: dict[str, Any], named: str) -> None:
    """Unknown keys, keys in place of references, and what would break the Pod are refused before anything is installed."""
    assert named in refusal(values)


def test_the_sidecar_is_native_and_has_no_pre_stop() -> None:
    """It starts before the application, is stopped after it, and is never kept from stopping."""
    container = sidecar_of(render(APP)["Deployment"])
    assert container["restartPolicy"] == "Always"
    assert "lifecycle" not in container


def test_the_sidecar_is_hardened() -> None:
    """No root, no capability, no privilege, nothing to write to, no token, bounded memory; and no CPU limit to slow calls."""
    deployment = render(APP)["Deployment"]
    container = sidecar_of(deployment)
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsGroup": 65532,
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["resources"] == {"requests": {"cpu": "25m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}}
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    assert pod_of(deployment)["automountServiceAccountToken"] is False


def test_only_the_sidecar_sees_the_keys() -> None:
    """The Secret is mounted into the sidecar alone, and no key stands in an environment."""
    pod = pod_of(render(APP)["Deployment"])
    (keys,) = [volume["name"] for volume in pod["volumes"] if "secret" in volume]
    (application,) = pod["containers"]
    assert "volumeMounts" not in application
    assert "env" not in sidecar_of(render(APP)["Deployment"])
    assert keys in [mount["name"] for mount in pod["initContainers"][0]["volumeMounts"]]


def test_the_pod_is_given_time_for_both() -> None:
    """The grace period holds the application's end and then the sidecar's whole drain."""
    slow = {
        "app": {"image": "registry.example/shop:1.4", "stopSeconds": 100},
        "config": {"outbound": {"drain": {"accept_seconds": 1.5, "finish_seconds": 40}}},
    }
    assert pod_of(render(APP)["Deployment"])["terminationGracePeriodSeconds"] == 30 + 0 + 25 + 5
    assert pod_of(render(slow)["Deployment"])["terminationGracePeriodSeconds"] == 100 + 2 + 40 + 5


TLS = {"certificate": "c", "key": "k"}
# For each path of `proxy.config.changes` two values of it, in sections as they stand in a file.
CHANGES: Mapping[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "outbound.tls.certificate": ({"outbound": {"tls": TLS}}, {"outbound": {"tls": TLS | {"certificate": "d"}}}),
    "outbound.tls.key": ({"outbound": {"tls": TLS}}, {"outbound": {"tls": TLS | {"key": "l"}}}),
    "outbound.tls.port": ({"outbound": {"tls": TLS}}, {"outbound": {"tls": TLS | {"port": 1}}}),
    "outbound.tls": ({}, {"outbound": {"tls": TLS}}),
    "outbound.unknown_endpoints": ({}, {"outbound": {"unknown_endpoints": "inspect"}}),
    "outbound.hosts": ({}, {"outbound": {"hosts": ["a.example.com"]}}),
    "outbound.callers": ({}, {"outbound": {"callers": "any"}}),
    "outbound.limits": ({}, {"outbound": {"limits": {"depth": 3}}}),
    "outbound.host": ({}, {"outbound": {"host": "::1"}}),
    "outbound.port": ({}, {"outbound": {"port": 1}}),
    "admin.token": ({}, {"admin": {"token": "file:token"}}),
    "admin.host": ({}, {"admin": {"host": "::"}}),
    "admin.port": ({}, {"admin": {"port": 1}}),
    "credentials": ({}, {"credentials": {"app": {"api_key": "file:app"}}}),
    "stores": ({}, {"stores": {"refresh_seconds": 1}}),
    "policy": ({}, {"policy": {"version": 1}}),
    "limits.replicas": ({}, {"limits": {"replicas": 2}}),
    "limits.buckets": ({}, {"limits": {"buckets": {"app": {"burst": 2}}}}),
    "limits.wait_seconds": ({}, {"limits": {"wait_seconds": 1}}),
    "delivery.timeouts": ({}, {"delivery": {"timeouts": {"total_seconds": 8}}}),
    "delivery.connections": ({}, {"delivery": {"connections": 1}}),
    "logs.level": ({}, {"logs": {"level": "error"}}),
    "logs.format": ({}, {"logs": {"format": "console"}}),
    "region": ({}, {"region": "eu"}),
    "upstreams": ({}, {"upstreams": {"app": {"url": "https://a.example.com"}}}),
    "webhooks": ({}, {"webhooks": {"port": 1}}),
}


def test_what_needs_a_restart_makes_new_pods() -> None:
    """The checksum in the Pod's annotations follows that and nothing else: a running sidecar takes the rest by itself.

    Left out are `outbound.drain`, which a Pod's own time to stop follows, and what is not available yet.
    """

    def checksum(values: dict[str, Any]) -> str:
        annotation: str = render(APP | values)["Deployment"]["spec"]["template"]["metadata"]["annotations"][
            "checksum/customerio-sidecar"
        ]
        return annotation

    assert set(CHANGES) >= LIVE - {"outbound.drain"}
    assert checksum({}) == checksum({"existingSecret": "other"})
    changed = {path for path, (old, new) in CHANGES.items() if checksum({"config": old}) != checksum({"config": new})}
    assert changed == set(CHANGES) & NEEDS_RESTART


def test_a_digest_stands_above_a_tag() -> None:
    """An image is named by its digest where there is one, else by its tag, else by the chart's version of the program."""
    digest = "sha256:" + "a" * 64

    def image(values: dict[str, Any]) -> str:
        name: str = sidecar_of(render(APP | {"image": values})["Deployment"])["image"]
        return name

    assert image({"repository": "r", "tag": "1", "digest": digest}) == f"r@{digest}"
    assert image({"repository": "r", "tag": "1"}) == "r:1"
    assert image({"repository": "r"}) == f"r:{proxy.__version__}"


def test_another_chart_takes_it_in(tmp_path: Path) -> None:
    """The named templates, used as the chart's README shows, give another chart's Pod the same sidecar."""
    parent = tmp_path / "shop"
    shutil.copytree(CHART, parent / "charts" / "customerio-sidecar")
    (parent / "templates").mkdir()
    (parent / "Chart.yaml").write_text("apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    shown = (CHART / "README.md").read_text().split("```yaml\n")[1].split("```")[0]
    (parent / "templates" / "deployment.yaml").write_text(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n  template:\n" + shown
        + "      containers: [{name: app, image: example}]\n"
    )  # fmt: skip
    own = render({"customerio-sidecar": {"config": {"region": "eu"}}}, parent)
    ours = render(APP | {"config": {"region": "eu"}})
    assert own["ConfigMap"] == ours["ConfigMap"]
    for part in ("initContainers", "volumes", "automountServiceAccountToken", "terminationGracePeriodSeconds"):
        assert pod_of(own["Deployment"])[part] == pod_of(ours["Deployment"])[part]
    annotations = [each["Deployment"]["spec"]["template"]["metadata"]["annotations"] for each in (own, ours)]
    assert annotations[0] == annotations[1]


def test_the_versions_agree() -> None:
    """The chart installs the version of the program it stands beside."""
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == proxy.__version__
