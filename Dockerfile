# The Python that the tests run on, and the same with a C compiler. A tag can move: pin what you build by digest, which names both,
#   docker build --build-arg PYTHON_IMAGE=python:3.11.14-slim-bookworm@sha256:… --build-arg COMPILER_IMAGE=… .
# `docker buildx imagetools inspect python:3.11.14-slim-bookworm` prints the digest.
ARG PYTHON_IMAGE=python:3.11.14-slim-bookworm
ARG COMPILER_IMAGE=python:3.11.14-bookworm

FROM ${COMPILER_IMAGE} AS build
# With the libraries of detectors, and of Google Cloud's and AWS's stores: --build-arg REQUIREMENTS=requirements-extras.lock
ARG REQUIREMENTS=requirements.lock
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements.lock requirements-extras.lock requirements-build.lock requirements-compiler.lock ./
# Only wheels whose hashes the locks name. What runs is beside the compiler too, because that reads its types.
RUN python3 -m venv /build \
 && /build/bin/python -m pip install --require-hashes --no-deps --only-binary :all: \
      -r requirements.lock -r requirements-build.lock -r requirements-compiler.lock \
 && python3 -m venv --without-pip /opt/cio-sidecar \
 && /build/bin/python -m pip --python /opt/cio-sidecar/bin/python install \
      --require-hashes --no-deps --only-binary :all: -r "$REQUIREMENTS"
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY proxy proxy
RUN HATCH_BUILD_HOOK_ENABLE_CUSTOM=true /build/bin/hatchling build --target wheel --directory /dist \
 && /build/bin/python -m pip --python /opt/cio-sidecar/bin/python install --no-deps --no-index /dist/*.whl \
 && /opt/cio-sidecar/bin/cio-sidecar --version

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="customerio-sidecar" \
      org.opencontainers.image.description="An outbound reverse proxy for Customer.io" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
# A running sidecar installs nothing.
RUN python3 -m pip uninstall --yes --quiet --root-user-action ignore pip setuptools wheel
COPY --from=build /opt/cio-sidecar /opt/cio-sidecar
# The root file system may be read-only: bytecode was written at build time, and nothing else is.
ENV PATH=/opt/cio-sidecar/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["cio-sidecar"]
CMD ["serve", "--config", "/etc/cio-sidecar/sidecar.yaml"]
