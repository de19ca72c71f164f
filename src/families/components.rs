//! The components of an opened model that have weights, by their names.

use std::sync::Arc;

use super::component::ComponentId;
use super::slot::{AnySlot, ModelFiles};
use crate::base::device::ComputeDevice;
use crate::storage::checkpoint::Checkpoint;

/// The components of a model, the most expensive to load again first.
pub struct Components {
    files: Arc<ModelFiles>,
    slots: Vec<Arc<dyn AnySlot>>,
}

impl Components {
    /// Gathers the slots of a model, the most expensive to load again first.
    pub fn new(files: Arc<ModelFiles>, slots: Vec<Arc<dyn AnySlot>>) -> Self {
        Self { files, slots }
    }

    /// The model's files.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.files.checkpoint
    }

    /// The device that they are loaded on.
    pub fn compute(&self) -> &ComputeDevice {
        &self.files.compute
    }

    /// All slots, the most expensive to load again first.
    pub fn all(&self) -> &[Arc<dyn AnySlot>] {
        &self.slots
    }

    /// The slot of a component, if the model has it.
    pub fn get(&self, id: ComponentId) -> Option<&dyn AnySlot> {
        self.slots.iter().find(|slot| slot.id() == id).map(|slot| &**slot)
    }

    /// The names of the components that are loaded.
    pub fn loaded(&self) -> Vec<ComponentId> {
        self.slots.iter().filter(|slot| slot.is_loaded()).map(|slot| slot.id()).collect()
    }

    /// Bytes of the components that are loaded.
    pub fn loaded_bytes(&self) -> u64 {
        self.slots.iter().filter(|slot| slot.is_loaded()).map(|slot| slot.bytes()).sum()
    }

    /// The number of each component's parameters.
    pub fn parameters(&self) -> Vec<(ComponentId, u64)> {
        self.slots.iter().map(|slot| (slot.id(), slot.comparison().parameters)).collect()
    }

    /// Frees a component.
    pub fn free(&self, id: ComponentId) {
        if let Some(slot) = self.get(id).filter(|slot| slot.is_loaded()) {
            slot.free();
            // The device keeps what is freed for the next tensors.
            self.files.compute.device.memory_cleanup();
        }
    }

    /// Notes on the files: components that aren't there, and tensors that nothing reads.
    pub fn notes(&self) -> Vec<String> {
        let note = |slot: &Arc<dyn AnySlot>| Some(format!("{}: {}", slot.id(), slot.comparison().mismatch.note()?));
        self.checkpoint().notes().into_iter().chain(self.slots.iter().filter_map(note)).collect()
    }
}
