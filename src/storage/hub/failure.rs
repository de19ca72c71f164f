//! Why a request failed, in words, and whether asking again can help.
//!
//! Statuses and `X-Error-Code` mean what they mean in `huggingface_hub` (`utils/_http.py`, `hf_raise_for_status`).
//! Nothing that a server wrote gets into a message, and no address but the Hub's own: redirects carry signatures.

use std::io::ErrorKind;
use std::time::Duration;

use ureq::Timeout;

use crate::base::error::{Error, Result};
use crate::base::model_ref::HubId;
use crate::storage::hub::environment::Patience;

/// The longest wait before another try, unless the server asks for a longer one.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);

/// The longest wait that a server may ask for.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// Why a request failed.
pub(super) enum Failure {
    /// Asking again can help.
    Passing {
        /// In words.
        why: String,
        /// How long the server asks to wait.
        after: Option<Duration>,
    },
    /// What comes isn't what was promised.
    Unsound(String),
    /// Asking again is no use.
    Final(Error),
}

impl Failure {
    pub(super) fn passing(why: impl Into<String>) -> Self {
        Self::Passing { why: why.into(), after: None }
    }
}

/// An answer that isn't what was asked for.
pub(super) struct Refusal<'a> {
    pub(super) status: u16,
    /// `X-Error-Code`.
    pub(super) code: Option<&'a str>,
    /// `Retry-After`, in seconds.
    pub(super) after: Option<u64>,
}

/// Who asked for what.
pub(super) struct Inquiry<'a> {
    pub(super) id: Option<&'a HubId>,
    /// The Hub's address, without secrets.
    pub(super) endpoint: &'a str,
    pub(super) with_token: bool,
}

const GIVE_A_TOKEN: &str = "give a token: in the settings, as HF_TOKEN, or with `hf auth login` (tokens are made at huggingface.co/settings/tokens)";

impl Refusal<'_> {
    /// What it means.
    pub(super) fn failure(&self, asked: &Inquiry<'_>) -> Failure {
        let name = asked.id.map_or_else(|| asked.endpoint.to_owned(), ToString::to_string);
        let private = || {
            Error::new(format!("The Hub has no such model, or it is private: {name}"))
                .advise(format!("Check the name; for a private model, {GIVE_A_TOKEN}"))
        };
        Failure::Final(match (self.status, self.code) {
            (408 | 429 | 500.., _) => {
                let why = if self.status == 429 { "the Hub takes no more requests for now" } else { "the Hub is busy" };
                let after = self.after.map(Duration::from_secs);
                return Failure::Passing { why: format!("{why} ({})", self.status), after };
            }
            (401 | 403, Some("GatedRepo")) => {
                let page = asked.id.map_or_else(String::new, |id| format!("/{}", id.repo()));
                let then = if asked.with_token { "with the account of your token" } else { GIVE_A_TOKEN };
                let joint = if asked.with_token { " " } else { ", then " };
                Error::new(format!("This model's licence has to be accepted first: {name}"))
                    .advise(format!("Accept it at {}{page}{joint}{then}", asked.endpoint))
            }
            (401, None) if asked.with_token => Error::new(format!("The Hub doesn't accept the token: {name}"))
                .advise("It may have expired: make another at huggingface.co/settings/tokens"),
            (401, _) | (404, None | Some("RepoNotFound")) => private(),
            (404, Some("RevisionNotFound")) => Error::new(format!("The model has no such revision: {name}"))
                .advise("Its branches and tags are listed on its page, under Files"),
            (404, _) => Error::new(format!("The Hub lists a file that it doesn't have: {name}")),
            (403, _) => Error::new(format!("The Hub refuses access to this model: {name}"))
                .advise("The token may lack the right to read it"),
            (status, _) => Error::new(format!("The Hub refuses to answer (status {status}): {name}")),
        })
    }
}

/// A request that got no answer, or not all of one.
pub(super) fn no_answer(error: ureq::Error) -> Failure {
    Failure::passing(match error {
        ureq::Error::Timeout(Timeout::Global | Timeout::PerCall) => "the answer takes too long".to_owned(),
        ureq::Error::Timeout(Timeout::Resolve | Timeout::Connect) => "no connection (nothing answers)".to_owned(),
        ureq::Error::Timeout(_) => "nothing comes any more".to_owned(),
        ureq::Error::Io(cause) => match cause.kind() {
            ErrorKind::UnexpectedEof => "the connection ended early".to_owned(),
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::NotConnected
            | ErrorKind::InvalidData => format!("the connection broke ({cause})"),
            _ => format!("no connection ({cause})"),
        },
        ureq::Error::HostNotFound => "no connection (the name of the server isn't known)".to_owned(),
        ureq::Error::Rustls(cause) => format!("no connection that is secure ({cause})"),
        // What a proxy writes isn't shown.
        ureq::Error::ConnectProxyFailed(_) => "no connection (the proxy refuses it)".to_owned(),
        ureq::Error::ConnectionFailed | ureq::Error::Tls(_) | ureq::Error::TlsRequired => "no connection".to_owned(),
        ureq::Error::Protocol(_) | ureq::Error::LargeResponseHeader(..) | ureq::Error::BodyStalled => {
            "the answer is no proper HTTP".to_owned()
        }
        cause => return Failure::Final(Error::new("Can't ask the Hub").caused_by(cause)),
    })
}

/// Counts tries that brought nothing.
pub(super) struct Tries {
    patience: Patience,
    of: u32,
    failed: u32,
}

impl Tries {
    pub(super) fn new(patience: Patience, of: u32) -> Self {
        Self { patience, of, failed: 0 }
    }

    /// A try that brought something.
    pub(super) fn succeeded(&mut self) {
        self.failed = 0;
    }

    /// How long to wait before the next try: twice as long each time, and not as long as others who wait.
    ///
    /// # Errors
    /// That was the last one.
    pub(super) fn wait(&mut self, why: &str, after: Option<Duration>) -> Result<Duration> {
        self.failed += 1;
        let given_up = || {
            Error::new(format!("Can't get an answer from the Hub: {why}"))
                .advise("Check the network and try again: what has come is kept, and a download goes on from there")
        };
        if self.failed >= self.of {
            return Err(given_up());
        }
        match after {
            Some(after) if after > LONGEST_WAIT => {
                Err(given_up().advise(format!("It asks to wait for {} minutes", after.as_secs().div_ceil(60))))
            }
            Some(after) => Ok(after),
            None => {
                let doubled = self.patience.backoff.saturating_mul(1 << (self.failed - 1).min(16));
                Ok(doubled.min(LONGEST_BACKOFF).mul_f64(0.5 + 0.5 * fastrand::f64()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, code: Option<&str>, with_token: bool) -> String {
        let id = HubId::parse("acme/tiny").expect("a name");
        let asked = Inquiry { id: Some(&id), endpoint: "https://hub.example", with_token };
        match (Refusal { status, code, after: None }).failure(&asked) {
            Failure::Final(error) => error.to_string(),
            Failure::Passing { why, .. } => format!("again: {why}"),
            Failure::Unsound(why) => why,
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        let gated = said(401, Some("GatedRepo"), false);
        assert!(gated.contains("Accept it at https://hub.example/acme/tiny, then give a token"), "{gated}");
        let gated = said(403, Some("GatedRepo"), true);
        assert!(gated.contains("Accept it at https://hub.example/acme/tiny with the account of your token"), "{gated}");
        assert!(said(401, None, false).contains("no such model, or it is private: acme/tiny"));
        assert!(said(401, None, true).contains("doesn't accept the token"));
        assert!(said(404, Some("RepoNotFound"), true).contains("no such model"));
        assert!(said(404, Some("RevisionNotFound"), false).contains("no such revision"));
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(said(status, None, false).starts_with("again: "), "{status}");
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let patience = Patience { backoff: Duration::from_secs(8), ..Patience::default() };
        let mut tries = Tries::new(patience, 4);
        let waits: Vec<f64> = (0..3).map(|_| tries.wait("busy", None).expect("a wait").as_secs_f64()).collect();
        for (wait, most) in waits.iter().zip([8.0, 16.0, 30.0]) {
            assert!((most / 2.0..=most).contains(wait), "{waits:?}");
        }
        assert!(tries.wait("busy", None).is_err());
        tries.succeeded();
        assert_eq!(tries.wait("busy", Some(Duration::from_secs(7))).ok(), Some(Duration::from_secs(7)));
        let error = tries.wait("busy", Some(Duration::from_hours(1))).expect_err("too long");
        assert!(error.to_string().contains("60 minutes"), "{error}");
    }
}
