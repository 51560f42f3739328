.PHONY: test setup lint bench

# The whole test run. Needs Rust; installs the rest as root or with CI=true.
test: setup lint
	TEST_ALL=1 TEST_PYTHON=$(CURDIR)/.venv/bin/python TEST_DIESEL=$(CURDIR)/.tools/bin/diesel \
		tests/with-postgresql cargo test --features failpoints

setup:
	tests/setup

lint:
	cargo fmt --check
	cargo clippy --all-targets --features failpoints -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --features failpoints --quiet

# What a sign-in costs, on both databases.
bench:
	tests/with-postgresql cargo bench --bench sign_in
