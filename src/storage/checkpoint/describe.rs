//! What a model is made of, for people and for scripts: the pipeline as Diffusers prints it, every component's config,
//! and what the weight files' headers tell. No weights are read.
//!
//! Limits: defaults are known of the classes that are built here, but for those that depend on other options; a scheduler's are
//! its own business (`SchedulerKind::settings`).

use std::collections::BTreeSet;
use std::fmt;
use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};
use serde_json::{Map, Value};

use super::card::Recommended;
use super::component::Component;
use super::index::has_weights;
use super::opened::Checkpoint;
use super::weight_files::{Variant, Weights};
use crate::base::error::Result;

/// A model, described. `Display` is the text for people, serde the form for scripts.
#[derive(Clone, Debug, Serialize)]
pub struct Description {
    /// The pipeline's class.
    pub class_name: String,
    /// All of `model_index.json`.
    pub model_index: Map<String, Value>,
    /// What the model's card recommends.
    pub recommended: Recommended,
    /// The components that are there and made use of, in the index's order.
    pub components: Vec<ComponentDescription>,
    /// Notes on components that the model does without, though its index names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A component, described.
#[derive(Clone, Debug, Serialize)]
pub struct ComponentDescription {
    /// The name in `model_index.json`.
    pub name: String,
    /// The Python package of its class.
    pub library: String,
    /// Its class.
    pub class: String,
    /// All of its config file.
    pub config: Map<String, Value>,
    /// What the file leaves out and Diffusers or transformers fill in.
    pub defaults: Map<String, Value>,
    /// Its weights; `None` for a component without any, such as a scheduler.
    pub weights: Option<WeightsDescription>,
}

/// What the headers of a component's weight files tell.
#[derive(Clone, Debug, Serialize)]
pub struct WeightsDescription {
    /// Relative to the model.
    pub files: Vec<String>,
    /// How many tensors.
    pub tensors: usize,
    /// How many numbers, in all tensors together.
    pub parameters: u64,
    /// What they take in the files.
    pub bytes: u64,
    /// The types that occur, as safetensors names them: `F16`.
    pub dtypes: BTreeSet<String>,
}

impl Checkpoint {
    /// Describes the model from its configs and the headers of its weight files.
    ///
    /// # Errors
    /// Weight files are missing, damaged or pickled.
    pub fn describe(&self) -> Result<Description> {
        let components = self.components.iter().map(|component| self.describe_component(component));
        Ok(Description {
            class_name: self.class_name().to_owned(),
            model_index: self.index.clone(),
            recommended: self.recommended,
            components: components.collect::<Result<_>>()?,
            notes: self.notes(),
        })
    }

    fn describe_component(&self, component: &Component) -> Result<ComponentDescription> {
        let weights =
            has_weights(&component.class).then(|| self.weights(&component.name, Variant::Full)).transpose()?;
        Ok(ComponentDescription {
            name: component.name.clone(),
            library: component.library.clone(),
            class: component.class.clone(),
            config: component.config.clone(),
            defaults: defaults(component),
            weights: weights.map(WeightsDescription::from),
        })
    }
}

impl ComponentDescription {
    /// Every option in force, sorted by name, and whether it is a default.
    pub fn options(&self) -> Vec<(&str, &Value, bool)> {
        let own = self.config.iter().map(|(key, value)| (key.as_str(), value, false));
        let mut options: Vec<_> =
            own.chain(self.defaults.iter().map(|(key, value)| (key.as_str(), value, true))).collect();
        options.sort_by_key(|(key, ..)| *key);
        options
    }
}

/// Returns what a component's config leaves to its class. The table is that of the constructors' signatures
/// (`tests/golden/inspect/generate_configs.py`).
fn defaults(component: &Component) -> Map<String, Value> {
    let table: Map<String, Value> = serde_json::from_str(include_str!("defaults.json")).unwrap_or_default();
    let of_class = table.get(&component.class).and_then(Value::as_object).cloned().unwrap_or_default();
    of_class.into_iter().filter(|(key, _)| !component.config.contains_key(key)).collect()
}

impl From<Weights> for WeightsDescription {
    fn from(weights: Weights) -> Self {
        let stored = || weights.tensors.values();
        Self {
            tensors: weights.tensors.len(),
            parameters: stored().map(|tensor| tensor.shape.iter().product::<usize>() as u64).sum(),
            bytes: stored().map(|tensor| tensor.len() as u64).sum(),
            dtypes: stored().map(|tensor| format!("{:?}", tensor.dtype)).collect(),
            files: weights.files,
        }
    }
}

impl Description {
    /// Returns the pipeline as Diffusers prints it: its class, and `model_index.json`.
    pub fn pipeline(&self) -> String {
        format!("{} {}", self.class_name, python_json(&self.model_index))
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.pipeline())?;
        for component in &self.components {
            write!(f, "\n{component}")?;
        }
        Ok(())
    }
}

impl fmt::Display for ComponentDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.weights {
            Some(weights) => writeln!(f, "{}: {weights}", self.name)?,
            None => writeln!(f, "{}:", self.name)?,
        }
        writeln!(f, "{} {}", self.class, python_json(&self.config))?;
        if !self.defaults.is_empty() {
            writeln!(f, "left to their defaults: {}", python_json(&self.defaults))?;
        }
        Ok(())
    }
}

impl fmt::Display for WeightsDescription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dtypes = self.dtypes.iter().map(String::as_str).collect::<Vec<_>>().join(" and ");
        let [millions, megabytes] = [self.parameters, self.bytes].map(|number| number as f64 / 1e6);
        let files = self.files.join(", ");
        write!(f, "{millions:.1} M parameters in {} tensors of {dtypes}, {megabytes:.1} MB, {files}", self.tensors)
    }
}

/// JSON as Diffusers prints a config: `json.dumps(config, indent=2, sort_keys=True)`
/// (`configuration_utils.py`, `ConfigMixin.to_json_string`).
fn python_json(config: &Map<String, Value>) -> String {
    let mut sorted = Value::Object(config.clone());
    sorted.sort_all_objects();
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, PythonFormatter::default());
    match sorted.serialize(&mut serializer) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => sorted.to_string(),
    }
}

/// `PrettyFormatter` with Python's way to write a float and a character beyond ASCII.
#[derive(Default)]
struct PythonFormatter(PrettyFormatter<'static>);

impl Formatter for PythonFormatter {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(python_float(value).as_bytes())
    }
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for character in fragment.chars() {
            if character.is_ascii() {
                write!(writer, "{character}")?;
            } else {
                character.encode_utf16(&mut units).iter().try_for_each(|unit| write!(writer, "\\u{unit:04x}"))?;
            }
        }
        Ok(())
    }
    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }
    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }
    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }
    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }
    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }
    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }
    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }
    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// `repr(float)`: the shortest digits that read back the same, scientific below 1e-4 and from 1e16 on.
fn python_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    match scientific.split_once('e').map(|(digits, exponent)| (digits, exponent.parse::<i32>())) {
        Some((digits, Ok(exponent))) if !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (value, text) in [
            (1.0, "1.0"),
            (0.18215, "0.18215"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e-4, "0.0001"),
            (1e16, "1e+16"),
            (123_456_789_012_345.6, "123456789012345.6"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(python_float(value), text);
        }
    }
}
