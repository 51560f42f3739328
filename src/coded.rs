//! Codes: the names of an enum's variants in rows, JSON and the log. They are stored and never
//! change.

/// Gives an enum that derives [`strum::IntoStaticStr`] and [`strum::EnumString`] its two functions.
macro_rules! coded {
    ($type:ty) => {
        impl $type {
            /// Returns the code as rows, JSON and the log have it.
            pub const fn code(self) -> &'static str {
                self.into_str()
            }

            pub fn from_code(code: &str) -> Option<Self> {
                code.parse().ok()
            }
        }
    };
}
pub(crate) use coded;
