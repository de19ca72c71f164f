//! Asking the Hub: one HTTP client, and who asks.
//!
//! Requests block the thread that makes them; [`Client::stop`] ends them from another one. The token goes to the endpoint
//! alone: a redirect to another host, port or scheme loses it.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::header::{AUTHORIZATION, LOCATION, RANGE, RETRY_AFTER};
use ureq::http::{HeaderMap, HeaderValue, Response, Uri};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::model_ref::HubId;
use crate::base::stop::{Outcome, Stop};
use crate::storage::hub::address::{Endpoint, redirected, same_server};
use crate::storage::hub::environment::Options;
use crate::storage::hub::failure::{Failure, Inquiry, Refusal, Tries, no_answer};
use crate::storage::hub::proxy::proxy_for;

/// How often a waiting thread looks whether it is still wanted.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// How long an answer about models may take in all.
const LONGEST_ANSWER: Duration = Duration::from_mins(1);

/// How large an answer about a model may be, in bytes: repositories have some hundred files.
const LARGEST_ANSWER: u64 = 32 << 20;

/// How often to try before telling that there is no answer: nobody wants to look at a list that stays empty.
const TRIES: u32 = 3;

/// Redirects in a row, as in Python's `requests` and in browsers, roughly.
const REDIRECTS: usize = 10;

/// What asks the Hub, for one piece of work. Several threads may share it.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) options: Options,
    agent: Agent,
    endpoint: Endpoint,
    /// The header that says who asks.
    authorization: Option<HeaderValue>,
    /// Raised when the work is no longer wanted.
    halt: CancelToken,
}

impl Client {
    pub(super) fn new(options: &Options) -> Result<Self> {
        let endpoint = Endpoint::parse(&options.endpoint).ok_or_else(|| {
            Error::new(format!("This is no address of a Hub: {:?}", options.endpoint))
                .advise("It comes from HF_ENDPOINT; the Hub's own is https://huggingface.co")
        })?;
        let bearer = options.token.as_ref().map(|token| format!("Bearer {}", token.secret()));
        let authorization = bearer.or_else(|| endpoint.basic.clone()).map(|value| HeaderValue::from_str(&value));
        let mut authorization = authorization.transpose().map_err(|_| {
            Error::new("The token has characters that no token has").advise("Copy it again; it begins with hf_")
        })?;
        if let Some(value) = &mut authorization {
            value.set_sensitive(true);
        }
        let patience = options.patience;
        let agent = Agent::config_builder()
            .user_agent(concat!("burnisher/", env!("CARGO_PKG_VERSION")))
            // Sizes are those of files, so nothing may be packed on the way.
            .accept_encoding("identity")
            .http_status_as_error(false)
            // Redirects are followed here, because of the token.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(endpoint.shown().parse().ok().as_ref().and_then(proxy_for))
            .tls_config(TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build())
            .timeout_resolve(Some(patience.connect))
            .timeout_connect(Some(patience.connect))
            .timeout_per_read(Some(patience.stall))
            .timeout_per_write(Some(patience.stall))
            .build()
            .new_agent();
        Ok(Self { options: options.clone(), agent, endpoint, authorization, halt: CancelToken::new() })
    }

    /// Ends all requests, and lets no new ones begin. Whoever waits for one finds out at once.
    pub(super) fn stop(&self) {
        self.halt.cancel();
        self.agent.clone().shutdown();
    }

    /// Whether the work is still wanted.
    pub(super) fn check(&self) -> Outcome<()> {
        if self.halt.is_cancelled() { Err(Stop::Cancelled) } else { Ok(()) }
    }

    /// Waits, for as long as the work is wanted.
    pub(super) fn pause(&self, wait: Duration) -> Outcome<()> {
        let until = Instant::now() + wait;
        loop {
            self.check()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(TICK));
        }
    }

    /// An address of the Hub's API.
    pub(super) fn api_url(&self, path: &[&str], query: &[(&str, &str)]) -> String {
        self.endpoint.join(&[&["api", "models"], path].concat(), query)
    }

    /// The address of a file of a commit.
    pub(super) fn file_url(&self, id: &HubId, commit: &str, path: &str) -> String {
        let parts = [&id.owner, &id.name, "resolve", commit];
        self.endpoint.join(&parts.into_iter().chain(path.split('/')).collect::<Vec<_>>(), &[])
    }

    /// Asks for a file's content, from a byte on.
    pub(super) fn content(&self, url: &str, from: u64) -> Result<Response<Body>, Failure> {
        self.get(url, from, None)
    }

    /// Asks for something that fits into memory: once and again, until there is an answer, a refusal, or no patience left.
    pub(super) fn answer(&self, id: Option<&HubId>, url: &str) -> Outcome<Vec<u8>> {
        let mut tries = Tries::new(self.options.patience, self.options.patience.tries.min(TRIES));
        loop {
            let answer = self.answer_once(id, url);
            self.check()?;
            match answer {
                Ok(answer) => return Ok(answer),
                Err(Failure::Passing { why, after }) => self.pause(tries.wait(&why, after)?)?,
                Err(Failure::Unsound(why)) => {
                    return Err(Error::new(format!("The Hub's answer is invalid: {why}")).into());
                }
                Err(Failure::Final(error)) => return Err(error.into()),
            }
        }
    }

    fn answer_once(&self, id: Option<&HubId>, url: &str) -> Result<Vec<u8>, Failure> {
        let response = self.get(url, 0, Some(LONGEST_ANSWER))?;
        if !response.status().is_success() {
            return Err(self.refused(id, &response));
        }
        let mut answer = Vec::new();
        let mut body = response.into_body().into_reader().take(LARGEST_ANSWER + 1);
        body.read_to_end(&mut answer).map_err(|error| no_answer(error.into()))?;
        if answer.len() as u64 > LARGEST_ANSWER {
            let of = id.map_or_else(|| self.endpoint.shown().to_owned(), ToString::to_string);
            return Err(Failure::Final(Error::new(format!("The Hub's answer has no end: {of}"))));
        }
        Ok(answer)
    }

    /// Makes a request, and follows redirects. `within` limits how long each answer may take in all.
    fn get(&self, url: &str, from: u64, within: Option<Duration>) -> Result<Response<Body>, Failure> {
        let leads_nowhere = |why: &str| {
            Failure::Final(Error::new(format!("The Hub redirects to an address that can't be followed: {why}")))
        };
        let hub: Uri = url.parse().map_err(|_| Failure::Final(Error::new("Can't ask the Hub for such a name")))?;
        let mut uri = hub.clone();
        for _ in 0..=REDIRECTS {
            let mut request = self.agent.get(uri.clone()).config().timeout_global(within);
            if uri.scheme() != hub.scheme() {
                request = request.proxy(proxy_for(&uri));
            }
            let mut request = request.build();
            if from > 0 {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            if let Some(authorization) = self.authorization.as_ref().filter(|_| same_server(&hub, &uri)) {
                request = request.header(AUTHORIZATION, authorization);
            }
            let response = request.call().map_err(no_answer)?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let to = text(response.headers(), LOCATION.as_str()).and_then(|location| redirected(&uri, location));
            let to = to.ok_or_else(|| leads_nowhere("it is no address of a web server"))?;
            if uri.scheme_str() == Some("https") && to.scheme_str() != Some("https") {
                return Err(leads_nowhere("it is not encrypted"));
            }
            uri = to;
        }
        Err(leads_nowhere("too many redirects"))
    }

    /// What a refusing answer about a repository means.
    pub(super) fn refused(&self, id: Option<&HubId>, response: &Response<Body>) -> Failure {
        let headers = response.headers();
        let refusal = Refusal {
            status: response.status().as_u16(),
            code: text(headers, "x-error-code"),
            after: text(headers, RETRY_AFTER.as_str()).and_then(|secs| secs.trim().parse().ok()),
        };
        refusal.failure(&Inquiry { id, endpoint: self.endpoint.shown(), with_token: self.options.token.is_some() })
    }
}

/// The text of a header.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
