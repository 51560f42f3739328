-- When a session's owner last proved who they are, and by what: 'password', 'confirmation_password',
-- 'rescue_link', 'auth_time', 'pushed_prompt' or 'prompt'. NULL: not at all, as in sessions of before.
ALTER TABLE sessions ADD COLUMN proved_at BIGINT;
ALTER TABLE sessions ADD COLUMN proved_by TEXT;

-- Proves who somebody is and signs nobody in; a hash, as `password`.
ALTER TABLE users ADD COLUMN confirmation_password TEXT;

-- counts the syncs of this identity: what was asked for before the last one is dropped
ALTER TABLE identities ADD COLUMN sync_number BIGINT NOT NULL DEFAULT 0;
-- since when what this provider gave is kept only because its answers fail; NULL: it was read
ALTER TABLE identities ADD COLUMN permissions_kept_since BIGINT;
-- when the provider, which vouches for leaving, refused the person; NULL: it did not, or let them in since
ALTER TABLE identities ADD COLUMN refused_at BIGINT;
-- when the provider last refused the person, whether or not it vouches: what it said before counts for nothing
ALTER TABLE identities ADD COLUMN last_refused_at BIGINT;
-- when a re-check last asked about the person, and when the profile address last answered about them
ALTER TABLE identities ADD COLUMN asked_at BIGINT;
ALTER TABLE identities ADD COLUMN answered_at BIGINT;
-- refusals without a name, in a row: the first, the last and how many
ALTER TABLE identities ADD COLUMN unnamed_refusal_first_at BIGINT;
ALTER TABLE identities ADD COLUMN unnamed_refusal_last_at BIGINT;
ALTER TABLE identities ADD COLUMN unnamed_refusals BIGINT NOT NULL DEFAULT 0;
-- which of the provider's answers its permissions came from: a later one that lacks them says nothing
ALTER TABLE identities ADD COLUMN permissions_from TEXT;
CREATE INDEX identities_permissions_kept ON identities (user_id) WHERE permissions_kept_since IS NOT NULL;
CREATE INDEX identities_refused ON identities (provider, user_id) WHERE refused_at IS NOT NULL;
CREATE INDEX identities_asked ON identities (provider, asked_at) WHERE asked_at IS NOT NULL;
CREATE INDEX identities_answered ON identities (provider, answered_at) WHERE answered_at IS NOT NULL;
CREATE INDEX identities_refused_unnamed ON identities (provider, unnamed_refusal_last_at) WHERE unnamed_refusal_last_at IS NOT NULL;

-- when the provider last refused somebody, which shows that it can
ALTER TABLE providers ADD COLUMN refused_at BIGINT;
-- until when its refusals without a name end nothing
ALTER TABLE providers ADD COLUMN unnamed_suspended_until BIGINT;
-- when an admin said that they are meant
ALTER TABLE providers ADD COLUMN unnamed_confirmed_at BIGINT;

-- Which providers each running instance has.
CREATE TABLE provider_instances (
    provider TEXT NOT NULL,
    instance TEXT NOT NULL,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (provider, instance)
);
CREATE INDEX provider_instances_noted_at ON provider_instances (noted_at);

-- Sign-outs that a provider told of, for a day: a sign-in that was under way opens nothing after them.
CREATE TABLE logouts (
    id BIGINT NOT NULL PRIMARY KEY,
    provider TEXT NOT NULL,
    sub TEXT,
    sid TEXT,
    -- when the provider says that it was
    issued_at BIGINT NOT NULL,
    noted_at BIGINT NOT NULL
);
CREATE INDEX logouts_sub ON logouts (provider, sub) WHERE sub IS NOT NULL;
CREATE INDEX logouts_sid ON logouts (provider, sid) WHERE sid IS NOT NULL;
CREATE INDEX logouts_noted_at ON logouts (noted_at);

-- Who did it, where that was somebody with an account: the name beside it is a copy that others may bear.
ALTER TABLE audit_events ADD COLUMN actor_id BIGINT;
CREATE INDEX audit_events_actor_id ON audit_events (actor_id, id) WHERE actor_id IS NOT NULL;
ALTER TABLE user_permissions ADD COLUMN granted_by_id BIGINT;
CREATE INDEX user_permissions_granted_by_id ON user_permissions (granted_by_id) WHERE granted_by_id IS NOT NULL;
ALTER TABLE user_field_changes ADD COLUMN changed_by_id BIGINT;
CREATE INDEX user_field_changes_changed_by_id ON user_field_changes (changed_by_id) WHERE changed_by_id IS NOT NULL;
