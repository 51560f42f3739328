-- What admins search, sort, filter and change. An account's id is made from `date_joined`, so the
-- order of ids is the order in which people joined.

-- when the account was taken over from another system, as long as nobody has come to it through a
-- provider; NULL for all others
ALTER TABLE users ADD COLUMN imported_at BIGINT;
-- SHA-256 of the username that it had there, so that it is never taken over twice: not when it was
-- renamed, nor when it was erased
ALTER TABLE users ADD COLUMN imported_as TEXT;
CREATE INDEX users_imported_as ON users (imported_as) WHERE imported_as IS NOT NULL;
-- when its personal data was erased
ALTER TABLE users ADD COLUMN erased_at BIGINT;
-- whether `user_terms` has its words; those of older accounts are added in the background
ALTER TABLE users ADD COLUMN is_searchable BOOLEAN NOT NULL DEFAULT FALSE;

-- Each order and each filter of the user list, so that a page costs the same wherever it is. The
-- expressions stand in the queries word for word.
CREATE INDEX users_first_name ON users (first_name, id);
CREATE INDEX users_email ON users (email, id);
CREATE INDEX users_last_login ON users (COALESCE(last_login, 0), id);
CREATE INDEX users_is_active ON users (is_active, id);
CREATE INDEX users_role ON users ((CASE WHEN is_superuser OR is_superuser_by_permission THEN 2 WHEN is_staff OR is_staff_by_permission THEN 1 ELSE 0 END), id);
CREATE INDEX users_synced ON users (id) WHERE synced_at IS NOT NULL;
CREATE INDEX users_local ON users (id) WHERE synced_at IS NULL;
CREATE INDEX users_never_seen ON users (id) WHERE last_login IS NULL;
CREATE INDEX users_not_searchable ON users (id) WHERE is_searchable = FALSE;

-- The words by which an account is found, in lower case: a prefix of one finds it.
CREATE TABLE user_terms (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- FALSE: the whole username, name or e-mail address; TRUE: a later word of a
    -- name, or what follows a Chinese character of it
    is_inner BOOLEAN NOT NULL,
    term TEXT NOT NULL,
    PRIMARY KEY (user_id, is_inner, term)
);
CREATE INDEX user_terms_term ON user_terms (is_inner, term, user_id);

-- When a field of an account last changed, and by whom. No row: since the account exists.
CREATE TABLE user_field_changes (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    field TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    -- a username, 'command line', or '' for a provider
    changed_by TEXT NOT NULL,
    PRIMARY KEY (user_id, field)
);
CREATE INDEX user_field_changes_changed_by ON user_field_changes (changed_by) WHERE changed_by <> '';

-- who gave it by hand, or ''
ALTER TABLE user_permissions ADD COLUMN granted_by TEXT NOT NULL DEFAULT '';
CREATE INDEX user_permissions_granted_by ON user_permissions (granted_by) WHERE granted_by <> '';
CREATE INDEX user_permissions_name ON user_permissions (name, user_id);

CREATE INDEX sessions_address ON sessions (address, id);
-- Those that have not ended, in order: the first for SQLite, the second for PostgreSQL.
DROP INDEX sessions_ended_at;
CREATE INDEX sessions_ended_at ON sessions (ended_at, id);
CREATE INDEX sessions_live ON sessions (id) WHERE ended_at IS NULL;

CREATE INDEX audit_events_username ON audit_events (username, id);
CREATE INDEX audit_events_actor ON audit_events (actor, id);
CREATE INDEX audit_events_event ON audit_events (event, id);
CREATE INDEX audit_events_address ON audit_events (address, id);
CREATE INDEX audit_events_refused ON audit_events (id) WHERE outcome = 'refused';
CREATE INDEX audit_events_reference ON audit_events (reference, id) WHERE reference <> '';
