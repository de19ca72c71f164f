//! Doing work for the Hub on threads of its own, while the calling thread looks up several times a second.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};

use crate::base::cancel::CancelToken;
use crate::base::error::Error;
use crate::base::stop::{Outcome, Stop};
use crate::storage::hub::client::{Client, TICK};

/// How long to wait for work that was stopped: a name that is being looked up, and a connection that is being made, can't
/// be stopped, and nobody waits for them.
const GRACE: Duration = Duration::from_secs(1);

/// A piece of work.
pub(super) type HubJob<T> = Box<dyn FnOnce() -> Outcome<T> + Send>;

/// Does pieces of work side by side, which share a client. The first that fails ends the others.
pub(super) fn drive<T: Send + 'static>(
    client: &Arc<Client>,
    cancel: &CancelToken,
    on_tick: &mut dyn FnMut(),
    jobs: Vec<HubJob<T>>,
) -> Outcome<Vec<T>> {
    let count = jobs.len();
    let (sender, receiver) = bounded(count);
    for job in jobs {
        let sender = sender.clone();
        let thread = thread::Builder::new().name("hub".to_owned()).spawn(move || drop(sender.send(job())));
        if let Err(error) = thread {
            client.stop();
            return Err(Error::new("Can't start a thread that asks the Hub").caused_by(error).into());
        }
    }
    drop(sender);
    let mut done = Vec::with_capacity(count);
    let mut ended = 0;
    let end = loop {
        if ended == count {
            return Ok(done);
        }
        if cancel.is_cancelled() {
            break Stop::Cancelled;
        }
        on_tick();
        match receiver.recv_timeout(TICK) {
            Ok(Ok(value)) => {
                done.push(value);
                ended += 1;
            }
            Ok(Err(stop)) => {
                ended += 1;
                break stop;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                break internal_error().into();
            }
        }
    };
    client.stop();
    let until = Instant::now() + GRACE;
    while ended < count && receiver.recv_deadline(until).is_ok() {
        ended += 1;
    }
    Err(end)
}

fn internal_error() -> Error {
    Error::new("The request to the Hub ended because of an internal error")
}

/// Does one piece of work.
pub(super) fn drive_one<T: Send + 'static>(
    client: &Arc<Client>,
    cancel: &CancelToken,
    job: impl FnOnce() -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    let mut done = drive(client, cancel, &mut || {}, vec![Box::new(job)])?;
    done.pop().ok_or_else(|| internal_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::hub::environment::{Options, Patience};

    fn client() -> Arc<Client> {
        let options = Options {
            endpoint: "http://127.0.0.1:9".to_owned(),
            cache: "nowhere".into(),
            token: None,
            offline: false,
            patience: Patience::default(),
        };
        Arc::new(Client::new(&options).expect("a client"))
    }

    #[test]
    fn the_first_failure_ends_the_others() {
        let client = client();
        let waiting = Arc::clone(&client);
        let jobs: Vec<HubJob<()>> = vec![
            Box::new(move || waiting.pause(Duration::from_hours(1))),
            Box::new(|| Err(Error::new("no such thing").into())),
        ];
        let error = drive(&client, &CancelToken::new(), &mut || {}, jobs).expect_err("one fails");
        assert!(error.to_string().contains("no such thing"), "{error}");
        assert!(client.check().is_err());
    }

    #[test]
    fn work_that_panics_is_a_failure() {
        let error = drive_one::<()>(&client(), &CancelToken::new(), || panic!("on purpose")).expect_err("it panics");
        assert!(error.to_string().contains("internal error"), "{error}");
    }

    #[test]
    fn cancelled_work_ends_as_cancelled() {
        let (client, cancel) = (client(), CancelToken::new());
        let (waiting, ending) = (Arc::clone(&client), cancel.clone());
        let done = drive_one(&client, &cancel, move || {
            ending.cancel();
            waiting.pause(Duration::from_hours(1))
        });
        assert!(matches!(done, Err(Stop::Cancelled)));
    }
}
