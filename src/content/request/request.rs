//! One generation, and the run that it may go on from.

use serde::{Deserialize, Serialize};

use super::groups::{Finish, Guidance, Prompts, Sampling, Seeds, Size};
use super::image_ref::ImageRef;
use super::task::Task;

/// One generation, complete: the same request gives the same pictures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// What the pictures start from.
    pub start: Start,
    /// The words that they follow.
    pub prompts: Prompts,
    /// How noise becomes a picture.
    pub sampling: Sampling,
    /// How strongly the prompts are followed.
    pub guidance: Guidance,
    /// How many pictures, and the noise of each.
    pub seeds: Seeds,
    /// The size of the pictures.
    pub size: Size,
    /// What is done to a finished picture.
    pub finish: Finish,
}

/// What pictures start from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Start {
    /// What kind of generation it is, with what only that kind needs.
    pub task: Task,
    /// The run that it goes on from, if it doesn't begin with noise or a picture of its own.
    pub branch: Option<Box<Branch>>,
}

impl From<Task> for Start {
    fn from(task: Task) -> Self {
        Self { task, branch: None }
    }
}

/// The steps of another run, in place of the first ones of a request: after them it goes on as it asks for itself, from the same
/// level of noise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Branch {
    /// The other run, of one picture.
    pub from: Request,
    /// Steps of it, counted as it tells them: 1 or more.
    pub step: usize,
}

impl Request {
    /// Returns the seed of picture `k`, counted from 0.
    pub fn seed_of(&self, k: usize) -> u64 {
        self.seeds.of(k)
    }

    /// Returns the request that draws picture `k` alone.
    #[must_use]
    pub fn picture(&self, k: usize) -> Self {
        Self { seeds: Seeds::one(self.seed_of(k)), ..self.clone() }
    }

    /// Returns all pictures that it names, and those of the runs that it goes on from.
    pub fn images_mut(&mut self) -> Vec<&mut ImageRef> {
        let mut images = self.start.task.images_mut();
        if let Some(branch) = &mut self.start.branch {
            images.extend(branch.from.images_mut());
        }
        images
    }

    /// Forgets where the pictures lie that it begins with: they are named by their content alone from now on.
    pub fn forget_places(&mut self) {
        self.images_mut().into_iter().for_each(|image| image.hint = None);
    }

    /// Changes a request where it is made.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}
