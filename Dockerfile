# syntax=docker/dockerfile:1
# Copyright The license-operator Authors.
# SPDX-License-Identifier: Apache-2.0

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH
ARG VERSION=
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /license-operator ./cmd/license-operator

# Nothing but the binary and the public CAs that webhooks are trusted by. It
# trusts the cluster's CA, which Kubernetes mounts, and calls nobody but the API
# server and the webhooks of Products.
FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /license-operator /license-operator
USER 65532:65532
EXPOSE 8443 8081 8080
ENTRYPOINT ["/license-operator"]
CMD ["serve"]
