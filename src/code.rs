//! Codes: the names of an enum's variants as rows, JSON and the log have them. They are stored, and
//! stay.

/// Gives an enum that derives [`strum::IntoStaticStr`] and [`strum::EnumString`] its two functions.
macro_rules! coded {
    ($type:ty) => {
        impl $type {
            /// As rows, JSON and the log have it.
            #[must_use]
            pub const fn code(self) -> &'static str {
                self.into_str()
            }

            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                code.parse().ok()
            }
        }
    };
}
pub(crate) use coded;
