//! The macro that defines a group of config fields: the struct with its defaults, and its part of the JSON.
//!
//! The groups exist in Rust only. In JSON all fields are on one level, and fields with their default are left out.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};

use crate::error::Error;

/// Reads the value of the field `key`. An error names the field and the line but does not show the value, which may be
/// a secret.
pub(crate) fn value<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    key: &str,
    map: &mut A,
) -> Result<T, A::Error> {
    map.next_value().map_err(|error| {
        // serde_json reads line and column back from the end of the text.
        A::Error::custom(format_args!("field `{key}`: {}", without_value(&error.to_string())))
    })
}

/// The text of an error without the value. serde writes `invalid type: string "s3cret", expected a sequence at line 1
/// column 9`.
pub(crate) fn without_value(text: &str) -> String {
    let (found, expected) = match text.rsplit_once(", expected ") {
        Some((found, expected))
            if ["invalid type: ", "invalid value: "].iter().any(|p| found.starts_with(p)) =>
        {
            (found, expected)
        }
        _ => return text.to_owned(),
    };
    let (what, place) = match expected.find(" at line ") {
        Some(at) => expected.split_at(at),
        None => (expected, ""),
    };
    let kind =
        if found.starts_with("invalid value: ") { "a value out of range, expected " } else { "expected " };
    format!("{kind}{}{place}", in_words(what))
}

/// JSON's names for serde's names of types.
fn in_words(expected: &str) -> &str {
    match expected {
        "a sequence" => "a list",
        "a map" => "an object",
        "a boolean" => "true or false",
        "u8" | "u16" | "u32" | "u64" => "a whole number that is not negative",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        other => other,
    }
}

/// Defines a group: each field with its documentation, type and default. If a field has its own form in JSON, the type
/// that reads and writes it follows `as`. If it has another name in JSON, that is in brackets.
///
/// With `fields of TYPE`, the struct itself is defined elsewhere.
macro_rules! group {
    (
        $(#[$about:meta])*
        pub struct $group:ident {
            $( $(#[doc = $doc:literal])* pub $field:ident $(($key:literal))?: $type:ty = $default:expr $(, as $via:ty)?; )*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $group {
            $( $(#[doc = $doc])* pub $field: $type, )*
        }

        impl Default for $group {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        $crate::config::group::group! {
            fields of $group { $( $(#[doc = $doc])* $field $(($key))?: $type = $default $(, as $via)?; )* }
        }
    };
    (
        fields of $group:ident {
            $( $(#[doc = $doc:literal])* $field:ident $(($key:literal))?: $type:ty = $default:expr $(, as $via:ty)?; )*
        }
    ) => {
        impl $group {
            /// Each field's name in JSON, its type and its documentation.
            #[cfg(test)]
            pub(in crate::config) const FIELDS: &[(&str, &str, &str)] = &[$( (
                $crate::config::group::group!(key $field $($key)?),
                stringify!($type),
                concat!($($doc),*),
            ), )*];

            /// Writes the fields whose value is not the default.
            pub(in crate::config) fn write_fields<M: serde::ser::SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
                $(
                    let default: $type = $default;
                    if self.$field != default {
                        let key = $crate::config::group::group!(key $field $($key)?);
                        $crate::config::group::group!(write map, key, self.$field $(, $via)?)?;
                    }
                )*
                Ok(())
            }

            /// Reads the value of `key` if it is a field of this group, and returns whether it is.
            pub(in crate::config) fn read_field<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                key: &str,
                map: &mut A,
            ) -> Result<bool, A::Error> {
                match key {
                    $( $crate::config::group::group!(key $field $($key)?) => {
                        self.$field = $crate::config::group::group!(read key, map $(, $via)?);
                    } )*
                    _ => return Ok(false),
                }
                Ok(true)
            }
        }
    };
    ( key $field:ident ) => { stringify!($field) };
    ( key $field:ident $key:literal ) => { $key };
    ( write $map:ident, $key:ident, $value:expr ) => { $map.serialize_entry($key, &$value) };
    ( write $map:ident, $key:ident, $value:expr, $via:ty ) => {
        $map.serialize_entry($key, &<$via>::from($value.clone()))
    };
    ( read $key:ident, $map:ident ) => { $crate::config::group::value($key, $map)? };
    ( read $key:ident, $map:ident, $via:ty ) => {
        $crate::config::group::value::<$via, A>($key, $map)?.into()
    };
}

pub(crate) use group;

/// A list that is written as plain text if it holds one item.
pub(crate) struct OneOrMany<T>(Vec<T>);

impl<T> From<Vec<T>> for OneOrMany<T> {
    fn from(items: Vec<T>) -> Self {
        Self(items)
    }
}

impl<T> From<OneOrMany<T>> for Vec<T> {
    fn from(items: OneOrMany<T>) -> Self {
        items.0
    }
}

impl<T: Serialize> Serialize for OneOrMany<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

impl<'de, T: FromStr<Err = Error>> Deserialize<'de> for OneOrMany<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Texts(PhantomData))
    }
}

struct Texts<T>(PhantomData<T>);

impl<'de, T: FromStr<Err = Error>> Visitor<'de> for Texts<T> {
    type Value = OneOrMany<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<OneOrMany<T>, E> {
        Ok(OneOrMany(Vec::new()))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OneOrMany<T>, E> {
        text.parse().map(|one| OneOrMany(vec![one])).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OneOrMany<T>, A::Error> {
        let mut items = Vec::new();
        while let Some(text) = list.next_element::<String>()? {
            items.push(text.parse().map_err(A::Error::custom)?);
        }
        Ok(OneOrMany(items))
    }
}

#[cfg(test)]
mod tests {
    use super::without_value;

    #[test]
    fn the_value_that_serde_found_is_left_out() {
        for (text, shown) in [
            (
                "invalid type: string \"A=s3cret\", expected a sequence at line 3 column 9",
                "expected a list at line 3 column 9",
            ),
            ("invalid type: string \"x, expected s3cret\", expected a map", "expected an object"),
            (
                "invalid value: integer `-5`, expected u32 at line 1 column 2",
                "a value out of range, expected a whole number that is not negative at line 1 column 2",
            ),
            ("invalid size \"x\": no number in it", "invalid size \"x\": no number in it"),
        ] {
            assert_eq!(without_value(text), shown);
        }
    }
}
