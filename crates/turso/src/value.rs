//! Values, parameters and errors of statements.

use std::fmt;
use std::io;

/// What a statement gives.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a statement failed.
#[derive(Clone, Debug)]
pub enum Error {
    /// Another process holds the file. Never given here: this crate waits.
    Busy(String),
    /// As [`Error::Busy`].
    BusySnapshot(String),
    /// The file can't be read or written, and what was being done.
    IoError(io::ErrorKind, &'static str),
    /// Anything else, in words.
    Error(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy(text) | Self::BusySnapshot(text) | Self::Error(text) => f.write_str(text),
            Self::IoError(kind, doing) => write!(f, "{doing}: {kind}"),
        }
    }
}

impl std::error::Error for Error {}

/// A value in a row, or a parameter of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Integer(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl Value {
    /// The bytes of text or of a blob, as both are kept.
    pub(crate) fn bytes(&self) -> Result<&[u8]> {
        match self {
            Self::Text(text) => Ok(text.as_bytes()),
            Self::Blob(bytes) => Ok(bytes),
            Self::Integer(_) => Err(Error::Error("a parameter is a number and not text or bytes".to_owned())),
        }
    }
}

/// A type that a column can be read as.
pub trait FromValue: Sized {
    /// Reads a value.
    ///
    /// # Errors
    /// The value is of another type.
    fn from_value(value: &Value) -> Result<Self>;
}

fn wrong_type<T>() -> Result<T> {
    Err(Error::Error("a column is of another type".to_owned()))
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Result<Self> {
        if let Value::Integer(value) = value { Ok(*value) } else { wrong_type() }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Result<Self> {
        if let Value::Text(value) = value { Ok(value.clone()) } else { wrong_type() }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Result<Self> {
        if let Value::Blob(value) = value { Ok(value.clone()) } else { wrong_type() }
    }
}

/// The parameters of a statement.
pub trait IntoParams {
    /// Gives them in order.
    fn into_params(self) -> Vec<Value>;
}

impl IntoParams for () {
    fn into_params(self) -> Vec<Value> {
        Vec::new()
    }
}

impl<A: Into<Value>> IntoParams for (A,) {
    fn into_params(self) -> Vec<Value> {
        vec![self.0.into()]
    }
}

impl<A: Into<Value>, B: Into<Value>> IntoParams for (A, B) {
    fn into_params(self) -> Vec<Value> {
        vec![self.0.into(), self.1.into()]
    }
}

impl<A: Into<Value>, B: Into<Value>, C: Into<Value>> IntoParams for (A, B, C) {
    fn into_params(self) -> Vec<Value> {
        vec![self.0.into(), self.1.into(), self.2.into()]
    }
}

impl<A: Into<Value>, B: Into<Value>, C: Into<Value>, D: Into<Value>> IntoParams for (A, B, C, D) {
    fn into_params(self) -> Vec<Value> {
        vec![self.0.into(), self.1.into(), self.2.into(), self.3.into()]
    }
}
