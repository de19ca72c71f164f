//! What the table knows of one field, whatever the type of its value.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::request::Request;
use crate::base::error::{Error, Result};

/// An option of the command line that takes a field's value as it is.
#[derive(Clone, Copy, Debug)]
pub struct CommandLineOption {
    /// Its name, without the dashes.
    pub name: &'static str,
    /// What stands for the value in the help, for example `N`.
    pub value_name: &'static str,
    /// The help, with the default.
    pub help: &'static str,
}

/// One field of a request: how it is named, shown, checked, read and written. `T` is the type of its value.
pub(super) struct Row<T: 'static> {
    keys: &'static [&'static str],
    label: &'static str,
    noun: &'static str,
    get: fn(&Request) -> &T,
    get_mut: fn(&mut Request) -> &mut T,
    show: fn(&T) -> String,
    check: fn(&T) -> Result<()>,
    mend: fn(&mut T),
    parse: Option<fn(&str) -> Result<T>>,
    option: Option<CommandLineOption>,
    is_optional: bool,
}

impl<T> Row<T> {
    /// A field whose every value is good; `keys` are its names in JSON, several where its value has several parts.
    pub(super) const fn new(
        keys: &'static [&'static str],
        label: &'static str,
        noun: &'static str,
        get: fn(&Request) -> &T,
        get_mut: fn(&mut Request) -> &mut T,
        show: fn(&T) -> String,
    ) -> Self {
        Self {
            keys,
            label,
            noun,
            get,
            get_mut,
            show,
            check: |_| Ok(()),
            mend: |_| {},
            parse: None,
            option: None,
            is_optional: false,
        }
    }

    /// Has values checked, and brought into their range where a form is filled.
    pub(super) const fn checked(mut self, check: fn(&T) -> Result<()>, mend: fn(&mut T)) -> Self {
        (self.check, self.mend) = (check, mend);
        self
    }

    /// Leaves the field out of JSON where it has its default.
    pub(super) const fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// Gives the command line an option for it.
    pub(super) const fn option(mut self, name: &'static str, value_name: &'static str, help: &'static str) -> Self {
        self.option = Some(CommandLineOption { name, value_name, help });
        self
    }
}

impl<T: FromStr> Row<T>
where
    T::Err: std::fmt::Display,
{
    /// Lets values be read from a text.
    pub(super) const fn parsed(mut self) -> Self {
        self.parse = Some(|text| text.parse().map_err(|cause: T::Err| Error::new(cause.to_string())));
        self
    }
}

/// A [`Row`] of any type.
pub(super) trait AnyRow: Sync {
    /// Its names in JSON.
    fn keys(&self) -> &'static [&'static str];
    /// What the form calls it.
    fn label(&self) -> &'static str;
    /// What messages call it.
    fn noun(&self) -> &'static str;
    /// The command line's option for it.
    fn option(&self) -> Option<CommandLineOption>;
    /// Whether JSON leaves it out where it has its default.
    fn is_optional(&self) -> bool;
    /// Copies the value from one request to another.
    fn copy(&self, from: &Request, to: &mut Request);
    /// Whether two requests differ in it.
    fn differs(&self, one: &Request, other: &Request) -> bool;
    /// The value for people.
    fn show(&self, request: &Request) -> String;
    /// Checks the value.
    fn check(&self, request: &Request) -> Result<()>;
    /// Brings the value into its range.
    fn mend(&self, request: &mut Request);
    /// Reads the value from a text.
    fn parse(&self, text: &str, to: &mut Request) -> Result<()>;
    /// Reads the value from JSON; whether it is there.
    fn read(&self, from: &Map<String, Value>, to: &mut Request) -> Result<bool>;
    /// Writes the value as JSON.
    fn write(&self, request: &Request, to: &mut Map<String, Value>) -> serde_json::Result<()>;
}

impl<T: Clone + PartialEq + Serialize + DeserializeOwned> AnyRow for Row<T> {
    fn keys(&self) -> &'static [&'static str] {
        self.keys
    }

    fn label(&self) -> &'static str {
        self.label
    }

    fn noun(&self) -> &'static str {
        self.noun
    }

    fn option(&self) -> Option<CommandLineOption> {
        self.option
    }

    fn is_optional(&self) -> bool {
        self.is_optional
    }

    fn copy(&self, from: &Request, to: &mut Request) {
        (self.get_mut)(to).clone_from((self.get)(from));
    }

    fn differs(&self, one: &Request, other: &Request) -> bool {
        (self.get)(one) != (self.get)(other)
    }

    fn show(&self, request: &Request) -> String {
        (self.show)((self.get)(request))
    }

    fn check(&self, request: &Request) -> Result<()> {
        (self.check)((self.get)(request))
    }

    fn mend(&self, request: &mut Request) {
        (self.mend)((self.get_mut)(request));
    }

    fn parse(&self, text: &str, to: &mut Request) -> Result<()> {
        let parse = self.parse.ok_or_else(|| Error::new(format!("the {} isn't read from a text", self.noun)))?;
        *(self.get_mut)(to) = parse(text)?;
        Ok(())
    }

    fn read(&self, from: &Map<String, Value>, to: &mut Request) -> Result<bool> {
        let value = match self.keys {
            [key] => match from.get(*key) {
                Some(value) => value.clone(),
                None => return Ok(false),
            },
            keys if keys.iter().any(|key| from.contains_key(*key)) => {
                let part = |key: &&str| Some(((*key).to_owned(), from.get(*key)?.clone()));
                Value::Object(keys.iter().filter_map(part).collect())
            }
            _ => return Ok(false),
        };
        *(self.get_mut)(to) = serde_json::from_value(value).map_err(|cause| Error::new(cause.to_string()))?;
        Ok(true)
    }

    fn write(&self, request: &Request, to: &mut Map<String, Value>) -> serde_json::Result<()> {
        let value = (self.get)(request);
        if self.is_optional && *value == *(self.get)(&Request::default()) {
            return Ok(());
        }
        match (self.keys, serde_json::to_value(value)?) {
            ([key], value) => drop(to.insert((*key).to_owned(), value)),
            (_, Value::Object(parts)) => to.extend(parts),
            _ => {}
        }
        Ok(())
    }
}
