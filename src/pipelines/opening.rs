//! Opening a model: configs and headers first, then the weights of what stays loaded, with how far it has come.

use std::sync::Arc;

use super::memory::{Room, Wish};
use super::resident::Resident;
use crate::base::device::ComputeDevice;
use crate::base::stop::Outcome;
use crate::families::{self, AnySlot, ModelFiles};

/// The progress of opening a model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Loading<'a> {
    /// The component whose files are being read.
    pub component: &'a str,
    /// Which of the components it is, counted from 1; 0 while headers are read.
    pub number: usize,
    /// How many components are read.
    pub of: usize,
    /// How much of the weights of all components has been read, 0 to 1.
    pub fraction: f32,
    /// Told once, before the first weight is read: what there has to be room for.
    pub room: Option<Room>,
}

/// Is told how far the opening of a model has come; an error ends it.
pub type OnLoading<'a> = dyn FnMut(Loading<'_>) -> Outcome<()> + 'a;

/// Opens a model, and loads what every run needs as far as it fits.
///
/// # Errors
/// An option that isn't built here, weights that don't fit their config, components that don't fit each other; what `on_loading`
/// says.
pub(super) fn open(files: Arc<ModelFiles>, on_loading: &mut OnLoading<'_>) -> Outcome<Resident> {
    let ComputeDevice { memory, .. } = files.compute;
    let mut on_headers = |id: families::ComponentId| on_loading(Loading { component: id.name(), ..Loading::default() });
    let model = families::open_model(files, &mut on_headers)?;
    let footprint = model.footprint();
    let usual = Wish::usual(&footprint);
    let room = Room { needed: footprint.plan(&usual, None).peak_bytes, memory };
    on_loading(Loading { room: Some(room), ..Loading::default() })?;
    // Only now, since room may have been made.
    let plan = footprint.plan(&usual, footprint.budget(0));
    let wanted = footprint.stages.usual().filter(|id| plan.kept.contains(id));
    let slots: Vec<&dyn AnySlot> = wanted.filter_map(|id| model.components().get(id)).collect();
    load(&slots, on_loading)?;
    Ok(Resident::new(model, footprint, plan))
}

/// Loads components, one after the other.
fn load(slots: &[&dyn AnySlot], on_loading: &mut OnLoading<'_>) -> Outcome<()> {
    let total: u64 = slots.iter().map(|slot| slot.comparison().stored_bytes).sum();
    let mut read = 0;
    for (i, slot) in slots.iter().enumerate() {
        let mut tell = |read: u64| {
            let fraction = if total == 0 { 1.0 } else { read as f32 / total as f32 };
            let (component, number, of) = (slot.id().name(), i + 1, slots.len());
            on_loading(Loading { component, number, of, fraction, room: None })
        };
        // Headers take time where a disk is slow.
        tell(read)?;
        slot.load(&mut |bytes| {
            read += bytes;
            tell(read)
        })?;
    }
    Ok(())
}
