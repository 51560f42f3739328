-- What a provider gave with a session, to ask it again about who is signed in. Tokens are sealed
-- under SECRET_KEY.

ALTER TABLE sessions ADD COLUMN refresh_token TEXT;
ALTER TABLE sessions ADD COLUMN access_token TEXT;
ALTER TABLE sessions ADD COLUMN access_expires_at BIGINT;
-- for signing out at the provider
ALTER TABLE sessions ADD COLUMN id_token TEXT;
-- who the provider's ID token says it is, and in which session of the provider's own
ALTER TABLE sessions ADD COLUMN sub TEXT;
ALTER TABLE sessions ADD COLUMN sid TEXT;
-- when the provider last said that the person is still there
ALTER TABLE sessions ADD COLUMN confirmed_at BIGINT;
-- when it refused what the session came with
ALTER TABLE sessions ADD COLUMN refused_at BIGINT;
-- when it is asked again; NULL: there is nothing to ask with
ALTER TABLE sessions ADD COLUMN recheck_at BIGINT;
CREATE INDEX sessions_recheck_at ON sessions (provider, recheck_at) WHERE recheck_at IS NOT NULL AND ended_at IS NULL;
CREATE INDEX sessions_sid ON sessions (provider, sid) WHERE sid IS NOT NULL;
CREATE INDEX sessions_sub ON sessions (provider, sub) WHERE sub IS NOT NULL;
CREATE INDEX sessions_granted ON sessions (ended_at) WHERE ended_at IS NOT NULL AND (refresh_token IS NOT NULL OR access_token IS NOT NULL OR id_token IS NOT NULL);

-- Logout tokens that were used: each counts once.
CREATE TABLE logout_tokens (
    provider TEXT NOT NULL,
    -- SHA-256 of the token's id
    jti TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (provider, jti)
);
CREATE INDEX logout_tokens_expires_at ON logout_tokens (expires_at);

-- By which member of its answers a provider's people are known, so that a change is noticed.
CREATE TABLE providers (
    id TEXT NOT NULL PRIMARY KEY,
    subject_pointer TEXT NOT NULL,
    first_used_at BIGINT NOT NULL
);

-- whether it is the one by which the account's names are synced
ALTER TABLE identities ADD COLUMN is_first BOOLEAN NOT NULL DEFAULT TRUE;
UPDATE identities SET is_first = FALSE WHERE EXISTS (
    SELECT 1 FROM identities o WHERE o.user_id = identities.user_id AND (
        o.created_at < identities.created_at
        OR (o.created_at = identities.created_at AND o.provider < identities.provider)
        OR (o.created_at = identities.created_at AND o.provider = identities.provider AND o.subject < identities.subject)
    )
);
