//! Asking the Hub: one HTTP client, who asks, and a thread that waits without being deaf to a cancel.
//!
//! Work is async inside and driven on the calling thread. Proxies are those of the environment, as reqwest reads them. The
//! token goes to the endpoint alone: reqwest drops it where a redirect leads to another host, port or scheme.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, Url};
use serde_json::{Map, Value};

use crate::base::cancel::CancelToken;
use crate::base::error::{Error, Result};
use crate::base::model_ref::HubId;
use crate::storage::hub::environment::Options;
use crate::storage::hub::failure::{Failure, Inquiry, Refusal, Tries, no_answer};
use crate::storage::hub::info::RepoInfo;

/// How often a waiting thread looks at its cancel token.
const TICK: Duration = Duration::from_millis(50);

/// How long an answer about models may take in all.
const LONGEST_ANSWER: Duration = Duration::from_mins(1);

/// How large an answer about a model may be, in bytes: repositories have some hundred files.
const LARGEST_ANSWER: usize = 32 << 20;

/// How often to try before telling that there is no answer: nobody wants to look at a list that stays empty.
const TRIES: u32 = 3;

/// Redirects in a row, as in Python's `requests` and in browsers, roughly.
const REDIRECTS: usize = 10;

/// What asks the Hub. It belongs to one [`drive`]: its connections end with it.
pub(super) struct Client {
    pub(super) options: Options,
    pub(super) http: reqwest::Client,
    endpoint: Url,
    /// The header that says who asks.
    token: Option<HeaderValue>,
    /// The endpoint as messages show it.
    shown: String,
}

impl Client {
    pub(super) fn new(options: &Options) -> Result<Self> {
        let no_address = || {
            Error::new(format!("this is no address of a Hub: {:?}", options.endpoint))
                .advise("It comes from HF_ENDPOINT; the Hub's own is https://huggingface.co")
        };
        let endpoint = Url::parse(&options.endpoint).map_err(|_| no_address())?;
        if !["http", "https"].contains(&endpoint.scheme()) || endpoint.cannot_be_a_base() {
            return Err(no_address());
        }
        let mut shown = endpoint.clone();
        // Both fail on addresses without a host alone, which were refused.
        let _ = (shown.set_username(""), shown.set_password(None));
        let bearer = options.token.as_ref().map(|token| HeaderValue::from_str(&format!("Bearer {}", token.secret())));
        let mut token = bearer.transpose().map_err(|_| {
            Error::new("the token has characters that no token has").advise("Copy it again; it begins with hf_")
        })?;
        if let Some(token) = &mut token {
            token.set_sensitive(true);
        }
        let http = reqwest::Client::builder()
            .user_agent(concat!("burnisher/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(options.patience.connect)
            .read_timeout(options.patience.stall)
            .redirect(Policy::custom(|attempt| {
                let was_safe = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
                if attempt.previous().len() > REDIRECTS {
                    attempt.error("too many redirects")
                } else if was_safe && attempt.url().scheme() != "https" {
                    attempt.error("a redirect to an unprotected address")
                } else {
                    attempt.follow()
                }
            }))
            .build()
            .map_err(|error| Error::new("can't set up secure connections").caused_by(error.without_url()))?;
        let shown = shown.as_str().trim_end_matches('/').to_owned();
        Ok(Self { options: options.clone(), http, endpoint, token, shown })
    }

    /// An address on the Hub. Each part is one segment, whatever characters it has.
    pub(super) fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.endpoint.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(parts);
        }
        url
    }

    /// The address of a file of a commit.
    pub(super) fn file_url(&self, id: &HubId, commit: &str, path: &str) -> Url {
        let parts = [&id.owner, &id.name, "resolve", commit];
        self.url(&parts.into_iter().chain(path.split('/')).collect::<Vec<_>>())
    }

    /// A request, by whoever asks. Sizes are those of files, so nothing may be packed on the way.
    pub(super) fn get(&self, url: Url) -> RequestBuilder {
        let request = self.http.get(url).header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, token),
            None => request,
        }
    }

    /// What a refusing answer about a repository means.
    pub(super) fn refused(&self, id: Option<&HubId>, response: &Response) -> Failure {
        let headers = response.headers();
        let refusal = Refusal {
            status: response.status().as_u16(),
            code: text(headers, "x-error-code"),
            after: text(headers, RETRY_AFTER.as_str()).and_then(|secs| secs.trim().parse().ok()),
        };
        refusal.failure(&self.asked(id))
    }

    /// Who asks for what.
    pub(super) fn asked<'a>(&'a self, id: Option<&'a HubId>) -> Inquiry<'a> {
        Inquiry { id, endpoint: &self.shown, with_token: self.token.is_some() }
    }

    /// All facts about a repository, at its revision.
    pub(super) async fn info(&self, id: &HubId) -> Result<RepoInfo> {
        let mut parts = vec!["api", "models", &id.owner, &id.name];
        if let Some(revision) = &id.revision {
            parts.extend(["revision", revision]);
        }
        let mut url = self.url(&parts);
        url.set_query(Some("blobs=true"));
        let answer = self.answer(id, &url).await?;
        serde_json::from_slice(&answer)
            .map_err(|error| Error::new(format!("the Hub's answer can't be read: {id}")).caused_by(error))
    }

    /// A model's index of components.
    pub(super) async fn model_index(&self, id: &HubId, commit: &str) -> Result<Map<String, Value>> {
        let answer = self.answer(id, &self.file_url(id, commit, "model_index.json")).await?;
        serde_json::from_slice(&answer)
            .map_err(|error| Error::new(format!("the model_index.json can't be read: {id}")).caused_by(error))
    }

    async fn answer(&self, id: &HubId, url: &Url) -> Result<Vec<u8>> {
        patiently(self, async || {
            let mut response = self.get(url.clone()).send().await.map_err(|error| no_answer(&error))?;
            if !response.status().is_success() {
                return Err(self.refused(Some(id), &response));
            }
            let mut answer = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|error| no_answer(&error))? {
                answer.extend_from_slice(&chunk);
                if answer.len() > LARGEST_ANSWER {
                    return Err(Failure::Final(Error::new(format!("the Hub's answer has no end: {id}"))));
                }
            }
            Ok(answer)
        })
        .await
    }
}

/// Asks until there is an answer, a refusal, or no patience left.
pub(super) async fn patiently<T>(client: &Client, ask: impl AsyncFn() -> Result<T, Failure>) -> Result<T> {
    let mut tries = Tries::new(client.options.patience, client.options.patience.tries.min(TRIES));
    loop {
        let answer = tokio::time::timeout(LONGEST_ANSWER, ask()).await;
        match answer.unwrap_or_else(|_| Err(Failure::passing("the answer takes too long"))) {
            Ok(answer) => return Ok(answer),
            Err(Failure::Passing { why, after }) => tokio::time::sleep(tries.wait(&why, after)?).await,
            Err(Failure::Unsound(why)) => return Err(Error::new(format!("the Hub's answer makes no sense: {why}"))),
            Err(Failure::Final(error)) => return Err(error),
        }
    }
}

/// Does some work on the calling thread, and looks up several times a second. `None` when cancelled.
pub(super) fn drive<T>(
    cancel: &CancelToken,
    on_tick: &mut dyn FnMut(),
    work: impl Future<Output = Result<T>>,
) -> Result<Option<T>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Error::new("can't wait for the network").caused_by(error))?;
    let done = runtime.block_on(async {
        let mut work = pin!(work);
        loop {
            if cancel.is_cancelled() {
                return Ok(None);
            }
            on_tick();
            // The clock first: work that always has something to do must not keep it from being looked at.
            match select(pin!(tokio::time::sleep(TICK)), work.as_mut()).await {
                Either::Left(_) => {}
                Either::Right((done, _)) => return done.map(Some),
            }
        }
    });
    // A name that is being looked up can't be stopped: nobody waits for it.
    runtime.shutdown_background();
    done
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
