# Two commands: `make run` serves on the embedded store, `make test` runs every test. Both install what they need.
.DEFAULT_GOAL := help
.PHONY: help build run engine swagger test crash crash-build values requests browser-sequences unit sdk sanitize lint fmt fuzz fuzz-cost bench clean vendor dist deb reproducible test-deb arm64
.PHONY: up up-cluster up-monitoring up-load down rebuild logs logs-app clean-containers test-compose test-kubernetes

CONFIG ?= config/sluice.yaml
BENCH ?=
SECONDS ?= 30
SEED ?= 1
ROUNDS ?= 200
SEQUENCES ?= 500
VALUES ?= 1000000

help: ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## install what the build needs; leaves build/sluice
	@scripts/install build
	@cmake --preset release >/dev/null
	@cmake --build --preset release --target sluice

vendor: ## fetch ClickHouse as a library (libchdb) for the embedded store
	@scripts/install fetch
	@scripts/fetch-libchdb

swagger: ## fetch Swagger UI, which a gateway beside share/ then serves at /swagger
	@scripts/install fetch
	@scripts/fetch-swagger

run: ## install what that needs, build, and serve on :8080 with the embedded store
	@scripts/install fetch
	@$(MAKE) --no-print-directory -j2 build engine
	build/sluice --config $(CONFIG) --example

engine: # while packages are installed and the build runs
	@scripts/fetch-libchdb || echo "libchdb could not be fetched: use SLUICE_STORE=clickhouse CLICKHOUSE_URL=http://…" >&2
	@scripts/fetch-swagger || echo "Swagger UI could not be fetched: /swagger will say so" >&2

test: build ## install what the tests need and run them all
	@scripts/install test
	@cmake --preset release >/dev/null
	@cmake --build --preset release
	@scripts/fetch-libchdb
	@scripts/fetch-swagger
	@$(MAKE) --no-print-directory tests/grafana/node_modules/.package-lock.json
	cd tests/grafana && npm test
	ctest --preset release
	@$(MAKE) --no-print-directory sdk/browser/node_modules/.package-lock.json
	cd sdk/browser && npm test
	@$(MAKE) --no-print-directory test-kubernetes
	@$(MAKE) --no-print-directory crash-build
	tests/integration/run

.PHONY: test-alerts
test-alerts: ## each alert on its fault, and none in an hour of a gateway that is well: MINUTES=4, which are recorded for it
	@scripts/install test
	@scripts/fetch-libchdb
	@cmake --preset release >/dev/null
	@cmake --build --preset release --target sluice chdb_server load stuck
	/usr/bin/python3 tests/integration/test_alerts.py
	MINUTES=$(or $(MINUTES),4) $(if $(DRAW),DRAW=$(abspath $(DRAW))) /usr/bin/python3 tests/integration/healthy_hour.py

crash: ## one fault after another under load: SEED=1 ROUNDS=200 [FAULT='name'] [MARKDOWN=1]
	@scripts/install test
	@scripts/fetch-libchdb
	@$(MAKE) --no-print-directory crash-build
	tests/crash/harness.py --seed $(SEED) --rounds $(ROUNDS) $(if $(FAULT),--fault '$(FAULT)') $(if $(MARKDOWN),--markdown)

values: ## a generator of values against the stores: VALUES=1000000 SEED=1
	@scripts/install test
	@scripts/fetch-libchdb
	@cmake --preset release >/dev/null
	@cmake --build --preset release --target sluice chdb_server
	SLUICE_VALUES=$(VALUES) SLUICE_SEED=$(SEED) /usr/bin/python3 tests/integration/test_values.py

requests: ## requests made from /openapi.json, held against it: REQUESTS=10000 SEED=1
	@scripts/install test
	@scripts/fetch-libchdb
	@cmake --preset release >/dev/null
	@cmake --build --preset release --target sluice chdb_server
	OPENAPI_REQUESTS=$(or $(REQUESTS),10000) SLUICE_SEED=$(SEED) /usr/bin/python3 tests/integration/test_openapi.py

browser-sequences: ## random sequences of what visitors, pages and networks do to the browser SDK: SEQUENCES=500 SEED=1 [FIRST=0]
	@scripts/install test
	@scripts/fetch-libchdb
	@cmake --preset release >/dev/null
	@cmake --build --preset release --target sluice chdb_server
	SEED=$(SEED) SEQUENCES=$(SEQUENCES) FIRST=$(or $(FIRST),0) /usr/bin/python3 tests/integration/test_browser_sequences.py

crash-build:
	@cmake --preset crash >/dev/null
	@cmake --build --preset crash --target sluice chdb_server kill_at_rename failing_disk power_loss unreadable_disk

unit: ## unit and flow tests only; one of them: TEST=name
	@scripts/install unit
	@cmake --preset debug >/dev/null
	@cmake --build --preset debug --target $(if $(TEST),$(TEST:_test=)_test,unit_tests)
	ctest --preset debug $(if $(TEST),--no-tests=error --verbose -R '^$(TEST:_test=)_test$$')

sanitize: ## unit and flow tests, then the gateway under load, each under asan, ubsan and tsan
	@scripts/install test
	@scripts/fetch-libchdb
	@cmake --preset release >/dev/null
	@cmake --build --preset release --target chdb_server load
	@for name in asan ubsan tsan; do \
	  cmake --preset $$name >/dev/null && cmake --build --preset $$name && ctest --preset $$name && \
	  tests/integration/sanitized $$name || exit 1; \
	done

sdk: ## build the browser SDK into sdk/browser/dist, which is committed
	@scripts/install sdk
	@$(MAKE) --no-print-directory sdk/browser/node_modules/.package-lock.json
	cd sdk/browser && npm run --silent build

sdk/browser/node_modules/.package-lock.json: sdk/browser/package-lock.json
	cd sdk/browser && npm ci
	@touch $@

tests/grafana/node_modules/.package-lock.json: tests/grafana/package-lock.json
	cd tests/grafana && npm ci
	@touch $@

fuzz: ## each fuzzer for SECONDS (30)
	@scripts/install lint
	@scripts/install test
	@cmake --preset fuzz >/dev/null
	@cmake --build --preset fuzz
	@for fuzzer in build-fuzz/*_fuzz; do \
	  echo "== $$fuzzer"; \
	  $$fuzzer -max_total_time=$(SECONDS) >build-fuzz/log 2>&1 || { cat build-fuzz/log; exit 1; }; \
	  tail -n 1 build-fuzz/log; \
	done

fuzz-cost: ## each fuzzer for SECONDS (30), looking for inputs that cost more CPU than they weigh
	@scripts/install lint
	@scripts/install test
	@cmake --preset fuzz-cost >/dev/null
	@cmake --build --preset fuzz-cost
	@for fuzzer in build-fuzz-cost/*_fuzz; do \
	  echo "== $$fuzzer"; \
	  $$fuzzer -max_total_time=$(SECONDS) -dict=tests/fuzz/cost.dict -artifact_prefix=build-fuzz-cost/ >build-fuzz-cost/log 2>&1 || \
	    { cat build-fuzz-cost/log; exit 1; }; \
	  tail -n 1 build-fuzz-cost/log; \
	done

bench: build ## measure beside nginx, ClickHouse and bare baselines: table and plots in build/bench: [ONLY=regex] [QUICK=1] [BENCH='--seconds 2.5']
	@scripts/install bench
	@cmake --preset release >/dev/null
	@cmake --build --preset release
	@scripts/fetch-libchdb
	loadtests/run $(if $(ONLY),--only '$(ONLY)') $(if $(QUICK),--quick) $(BENCH)

dist: ## source and program as tarballs, Debian package, SBOM, checksums: build/dist
	@scripts/install dist
	@packaging/build

deb: ## the Debian package alone: build/dist
	@scripts/install dist
	@packaging/build --deb

reproducible: ## make dist twice, in different folders and at different times, and compare the bytes
	@scripts/install dist
	@packaging/reproducible

test-deb: ## install, upgrade, remove and purge the Debian package in a machine of its own under systemd; as root
	@scripts/install test-deb
	@packaging/build --deb build/test-deb
	@tests/packaging/run build/test-deb

arm64: ## cross-compile for arm64 and run the unit tests under qemu; as root
	@scripts/install arm64
	@packaging/arm64

lint: ## formatting, include arrows, figures of the code's shape, clang warnings, clang-tidy, cppcheck
	@scripts/install lint
	@scripts/lint

fmt: ## format the sources
	@git ls-files '*.c' '*.h' '*.cpp' | xargs clang-format -i

PROFILES ?= default

up: ## build and start containers, with docker or podman: PROFILES='default' (docs/containers.md)
	docker/compose up $(PROFILES)

up-cluster: ## the same with a ClickHouse server, Redis, and two gateways behind haproxy
	docker/compose up clickhouse

up-monitoring: ## Prometheus with the alerts, Alertmanager and Grafana, beside the containers that run
	docker/compose up monitoring

up-load: ## load on the gateway that runs: LOAD_HOST=gateway (cluster: haproxy) LOAD_SECONDS=30
	docker/compose up load

down: ## end and remove the containers; events stay, in volumes
	docker/compose down

rebuild: ## build the images anew, from nothing, and start: PROFILES='default'
	docker/compose rebuild $(PROFILES)

logs: ## of all containers, as they come
	docker/compose logs

logs-app: ## of the gateways only
	docker/compose logs gateway gateway-1 gateway-2

clean-containers: ## remove containers, images, volumes WITH ALL EVENTS, and passwords
	docker/compose purge

test-compose: ## the cluster of containers: one gateway killed under load, stand-ins for public images
	@scripts/install test
	/usr/bin/python3 tests/integration/compose.py

test-kubernetes: ## deploy/kubernetes against the schemas of Kubernetes
	@scripts/install sdk
	@$(MAKE) --no-print-directory tests/kubernetes/node_modules/.package-lock.json
	cd tests/kubernetes && npm test

tests/kubernetes/node_modules/.package-lock.json: tests/kubernetes/package-lock.json
	cd tests/kubernetes && npm ci
	@touch $@

clean: ## remove the builds, and containers and images if there are any (not vendor/, not data/, not volumes)
	@[ ! -d docker/secrets ] || docker/compose clean
	rm -rf build build-debug build-crash build-asan build-ubsan build-tsan build-clang build-fuzz build-fuzz-cost
