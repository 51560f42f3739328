-- The headings of the start page, in the order of `position`.
CREATE TABLE app_categories (
    id BIGINT NOT NULL PRIMARY KEY,
    name_en TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    position BIGINT NOT NULL
);

-- Uploaded icons, by the SHA-256 of their bytes; one that no app names is removed.
CREATE TABLE app_images (
    hash TEXT NOT NULL PRIMARY KEY,
    content_type TEXT NOT NULL,
    -- base64
    content TEXT NOT NULL
);

CREATE TABLE apps (
    id BIGINT NOT NULL PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    -- one of the two names may be ''
    name_en TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    description_en TEXT NOT NULL,
    description_zh TEXT NOT NULL,
    url TEXT NOT NULL,
    category_id BIGINT REFERENCES app_categories (id) ON DELETE SET NULL,
    -- the place within the category
    position BIGINT NOT NULL,
    icon TEXT NOT NULL,
    image TEXT,
    -- 1 to 6
    tint BIGINT NOT NULL,
    -- JSON: {"audience":"any_of","any_of":["a"],"but_not":["b"]}
    rule TEXT NOT NULL,
    is_hidden BOOLEAN NOT NULL,
    is_requestable BOOLEAN NOT NULL,
    -- "also found by": words, separated by spaces
    keywords TEXT NOT NULL,
    -- for admins
    note TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    changed_by_id BIGINT
);
CREATE INDEX apps_image ON apps (image) WHERE image IS NOT NULL;

-- Who decides on requests beside the superusers.
CREATE TABLE app_owners (
    app_id BIGINT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (app_id, user_id)
);
CREATE INDEX app_owners_user_id ON app_owners (user_id, app_id);

CREATE TABLE app_stars (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    app_id BIGINT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    starred_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, app_id)
);
CREATE INDEX app_stars_app_id ON app_stars (app_id);

-- What people asked for. Decided requests stay, also when the app is gone.
CREATE TABLE access_requests (
    id BIGINT NOT NULL PRIMARY KEY,
    app_id BIGINT NOT NULL,
    app_key TEXT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    sentence TEXT NOT NULL,
    -- for how many days; NULL: for ever
    wanted_days BIGINT,
    -- 'open', 'granted', 'declined', 'withdrawn', 'lapsed' or 'closed'
    state TEXT NOT NULL,
    -- why it is 'closed': 'deactivated', 'app_removed', 'not_requestable' or 'open_anyway'
    closed_because TEXT,
    closed_at BIGINT,
    decided_by TEXT NOT NULL,
    decided_by_id BIGINT,
    -- what the decider wrote; the person reads it
    answer TEXT NOT NULL,
    -- the end of what was granted; NULL: none, or for ever
    granted_until BIGINT,
    -- when it was told again
    reminded_at BIGINT,
    -- when the person saw the outcome
    seen_at BIGINT
);
CREATE UNIQUE INDEX access_requests_open ON access_requests (app_id, user_id) WHERE state = 'open';
CREATE INDEX access_requests_state ON access_requests (state, id);
CREATE INDEX access_requests_user_id ON access_requests (user_id, id);
CREATE INDEX access_requests_app_key ON access_requests (app_key, id);
CREATE INDEX access_requests_decided_by_id ON access_requests (decided_by_id) WHERE decided_by_id IS NOT NULL;

-- What opens one app to one person. A row counts until `expires_at`, whether or not it is still there.
CREATE TABLE app_grants (
    id BIGINT NOT NULL PRIMARY KEY,
    app_id BIGINT NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    -- NULL: for ever
    expires_at BIGINT,
    granted_by TEXT NOT NULL,
    granted_by_id BIGINT,
    request_id BIGINT
);
CREATE INDEX app_grants_app_id ON app_grants (app_id, user_id);
CREATE INDEX app_grants_user_id ON app_grants (user_id, app_id);
CREATE INDEX app_grants_expires_at ON app_grants (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX app_grants_granted_by_id ON app_grants (granted_by_id) WHERE granted_by_id IS NOT NULL;

ALTER TABLE users ADD COLUMN opens_apps_in_new_tab BOOLEAN NOT NULL DEFAULT FALSE;

-- When the permissions that this provider gives were first read; NULL: never.
ALTER TABLE identities ADD COLUMN permissions_read_at BIGINT;
UPDATE identities SET permissions_read_at = (SELECT u.permissions_synced_at FROM users u WHERE u.id = identities.user_id)
    WHERE permissions_from IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM identities o WHERE o.user_id = identities.user_id AND (o.provider <> identities.provider OR o.subject <> identities.subject)
    );
CREATE INDEX identities_permissions_unread ON identities (user_id) WHERE permissions_read_at IS NULL;
