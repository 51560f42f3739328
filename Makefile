.PHONY: test setup lint bench shots dist

TOOLS = TEST_PYTHON=$(CURDIR)/.venv/bin/python TEST_DIESEL=$(CURDIR)/.tools/bin/diesel \
	TEST_AXE=$(CURDIR)/.tools/axe/node_modules/axe-core/axe.min.js \
	TEST_OIDC=$(CURDIR)/.tools/oidc

# Most tests wait for clocks, networks and browsers for most of their time.
AT_ONCE = RUST_TEST_THREADS=$(shell echo $$((3 * $$(nproc))))

# The whole test run. Needs Rust; installs the rest as root or with CI=true.
test:
	tests/setup packages
	$(MAKE) --jobs 2 setup lint
	TEST_ALL=1 $(AT_ONCE) $(TOOLS) tests/with-postgresql cargo test --features failpoints
	TEST_ALL=1 $(TOOLS) tests/with-postgresql cargo test --features failpoints --test it -- \
		--ignored leavers --test-threads 1
	TEST_ALL=1 $(TOOLS) cargo test --features failpoints --test it -- --ignored --skip leavers

setup:
	tests/setup

lint:
	cargo fmt --check
	cargo clippy --all-targets --features failpoints -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --features failpoints --quiet

# What a sign-in and a page cost, on both databases, beside a bare handler and Django; and what
# admins' lists cost with a million accounts.
bench: setup
	.venv/bin/python -c 'import gunicorn' 2>/dev/null || \
		.venv/bin/python -m pip install --quiet --disable-pip-version-check gunicorn==23.0.0
	$(TOOLS) tests/with-postgresql cargo bench --bench sign_in --bench pages
	BENCH_DJANGO=1 $(TOOLS) tests/with-postgresql cargo bench --bench admin
	benches/lighthouse

# Renews the README's pictures.
shots: setup
	rm -rf target/shots
	TEST_SHOTS=$(CURDIR)/target/shots $(TOOLS) cargo test --features failpoints --test it -- gallery::every_page
	mkdir -p docs/pictures
	cp target/shots/home.en.top.png docs/pictures/home.png
	cp target/shots/account.en.dark.png docs/pictures/account.png
	cp target/shots/admin-users.zh-Hans.top.png docs/pictures/admin-users.png
	cp target/shots/admin-audit.en.top.png docs/pictures/admin-audit.png

# The archive of a release.
dist:
	packaging/dist
