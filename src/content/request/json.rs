//! A request as JSON: its fields beside one another, under the keys of the table.
//!
//! Two ways to read it: whole, for what this program wrote for itself; and value by value, for files that a newer
//! version may have written. Values that aren't there have their default.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};
use serde_json::{Map, Value};

use super::field_set::FieldSet;
use super::fields::Field;
use super::request::Request;
use super::valid::Validate;

/// The version of the form: 1 had none, and named pictures by their paths.
pub const VERSION: u64 = 2;

/// The key of the version.
const VERSION_KEY: &str = "version";

/// What could be read of a request that a newer version may have written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The request; what couldn't be read has its default.
    pub request: Request,
    /// The fields that are in the file and make sense.
    pub has: FieldSet,
    /// What is in the file and makes no sense to this version: a sentence each, without its full stop.
    pub notes: Vec<String>,
}

impl Request {
    /// Reads what can be read of a request, value by value.
    pub fn read(from: &Map<String, Value>) -> Reading {
        let mut reading = Reading::default();
        for field in Field::ALL.iter().copied() {
            reading.take(field, from);
        }
        reading.part_what_doesnt_fit();
        let newer = from.get(VERSION_KEY).and_then(Value::as_u64).is_some_and(|version| version > VERSION);
        let is_known = |key: &str| key == VERSION_KEY || Field::ALL.iter().any(|field| field.keys().contains(&key));
        let unknown: Vec<&str> = from.keys().map(String::as_str).filter(|key| !is_known(key)).collect();
        if !unknown.is_empty() {
            let names: String = unknown.join(", ").chars().take(200).collect();
            reading.notes.push(format!("It has settings that this version of Burnisher doesn't know: {names}"));
        } else if newer && !reading.notes.is_empty() {
            reading.notes.push("A newer version of Burnisher wrote it".to_owned());
        }
        reading
    }
}

impl Reading {
    /// Reads one field.
    fn take(&mut self, field: Field, from: &Map<String, Value>) {
        match field.read(from, &mut self.request) {
            Ok(false) => {}
            Ok(true) => match field.check(&self.request) {
                Ok(()) => self.has.insert(field),
                Err(error) => self.drop(field, error.headline()),
            },
            Err(error) => self.drop(field, error.headline()),
        }
    }

    /// Leaves a field at its default, and says why.
    fn drop(&mut self, field: Field, why: &str) {
        field.copy(&Request::default(), &mut self.request);
        self.has.remove(field);
        let why: String = why.chars().take(200).collect();
        self.notes.push(format!("Its {} can't be used: {why}", field.noun()));
    }

    /// Leaves out what is good by itself, and not beside the rest.
    fn part_what_doesnt_fit(&mut self) {
        for field in [Field::SamplingOptions, Field::Branch] {
            if self.has.contains(field) {
                let without = self.request.clone().with(|request| field.copy(&Request::default(), request));
                if let (Err(error), true) = (self.request.validate(), without.validate().is_ok()) {
                    self.drop(field, error.headline());
                }
            }
        }
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = Map::new();
        for field in Field::ALL {
            field.write(self, &mut map).map_err(ser::Error::custom)?;
        }
        map.insert(VERSION_KEY.to_owned(), VERSION.into());
        map.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Request {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = Map::deserialize(deserializer)?;
        let mut request = Self::default();
        for field in Field::ALL {
            let read = field.read(&map, &mut request);
            read.map_err(|error| D::Error::custom(format!("{}: {}", field.keys().join(", "), error.headline())))?;
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::request::{Guidance, Prompts, Sampling, Seeds, Size};
    use crate::schedulers::SchedulerKind;

    /// What version 0.1.0 wrote.
    const FLAT: &str = r#"{"task":{"name":"text-to-image"},"prompt":"a red heart in 3d style","negative_prompt":"",
        "scheduler":"ddim","steps":20,"guidance_scale":4.0,"guidance_rescale":0.0,"seed":18446744073709551615,
        "width":64,"height":72,"count":1}"#;

    fn request() -> Request {
        Request {
            prompts: Prompts::new("a red heart in 3d style"),
            sampling: Sampling { scheduler: SchedulerKind::from_name("ddim").ok(), steps: 20, ..Sampling::default() },
            guidance: Guidance::new(4.0, 0.0),
            seeds: Seeds::one(u64::MAX),
            size: Size::new(64, 72),
            ..Request::default()
        }
    }

    fn read(json: &str) -> Reading {
        Request::read(&serde_json::from_str(json).expect("an object"))
    }

    #[test]
    fn what_an_older_version_wrote_is_read() {
        assert_eq!(serde_json::from_str::<Request>(FLAT).expect("a request"), request());
        let reading = read(FLAT);
        assert_eq!((reading.request, reading.notes.len()), (request(), 0));
        assert!(reading.has.contains(Field::Size) && !reading.has.contains(Field::Branch));
    }

    #[test]
    fn what_is_written_is_what_older_versions_wrote_and_the_version() {
        let flat: String = FLAT.split(['\n']).map(str::trim).collect();
        let written = serde_json::to_string(&request()).expect("JSON");
        assert_eq!(written, format!("{},\"version\":2}}", flat.trim_end_matches('}')));
        assert_eq!(serde_json::from_str::<Request>(&written).expect("and back"), request());
    }

    #[test]
    fn what_a_newer_version_wrote_is_read_as_far_as_it_is_known() {
        let newer = FLAT
            .replace("ddim", "euler-of-tomorrow")
            .replace("text-to-image", "text-to-video")
            .replace("\"count\":1", "\"count\":1,\"frames\":24,\"version\":9");
        assert!(serde_json::from_str::<Request>(&newer).is_err(), "not as a whole");
        let Reading { request: read, has, notes } = read(&newer);
        assert_eq!(read, request().with(|request| request.sampling.scheduler = None));
        assert!(!has.contains(Field::Scheduler) && !has.contains(Field::Task) && has.contains(Field::Prompt));
        assert_eq!(notes.len(), 3, "{notes:#?}");
        assert!(notes[0].starts_with("Its task can't be used") && notes[1].starts_with("Its sampler can't be used"));
        assert!(notes[2].ends_with("doesn't know: frames"), "{notes:#?}");
    }

    #[test]
    fn values_that_no_request_can_have_are_left_out_and_told() {
        let Reading { request, has, notes } =
            read(r#"{"steps":0,"width":0,"height":64,"guidance_scale":1e9,"count":2}"#);
        assert_eq!((request.sampling.steps, request.size, request.seeds.count), (50, Size::default(), 2));
        assert_eq!((has.iter().collect::<Vec<_>>(), notes.len()), (vec![Field::Count], 3));
    }

    #[test]
    fn options_that_the_sampler_does_not_have_are_left_out_and_told() {
        let reading = read(r#"{"scheduler":"ddim","sampling":{"sigma_schedule":"karras"}}"#);
        assert!(reading.has.contains(Field::Scheduler) && !reading.has.contains(Field::SamplingOptions));
        assert_eq!((reading.notes.len(), reading.request.validate().is_ok()), (1, true));
    }
}
