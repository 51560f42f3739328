-- What happened and may be told, written in the transaction in which it happened. A row goes once
-- the hooks that ask for it have it, or after a day.
CREATE TABLE webhook_events (
    id BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    -- whom it is about: it goes if their data is erased
    user_id BIGINT,
    data TEXT NOT NULL
);

-- What is still to be told to each hook. A row goes once it is delivered, refused for good or given up.
CREATE TABLE webhook_deliveries (
    id BIGINT NOT NULL PRIMARY KEY,
    hook TEXT NOT NULL,
    -- when it happened
    created_at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    user_id BIGINT,
    data TEXT NOT NULL,
    -- how often the receiver answered this one with a fault of its own
    server_errors BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX webhook_deliveries_hook ON webhook_deliveries (hook, id);
CREATE INDEX webhook_deliveries_created_at ON webhook_deliveries (created_at);

CREATE TABLE webhook_hooks (
    hook TEXT NOT NULL PRIMARY KEY,
    -- which instance calls the receiver now, until when, and for the how manieth time
    lease_holder TEXT,
    lease_until BIGINT NOT NULL DEFAULT 0,
    lease_number BIGINT NOT NULL DEFAULT 0,
    paused_until BIGINT NOT NULL DEFAULT 0,
    -- failures in a row
    failures BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    failing_told_at BIGINT,
    last_success_at BIGINT,
    -- the last failure: a code and a number; NULL after a success
    trouble TEXT,
    trouble_detail TEXT,
    trouble_at BIGINT,
    -- messages up to this one are sent one by one, to find the one that is refused
    alone_until BIGINT NOT NULL DEFAULT 0,
    -- messages that the receiver refused for good
    refused BIGINT NOT NULL DEFAULT 0,
    refused_at BIGINT,
    refused_trouble TEXT,
    refused_detail TEXT,
    -- messages that were too old or too many
    given_up BIGINT NOT NULL DEFAULT 0,
    given_up_at BIGINT
);

-- When each address may be called again, by a mark of it: robots limit their rate.
CREATE TABLE webhook_addresses (
    mark TEXT NOT NULL PRIMARY KEY,
    next_at BIGINT NOT NULL
);
CREATE INDEX webhook_addresses_next_at ON webhook_addresses (next_at);

-- What lasts and was told once, such as a provider that cannot be reached.
CREATE TABLE webhook_watches (
    name TEXT NOT NULL PRIMARY KEY,
    -- the instance that saw it
    holder TEXT NOT NULL,
    since BIGINT NOT NULL,
    noted_at BIGINT NOT NULL
);
