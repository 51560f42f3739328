-- Portable between SQLite and PostgreSQL: ids are made by the program, times are microseconds
-- since 1970.

CREATE TABLE users (
    id BIGINT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    first_name TEXT NOT NULL,
    email TEXT NOT NULL,
    -- argon2id, or NULL: no password opens this account
    password TEXT,
    is_active BOOLEAN NOT NULL,
    -- the roles given by hand; a sync never writes them
    is_staff BOOLEAN NOT NULL,
    is_superuser BOOLEAN NOT NULL,
    -- the roles that follow a permission
    is_staff_by_permission BOOLEAN NOT NULL,
    is_superuser_by_permission BOOLEAN NOT NULL,
    date_joined BIGINT NOT NULL,
    last_login BIGINT,
    -- the last sign-in through a provider; NULL for local accounts
    synced_at BIGINT,
    -- when the permissions were last read; older than synced_at: that call failed
    permissions_synced_at BIGINT
);

-- Who somebody is to a provider. The pair is the person; the username is not.
CREATE TABLE identities (
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (provider, subject)
);
CREATE INDEX identities_user_id ON identities (user_id);

CREATE TABLE user_permissions (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- a provider's id, or '' for one given by hand
    origin TEXT NOT NULL,
    -- what the provider calls it for people, or ''
    label TEXT NOT NULL,
    granted_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, name, origin)
);

CREATE TABLE sessions (
    id BIGINT NOT NULL PRIMARY KEY,
    -- SHA-256 of the token in the cookie
    token_hash TEXT NOT NULL UNIQUE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- a provider's id, or '' for the local password
    provider TEXT NOT NULL,
    -- the sign-in attempt that opened it: each opens one session at most
    attempt TEXT UNIQUE,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL
);
CREATE INDEX sessions_user_id ON sessions (user_id, id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_ended_at ON sessions (ended_at);
CREATE INDEX sessions_last_seen_at ON sessions (last_seen_at);

-- Names are copies, so that the trail survives a rename. Nothing updates a row.
CREATE TABLE audit_events (
    id BIGINT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    event TEXT NOT NULL,
    -- 'success' or 'refused'
    outcome TEXT NOT NULL,
    -- why it was refused, or ''
    reason TEXT NOT NULL,
    -- who did it: a username, '' for nobody known, 'command line'
    actor TEXT NOT NULL,
    -- about whom
    user_id BIGINT,
    username TEXT NOT NULL,
    provider TEXT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    -- the id on the error page and in the log, or ''
    reference TEXT NOT NULL,
    -- JSON object
    details TEXT NOT NULL
);
CREATE INDEX audit_events_user_id ON audit_events (user_id, id);
