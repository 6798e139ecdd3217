# The commands of README.md. Everything else is cargo's.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup models media fuzzer ytdlp build demo test lint ci bench chaos soak

# Models and test media live outside the sources: kept between checkouts unless these say otherwise.
export OMNIVA_MODELS ?= $(HOME)/.local/share/omniva/models
export OMNIVA_TEST_MEDIA ?= $(HOME)/.cache/omniva-media
# schemathesis reads the API's own description and tries to break it.
FUZZER ?= $(HOME)/.cache/omniva-fuzzer
export OMNIVA_SCHEMATHESIS ?= $(FUZZER)/bin/st
# yt-dlp: the wheels that config/tools.toml pins; the engine and the tests read this variable.
export OMNIVA_YTDLP ?= $(HOME)/.local/share/omniva/ytdlp
DEMO ?= demo
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

BUILD_PACKAGES := ffmpeg libavcodec-dev libavformat-dev libavfilter-dev libavutil-dev libswscale-dev libswresample-dev \
  libass-dev clang libclang-dev pkg-config make gcc g++ python3 python3-pip python3-venv fonts-lato fonts-bebas-neue

# install(packages): asks for root only when something is missing.
define install
@missing=""; for p in $(1); do dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$p"; done; \
if [ -n "$$missing" ]; then echo "installing:$$missing"; $(SUDO) apt-get update -qq && \
  DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi
endef

help: ## lists these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## installs what building and running need (Debian packages; root through sudo)
	$(call install,$(BUILD_PACKAGES))
	@command -v npm >/dev/null || { $(SUDO) apt-get update -qq && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends npm >/dev/null; }
	@command -v cargo >/dev/null || { echo "Rust is needed (1.92 or newer): see rustup.rs"; exit 1; }

build: setup ## builds the release binary: target/release/omniva
	cargo build --release --locked

models: build ## fetches and verifies the models
	target/release/omniva models fetch

media: setup ## builds the talk show that demo, tests and benchmarks clip
	@python3 tests/media/panel.py "$(OMNIVA_TEST_MEDIA)"

demo: models media ## from nothing to finished shorts of a real video
	target/release/omniva clip "$(OMNIVA_TEST_MEDIA)/panel.mp4" -o "$(DEMO)" --count 3; code=$$?; \
	  target/release/omniva explain "$(DEMO)"; echo; echo "Open $(DEMO)/report.html"; exit $$code

# libfaketime: days pass in seconds in the test of the whole loop.
fuzzer: setup
	$(call install,libfaketime)
	@[ -x "$(OMNIVA_SCHEMATHESIS)" ] || { python3 -m venv "$(FUZZER)" && \
	  "$(FUZZER)/bin/pip" install --quiet --disable-pip-version-check schemathesis==4.32.5; }

ytdlp: setup ## fetches the pinned yt-dlp and checks its hashes
	@mkdir -p "$(OMNIVA_YTDLP)"; set -o pipefail; \
	sed -nE 's/^(name|sha256|package) = "(.*)"/\2/p' config/tools.toml | while read -r name && read -r hash && read -r package; do \
	  file="$(OMNIVA_YTDLP)/$$name"; \
	  echo "$$hash  $$file" | sha256sum --check --status 2>/dev/null && continue; \
	  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$(OMNIVA_YTDLP)" "$$package" && \
	  echo "$$hash  $$file" | sha256sum --check --status || { echo "$$package: the file is not the pinned one"; exit 1; }; \
	done

test: fuzzer ytdlp ## installs what the tests need and runs all of them
	cargo build --release --locked
	target/release/omniva models fetch
	@python3 tests/media/panel.py "$(OMNIVA_TEST_MEDIA)"
	cargo test --workspace --locked

lint: setup ## format, clippy, unused dependencies, licences
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@command -v cargo-machete >/dev/null || cargo install --locked --quiet cargo-machete@0.9.2
	cargo machete
	@command -v cargo-deny >/dev/null || cargo install --locked --quiet cargo-deny@0.20.2
	cargo deny --offline check licenses bans sources

ci: lint test ## what continuous integration runs

chaos: fuzzer models media ## kills a real engine a thousand times
	OMNIVA_CHAOS_KILLS=1000 cargo test --locked -p omniva-tests --test chaos -- --nocapture

bench: models media ## every figure of BENCHMARKS.md, beside its peers, in one run
	cargo run --release --locked -p omniva-benches --bin bench

soak: models media ## long runs: a two-hour source, memory and time
	cargo run --release --locked -p omniva-benches --bin bench -- soak
