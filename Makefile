# One-line recipes. `make demo` and `make test` are all that a newcomer needs; both may be run again at any time.
# Two programs that belong together; the second calls the first.
DEMO := cargo build --quiet --package twofold-e2e --bins && cargo run --quiet --package twofold-e2e --bin demo --

.PHONY: help deps demo demo-down test lint unit soak fuzz e2e-fake e2e-real bench generate images
help: ## Say what can be made
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

deps: ## Install the Debian packages that are missing (root only; NO_INSTALL=1 forbids it)
	@$(DEMO) deps

demo: deps ## Bring up a cluster, a Cassandra ring and a training job, and show them
	@$(DEMO) up

demo-down: ## Remove all that the demo made
	@$(DEMO) down

test: lint unit e2e-fake e2e-real ## Run every test; tiers that cannot run here are named with the reason

lint: ## Check form: rustfmt, clippy, the documentation
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --quiet

unit: ## Cases, properties, the model, planted bugs, seeded simulation, the shell against a mock API server
	cargo test --workspace
	cargo test --package twofold-allocator --features planted --test planted

# Each part has new random worlds; the last has few, long lives.
soak: ## A million sequences, long lives, the log and every history of a larger scope with all optimisation: an hour
	@mkdir -p target
	@export SEED=random; for part in $$(seq 1 100) long; do \
	  if [ $$part = long ]; then export SEQUENCES=2000 STEPS=300; else export SEQUENCES=10000; fi; \
	  cargo test --release --quiet --package twofold-allocator --test model >target/soak.log 2>&1 \
	    || { cat target/soak.log; exit 1; }; \
	  echo "soak: part $$part of 100, $$SEQUENCES sequences hold"; \
	done
	cargo test --release --package twofold-allocator --test log --test simulation --test properties --test fairness --test filters
	PROTOCOL=large cargo test --release --package twofold-core --test protocol -- --nocapture

# What is found stays under allocator/fuzz/corpus; what breaks something, under artifacts. The target is Rust without
# unsafe code, so no sanitizer slows it down.
SECONDS_EACH ?= 600
fuzz: ## Fuzz the log, quantities and the cases' reader, SECONDS_EACH each (needs cargo-fuzz and a nightly compiler)
	cargo +nightly fuzz build --fuzz-dir allocator/fuzz --sanitizer none
	@for target in change_log case_reader quantity; do \
	  mkdir -p allocator/fuzz/corpus/$$target; \
	  echo "fuzz: $$target for $(SECONDS_EACH) s"; \
	  cargo +nightly fuzz run --fuzz-dir allocator/fuzz --sanitizer none $$target \
	    allocator/fuzz/corpus/$$target allocator/tests/cases -- \
	    -max_total_time=$(SECONDS_EACH) -max_len=4096 -timeout=30 -print_final_stats=1 || exit 1; \
	done

e2e-fake: ## The chart and the operator on a real API server with fake machines
	@$(DEMO) test-fake

e2e-real: ## Real Cassandra and real TensorFlow on real machines
	@$(DEMO) test-real

bench: ## Print the benchmarks and write target/bench/*.jsonl (TRACE=DIR: the folder of the openb trace)
	cargo bench --package twofold-allocator
	$(if $(TRACE),cargo bench --package twofold-allocator --bench openb -- --trace $(abspath $(TRACE)))
	@$(DEMO) bench

images: deps ## Build the images
	$(MAKE) -C e2e/images all

generate: ## Write the generated files again
	cargo run --quiet --package twofold-crds --features crdgen --bin crdgen
