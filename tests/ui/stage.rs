//! A window on a stage: folders of its own, and an engine that does what the prompt says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use burnisher::app::{App, Setup};
use burnisher::base::device::Memory;
use burnisher::base::error::{Error, Result};
use burnisher::base::model_ref::ModelRef;
use burnisher::base::rng::Generators;
use burnisher::base::stop::Outcome;
use burnisher::content::request::{Request, TaskKind, Valid, Verdict};
use burnisher::pipelines::{Drawn, Resumption, RunRecord, RunState};
use burnisher::schedulers::{SchedulerConfig, SchedulerKind, SnapshotRecord};
use burnisher::session::Seat;
use burnisher::storage::hub;
use burnisher::storage::library::Places;
use burnisher::worker::{self, Engine, Footprint, Hooks, ModelInfo, Phase, Room, Step, TokenCount, TokenCounter};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use image::{GrayImage, Luma, Rgb, RgbImage};
use tempfile::TempDir;

use crate::on_disk::OnDisk;

/// Prompts, and what the engine does on them.
pub(crate) const WAIT: &str = "wait";
/// All steps are done, and the decoding fails; gone on with, it doesn't.
pub(crate) const FAIL_TO_DECODE: &str = "fail to decode";
pub(crate) const FAIL: &str = "fail";
pub(crate) const PANIC: &str = "panic";
pub(crate) const FLAGGED: &str = "flagged";
pub(crate) const DEEP: &str = "deep";

/// Longer than anything takes on a busy machine; what takes as long has failed.
const PATIENCE: Duration = Duration::from_mins(1);

/// How the engine behaves.
#[derive(Clone, Default)]
pub(crate) struct Puppet {
    /// Previews that it was asked for.
    pub(crate) previews: Arc<AtomicUsize>,
    /// Why models can't be opened; `None` if they can.
    pub(crate) broken: Option<Error>,
    /// The picture that was drawn last, and its steps.
    pub(crate) last: Arc<Mutex<Option<(Request, usize)>>>,
    /// How many times a model was opened.
    pub(crate) opened: Arc<AtomicUsize>,
    /// How long opening a model takes.
    pub(crate) loading: Duration,
    /// Whether there is never room for two models.
    pub(crate) is_tight: bool,
    /// A model that can't be opened, whatever the others can.
    pub(crate) breaks: Option<ModelRef>,
    /// A model whose opening goes on until it is stopped.
    pub(crate) stays: Option<ModelRef>,
    /// What models take of the memory.
    pub(crate) footprint: Option<Footprint>,
}

/// A window and its folders, which outlive it.
pub(crate) struct Stage {
    pub(crate) window: Harness<'static, App>,
    pub(crate) folder: TempDir,
}

impl Stage {
    /// A window that was never opened before.
    pub(crate) fn new() -> Self {
        Self::with(Puppet::default(), |_| {})
    }

    /// A window with this engine, which finds `settings` changed as given.
    pub(crate) fn with(puppet: Puppet, change: impl FnOnce(&mut OnDisk)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut on_disk = OnDisk::default();
        on_disk.settings.output_folder = folder.path().join("pictures");
        change(&mut on_disk);
        on_disk.write(&folder.path().join("settings.json"));
        Self::open(folder, puppet)
    }

    /// A window on folders of an earlier one.
    pub(crate) fn open(folder: TempDir, puppet: Puppet) -> Self {
        Self::open_sized(folder, puppet, [1280.0, 800.0])
    }

    pub(crate) fn open_sized(folder: TempDir, puppet: Puppet, size: [f32; 2]) -> Self {
        let hub = folder.path().join("hub");
        let offline = move |_| hub::Options { offline: true, cache: hub.clone(), ..hub::Options::from_env(None) };
        Self::open_with_hub(folder, puppet, size, offline)
    }

    /// A window on folders of an earlier one, with a Hub to ask; others have none.
    pub(crate) fn open_with_hub(
        folder: TempDir,
        puppet: Puppet,
        size: [f32; 2],
        reach: impl Fn(Option<hub::Token>) -> hub::Options + Send + Sync + 'static,
    ) -> Self {
        let setup = Setup {
            seat: Seat::take(folder.path().join("settings.json")),
            cache: folder.path().join("cache"),
            records: folder.path().join("records"),
            places: Places {
                bundled: true,
                own: Some(folder.path().join("models")),
                hub: Some(folder.path().join("hub")),
                ..Places::default()
            },
            open_worker: Box::new(move |_, _, wake| {
                let puppet = puppet.clone();
                let open = move |model: &_, loading: &mut worker::OnLoading<'_>| puppet.open(model, loading);
                worker::spawn_waking(open, move || wake())
            }),
            file: None,
            has_file_dialogs: false,
            reach_hub: Arc::new(reach),
        };
        let window = Harness::builder()
            .with_size(size)
            .with_accessibility_check(true)
            .build_eframe(|creation| App::new(&creation.egui_ctx, setup).expect("threads"));
        Self { window, folder }
    }

    /// Closes the window; its folders are left.
    pub(crate) fn close(self) -> TempDir {
        let Self { window, folder } = self;
        drop(window);
        folder
    }

    /// Closes the window as its user does, and opens it again.
    pub(crate) fn reopen(self, puppet: Puppet) -> Self {
        Self::open(self.close(), puppet)
    }

    pub(crate) fn pictures_folder(&self) -> PathBuf {
        self.folder.path().join("pictures")
    }

    /// The finished pictures on disk.
    pub(crate) fn pictures(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.pictures_folder()) else { return Vec::new() };
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
        paths.sort();
        paths
    }

    /// The settings as they are on disk, and what else is kept.
    pub(crate) fn settings(&self) -> OnDisk {
        OnDisk::read(&self.folder.path().join("settings.json"))
    }

    /// Lets frames pass until `seen` holds.
    pub(crate) fn until(&mut self, what: &str, mut seen: impl FnMut(&Self) -> bool) {
        let since = Instant::now();
        loop {
            self.window.step();
            if seen(self) {
                return;
            }
            assert!(since.elapsed() < PATIENCE, "never seen: {what}\n{}", self.texts().join("\n"));
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Lets frames pass until something on the screen says this.
    pub(crate) fn until_says(&mut self, text: &str) {
        self.until(text, |stage| stage.says(text));
    }

    /// Whether something on the screen has a label or a value with this in it.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.texts().iter().any(|said| said.contains(text))
    }

    /// Everything that the screen says.
    pub(crate) fn texts(&self) -> Vec<String> {
        let nodes = self.window.query_all_by(|_| true);
        nodes.flat_map(|node| [node.accesskit_node().label(), node.accesskit_node().value()]).flatten().collect()
    }

    /// Clicks what has this label, as soon as it is there.
    pub(crate) fn click(&mut self, label: &str) {
        self.settle();
        self.until(label, |stage| stage.window.query_all_by_label(label).next().is_some());
        self.window.get_by_label(label).click();
        self.settle();
    }

    /// Lets what has just appeared come to its place.
    pub(crate) fn settle(&mut self) {
        self.window.run_steps(3);
    }

    /// Types a prompt in place of the present one.
    pub(crate) fn type_prompt(&mut self, prompt: &str) {
        self.type_into("Prompt", prompt);
    }

    /// Types into the text box of this name, in place of what is there.
    pub(crate) fn type_into(&mut self, name: &str, text: &str) {
        fn field<'a>(stage: &'a Stage, name: &'a str) -> egui_kittest::Node<'a> {
            use egui::accesskit::Role::{MultilineTextInput, PasswordInput, TextInput};
            let roles = [MultilineTextInput, PasswordInput, TextInput];
            let is_field = |node: &egui_kittest::Node<'_>| roles.contains(&node.accesskit_node().role());
            let found = stage.window.query_all_by_label(name).find(is_field);
            found.unwrap_or_else(|| panic!("no text box {name}"))
        }
        field(self, name).scroll_to_me();
        self.settle();
        // A notice that appears meanwhile may push it away from under the pointer.
        self.until("the keyboard in the text box", |stage| {
            let field = field(stage, name);
            let has_keyboard = field.is_focused();
            if !has_keyboard {
                field.click();
            }
            has_keyboard
        });
        self.window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
        self.window.step();
        self.window.key_press(egui::Key::Delete);
        self.window.step();
        self.window.event(egui::Event::Text(text.to_owned()));
        self.window.step();
        self.window.step();
    }

    /// Types a prompt and generates.
    pub(crate) fn generate(&mut self, prompt: &str) {
        self.type_prompt(prompt);
        self.press(egui::Modifiers::COMMAND, egui::Key::Enter);
    }

    pub(crate) fn press(&mut self, modifiers: egui::Modifiers, key: egui::Key) {
        self.window.key_press_modifiers(modifiers, key);
        self.window.step();
        self.window.step();
    }
}

impl Puppet {
    fn open(&self, model: &ModelRef, loading: &mut worker::OnLoading<'_>) -> Outcome<Self> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let room = Room { needed: 1, memory: Memory::Limited(u64::from(!self.is_tight)) };
        loading(worker::Loading { room: Some(room), ..worker::Loading::default() })?;
        if self.breaks.as_ref() == Some(model) {
            return Err(Error::new("the weights are damaged").into());
        }
        let since = Instant::now();
        while since.elapsed() < self.loading || self.stays.as_ref() == Some(model) {
            let fraction = since.elapsed().as_secs_f32() / self.loading.as_secs_f32().max(60.0);
            loading(worker::Loading { component: "unet", number: 1, of: 1, fraction, room: None })?;
            thread::sleep(Duration::from_millis(1));
        }
        self.broken.clone().map_or(Ok(self.clone()), |error| Err(error.into()))
    }
}

impl Engine for Puppet {
    fn info(&self) -> ModelInfo {
        ModelInfo {
            class_name: "Puppet".into(),
            tasks: vec![TaskKind::TextToImage, TaskKind::ImageToImage, TaskKind::Inpaint],
            scheduler: Some(SchedulerKind::from_name("ddim").expect("a sampler")),
            scheduler_config: SchedulerConfig::new(),
            width: 64,
            height: 64,
            steps: 12,
            guidance_scale: 4.0,
            device: "Stage machine".into(),
            dtype: "f32".into(),
            kernels: String::new(),
            on_gpu: false,
            parameters: 11_300_000,
            weight_bytes: 45_200_000,
            size_multiple: 8,
            sizes: vec![(64, 64), (64, 96)],
            refused: vec![(SchedulerKind::from_name("lcm").expect("a sampler"), "Not for this model".into())],
            token_counter: Some(TokenCounter::new(count)),
            footprint: self.footprint.clone(),
            notes: Vec::new(),
        }
    }

    fn run(&mut self, request: &Valid<Request>, hooks: Hooks<'_>) -> Outcome<Vec<Drawn>> {
        (hooks.on_phase)(Phase::Encoding);
        match &*request.prompts.prompt {
            FAIL => return Err(Error::new("the request doesn't fit").advise("Make it smaller").into()),
            PANIC => panic!("the device was lost"),
            _ => {}
        }
        (hooks.on_phase)(Phase::Denoising);
        let steps = if request.prompts.prompt == WAIT { usize::MAX } else { request.sampling.steps };
        for index in 0..steps {
            thread::sleep(Duration::from_millis(2));
            hooks.cancel.check()?;
            let mut decode = || {
                self.previews.fetch_add(1, Ordering::Relaxed);
                Ok(picture(request, index))
            };
            *self.last.lock().expect("whole") = Some((Request::clone(request), index + 1));
            let of = steps.min(1000);
            // A picture that is never finished is never done.
            let most = if request.prompts.prompt == WAIT { of - 1 } else { of };
            let mut state = || Ok(state((index + 1).min(most), of));
            let done = Step { variant: 0, index, of, decode: &mut decode, sketch: None, state: Some(&mut state) };
            (hooks.on_step)(done)?;
        }
        (hooks.on_phase)(Phase::Decoding);
        if request.prompts.prompt == FAIL_TO_DECODE {
            return Err(Error::new("The picture doesn't fit into the memory").into());
        }
        let verdict = (request.prompts.prompt == FLAGGED).then_some(Verdict { flagged: true, score: 0.031 });
        let depth = (request.prompts.prompt == DEEP).then(|| GrayImage::from_pixel(32, 16, Luma([99])));
        Ok(vec![Drawn { verdict, depth, ..picture(request, steps).into() }])
    }

    fn resume(&mut self, request: &Valid<Request>, resumption: &Resumption, hooks: Hooks<'_>) -> Outcome<Vec<Drawn>> {
        (hooks.on_phase)(if resumption.state.is_denoised() { Phase::Decoding } else { Phase::Denoising });
        let (done, of) = resumption.state.progress();
        for index in done..of {
            hooks.cancel.check()?;
            let mut decode = || Ok(picture(request, index));
            let step = Step { variant: 0, index, of, decode: &mut decode, sketch: None, state: None };
            (hooks.on_step)(step)?;
        }
        Ok(vec![picture(request, of).into()])
    }

    fn check_resumption(&self, _: &Request, _: &Resumption) -> Result<()> {
        Ok(())
    }

    fn kept_steps(&self) -> Option<(Request, usize)> {
        self.last.lock().expect("whole").clone()
    }

    fn look_back(&mut self, step: usize) -> Outcome<Option<RgbImage>> {
        Ok(self.kept_steps().map(|(request, _)| picture(&request, step)))
    }
}

/// A run after some of its steps.
fn state(done: usize, of: usize) -> RunState {
    let sampler = SnapshotRecord { class: "Puppet".into(), calls: of, next: done, outputs: 0, counts: BTreeMap::new() };
    let record = RunRecord { begin: 0, next: done, end: of, sampler, generators: Generators::per_image([0]) };
    RunState { record, tensors: BTreeMap::new() }
}

/// Words are tokens, and twelve of them are read.
fn count(prompt: &str) -> TokenCount {
    const LIMIT: usize = 12;
    let mut words = prompt.split_whitespace();
    let tokens = words.clone().count();
    let cut_at = words.nth(LIMIT).map(|word| word.as_ptr() as usize - prompt.as_ptr() as usize);
    TokenCount { tokens, limit: LIMIT, cut_at }
}

/// A picture that differs with every step and seed.
fn picture(request: &Request, step: usize) -> RgbImage {
    let (width, height) = (request.size.width as u32, request.size.height as u32);
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([(x * 4) as u8, (y * 4) as u8, (request.seeds.first as usize + step * 9) as u8])
    })
}

/// A picture of 8 x 8 pixels that carries a text of another app.
pub(crate) fn picture_by_another(folder: &Path, parameters: &str) -> PathBuf {
    let path = folder.join("theirs.png");
    let picture = RgbImage::from_pixel(8, 8, Rgb([1, 2, 3]));
    let file = burnisher::content::imaging::png_text::encode(&picture, &[("parameters", parameters)]).expect("a PNG");
    fs::write(&path, file).expect("written");
    path
}
