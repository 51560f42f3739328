.PHONY: test setup lint bench lighthouse shots dist

TOOLS = TEST_PYTHON=$(CURDIR)/.venv/bin/python TEST_DIESEL=$(CURDIR)/.tools/bin/diesel \
	TEST_AXE=$(CURDIR)/.tools/axe/node_modules/axe-core/axe.min.js

# The whole test run. Needs Rust; installs the rest as root or with CI=true.
test: setup lint
	TEST_ALL=1 $(TOOLS) tests/with-postgresql cargo test --features failpoints

setup:
	tests/setup

lint:
	cargo fmt --check
	cargo clippy --all-targets --features failpoints -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --features failpoints --quiet

# What a sign-in costs, on both databases.
bench:
	tests/with-postgresql cargo bench --bench sign_in
