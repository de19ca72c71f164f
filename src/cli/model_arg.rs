//! A model as an argument: a name that may be no text, and is never empty.

use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::base::error::Error;
use crate::base::model_ref::ModelRef;

/// Parses the name of a model.
pub(super) fn model_ref() -> impl TypedValueParser<Value = ModelRef> {
    OsStringValueParser::new().try_map(|name| {
        if name.to_string_lossy().trim().is_empty() {
            return Err(Error::new(
                "a model is `bundled`, a folder with a model_index.json, a .safetensors file, or `owner/name` on the Hub",
            ));
        }
        Ok(ModelRef::from(name))
    })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    fn parse(name: &OsStr) -> Result<ModelRef, clap::Error> {
        let arg = clap::Arg::new("model").long("model").value_parser(model_ref());
        let given = [OsStr::new("generate"), OsStr::new("--model"), name];
        let mut matches = clap::Command::new("generate").arg(arg).try_get_matches_from(given)?;
        Ok(matches.remove_one("model").unwrap_or_default())
    }

    #[test]
    fn a_model_without_a_name_is_wrong_usage_that_names_the_argument() {
        for empty in ["", "  "] {
            let error = parse(OsStr::new(empty)).expect_err("no model");
            assert_eq!(error.kind(), clap::error::ErrorKind::ValueValidation);
            let told = error.to_string();
            assert!(told.contains("--model") && told.contains("a model is `bundled`"), "{told}");
        }
        assert_eq!(parse(OsStr::new("bundled")).expect("a model"), ModelRef::Bundled);
    }

    #[cfg(unix)]
    #[test]
    fn a_model_may_lie_at_a_path_that_is_no_text() {
        use std::os::unix::ffi::OsStrExt;

        let folder = OsStr::from_bytes(b"mod\xe8les/sd");
        let file = OsStr::from_bytes(b"mod\xe8le.safetensors");
        assert_eq!(parse(folder).expect("a model"), ModelRef::Folder(folder.into()));
        assert_eq!(parse(file).expect("a model"), ModelRef::File(file.into()));
    }
}
