DROP TABLE audit_events;
DROP TABLE sessions;
DROP TABLE user_permissions;
DROP TABLE identities;
DROP TABLE users;
