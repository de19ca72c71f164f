//! The Hub's answers.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use burnisher::base::cancel::CancelToken;
use burnisher::base::error::Result;
use burnisher::base::model_ref::HubId;
use burnisher::base::stop::Stop;
use burnisher::families;
use burnisher::storage::hub::{Hub, Options, Patience, Variant};
use serde_json::json;
use tempfile::TempDir;

use crate::formats::Format;

const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    stall: Duration::from_secs(5),
    backoff: Duration::from_millis(1),
    tries: 1,
};

const INDEX: &str =
    r#"{"_class_name":"DDPMPipeline","unet":["diffusers","UNet2DModel"],"scheduler":["diffusers","DDPMScheduler"]}"#;

/// A server that says one thing to whatever it is asked of models, and has the file `model_index.json`.
struct Server {
    says: Arc<Mutex<Vec<u8>>>,
    endpoint: String,
    cache: TempDir,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let says = Arc::new(Mutex::new(Vec::new()));
        let said = Arc::clone(&says);
        let serve = move || listener.incoming().flatten().for_each(|stream| drop(answer(&stream, &said)));
        thread::Builder::new().name("hub".to_owned()).spawn(serve).expect("a thread");
        Self { says, endpoint, cache: tempfile::tempdir().expect("a folder") }
    }

    fn hub(&self, says: &[u8]) -> Hub {
        *self.says.lock().unwrap_or_else(PoisonError::into_inner) = says.to_vec();
        let options = Options {
            endpoint: self.endpoint.clone(),
            cache: self.cache.path().to_owned(),
            token: None,
            offline: false,
            patience: PATIENCE,
        };
        Hub::new(options, families::ALL).expect("a Hub")
    }
}

fn answer(mut stream: &TcpStream, says: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
    let body = if first.contains("/resolve/") {
        INDEX.as_bytes().to_vec()
    } else {
        says.lock().unwrap_or_else(PoisonError::into_inner).clone()
    };
    write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

fn refused<T>(outcome: std::result::Result<T, Stop>) -> Result<()> {
    match outcome {
        Ok(_) => Ok(()),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Cancelled) => panic!("nobody cancels it"),
    }
}

pub(crate) fn formats() -> Vec<Format> {
    let file = |name: &str, size: u64| json!({ "rfilename": name, "size": size, "blobId": "a".repeat(40), "lfs": { "sha256": "b".repeat(64), "size": size } });
    let model = json!({
        "id": "acme/tiny", "modelId": "acme/tiny", "sha": "c".repeat(40), "private": false, "gated": false,
        "tags": ["diffusers", "license:mit"], "cardData": { "license": "mit" }, "downloads": 3, "likes": 2,
        "library_name": "diffusers", "lastModified": "2024-09-04T12:00:00.000Z",
        "siblings": [file("model_index.json", INDEX.len() as u64), file("unet/config.json", 900),
            file("unet/diffusion_pytorch_model.safetensors", 4_000_000), file("scheduler/scheduler_config.json", 300)],
    });
    let found = json!([model, { "id": "acme/other", "likes": 0 }]);
    let (look, search) = (Server::start(), Server::start());
    let id = || HubId { owner: "acme".to_owned(), name: "tiny".to_owned(), revision: None };
    vec![
        Format::json("the Hub's word on a model", vec![model.to_string().into_bytes()], move |says| {
            refused(look.hub(says).look(&id(), Variant::Fp16, &CancelToken::new()))
        }),
        Format::json("what the Hub found", vec![found.to_string().into_bytes()], move |says| {
            refused(search.hub(says).search("tiny", 20, &CancelToken::new()))
        }),
    ]
}
