//! Apps for tests that are not about the form of admins.

use serde_json::{Value, json};

use super::database::Database;
use super::people::quoted;

/// A rule that opens an app to everyone.
pub fn everyone() -> Value {
    json!({"audience": "everyone"})
}

/// A rule that opens an app to whoever holds one of these permissions.
pub fn any_of(permissions: &[&str]) -> Value {
    json!({"audience": "any_of", "any_of": permissions})
}

/// Inserts an app, and returns its id. `fields` are columns of its row; those that are missing get a
/// plain value, and the rule opens it to nobody.
pub fn db_app(database: &Database, key: &str, fields: &Value) -> i64 {
    let id = 1 + database.number("SELECT COALESCE(MAX(id), 0) AS value FROM apps");
    let text = |name: &str, otherwise: &str| {
        let given = fields[name].as_str().unwrap_or(otherwise);
        quoted(given)
    };
    let flag = |name: &str| fields[name].as_bool().unwrap_or(false);
    let number = |name: &str, otherwise: i64| fields[name].as_i64().unwrap_or(otherwise);
    let nullable = |name: &str| match &fields[name] {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => quoted(text),
        other => other.to_string(),
    };
    let rule = match &fields["rule"] {
        Value::Null => json!({"audience": "nobody"}),
        rule => rule.clone(),
    };
    database.execute(&format!(
        "INSERT INTO apps (id, key, name_en, name_zh, description_en, description_zh, url, \
         category_id, position, icon, image, tint, rule, is_hidden, is_requestable, keywords, \
         note, changed_at, changed_by) VALUES ({id}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, \
         {}, {}, {}, {}, {}, 1, 'a test')",
        quoted(key),
        text("name_en", key),
        text("name_zh", ""),
        text("description_en", ""),
        text("description_zh", ""),
        text("url", &format!("https://{key}.apps.example/")),
        nullable("category_id"),
        number("position", id),
        text("icon", "tag"),
        nullable("image"),
        number("tint", 1),
        quoted(&rule.to_string()),
        flag("is_hidden"),
        flag("is_requestable"),
        text("keywords", ""),
        text("note", ""),
    ));
    id
}

/// Inserts a category at a place.
pub fn db_category(database: &Database, id: i64, place: i64, name_en: &str, name_zh: &str) {
    let (name_en, name_zh) = (quoted(name_en), quoted(name_zh));
    database.execute(&format!(
        "INSERT INTO app_categories (id, name_en, name_zh, position) \
         VALUES ({id}, {name_en}, {name_zh}, {place})"
    ));
}

/// Opens an app to a person until a moment; `None` is for ever.
pub fn db_app_grant(database: &Database, app: i64, user: i64, expires_at: Option<i64>) {
    let id = 1 + database.number("SELECT COALESCE(MAX(id), 0) AS value FROM app_grants");
    let end = expires_at.map_or("NULL".to_owned(), |end| end.to_string());
    database.execute(&format!(
        "INSERT INTO app_grants (id, app_id, user_id, created_at, expires_at, granted_by) \
         VALUES ({id}, {app}, {user}, 1, {end}, 'a test')"
    ));
}
