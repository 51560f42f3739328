DROP TABLE webhook_watches;
DROP TABLE webhook_addresses;
DROP TABLE webhook_hooks;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_events;
