# Trục liên thông văn bản / document exchange hub: `make help` lists what can be done.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
BIN := .venv/bin
ARGS ?=
.PHONY: help demo test test-long lint bench stack clean

help:  ## Danh sách lệnh / this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo:  ## Chạy thử toàn tuyến trên máy này / the whole path at work, in under a minute
	@.ci/prepare venv run
	@$(BIN)/hub demo $(ARGS)

test:  ## Toàn bộ kiểm thử, có PostgreSQL và RabbitMQ riêng / the whole suite with private servers, then lint
	@.ci/prepare venv dev
	@.ci/prepare servers
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile -p no:cacheprovider -p tests.support.services_seen $(ARGS)
	@$(MAKE) --no-print-directory lint

test-long:  ## Các kiểm thử kéo dài nhiều phút / the tests that take minutes
	@.ci/prepare venv dev
	@.ci/prepare servers
	@$(BIN)/python -m pytest -q -p no:cacheprovider -p tests.support.services_seen -m long $(ARGS)

lint:  ## Quy tắc viết mã và kiến trúc / code style and import contracts
	@.ci/prepare venv dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache

bench:  ## Đo tốc độ, độ trễ, bộ nhớ / speed, latency and memory, measured here
	@.ci/prepare venv dev
	@.ci/prepare servers
	@$(BIN)/python -m tests.benchmarks $(ARGS)

stack:  ## Chạy các tiến trình như thật, không cần container / the production processes, without containers
	@.ci/prepare venv dev
	@.ci/prepare servers
	@$(BIN)/python -m tests.support.stack $(ARGS)

clean:  ## Xóa mọi thứ do make tạo ra / remove everything that make made
	@rm -rf .venv build .bench .pytest_cache .ruff_cache .hypothesis .import_linter_cache ./*.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
