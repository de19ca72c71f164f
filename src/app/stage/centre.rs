//! What the centre of the window shows, what it could show, and how it goes from one to the other.

use crate::app::canvas::Canvas;
use crate::app::stage::compare::Compared;
use crate::app::stage::lab::Lab;
use crate::app::stage::look_back::Steps;

/// What the centre shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A picture of the gallery.
    Picture,
    /// What is being drawn, as it comes, and then what has become of it.
    #[default]
    Running,
    /// A step of the last picture, with a bar to choose another.
    LookBack,
    /// Two pictures, compared.
    Compare,
    /// Ways to draw a picture, side by side.
    Lab,
    /// The mask of the form's picture.
    Painting,
}

/// Facts from elsewhere that the stage depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Surroundings {
    /// Whether the form is about a mask.
    pub paints: bool,
    /// Whether something is being drawn.
    pub is_running: bool,
}

/// The centre of the window.
#[derive(Default)]
pub(crate) struct Centre {
    /// What was turned to last: anything but a comparison and the lab, which lie above it for as long as they are open.
    turned_to: Stage,
    /// Whether the mask makes way for the next picture that is drawn.
    mask_makes_way: bool,
    pub canvas: Canvas,
    /// The steps of the last picture, while the worker keeps them.
    pub steps: Option<Steps>,
    /// Ways to draw a picture, from their start until the user closes them.
    pub lab: Option<Lab>,
    /// Two pictures that are compared, until the user closes them.
    pub compared: Option<Compared>,
}

impl Centre {
    /// What is shown.
    pub(crate) fn stage(&self, around: Surroundings) -> Stage {
        if self.compared.is_some() {
            return Stage::Compare;
        }
        if self.lab.is_some() {
            return Stage::Lab;
        }
        match self.turned_to {
            Stage::Painting if around.paints => Stage::Painting,
            Stage::LookBack if self.steps.is_some() && !around.is_running => Stage::LookBack,
            Stage::Picture => Stage::Picture,
            _ => Stage::Running,
        }
    }

    /// Whether the canvas follows what is drawn: so until the user turns to something else.
    pub(crate) fn follows(&self, around: Surroundings) -> bool {
        match self.turned_to {
            Stage::Picture => false,
            Stage::Painting => self.mask_makes_way || !around.paints,
            _ => true,
        }
    }

    /// Whether a step of the last picture is looked at, or will be once nothing is drawn any more.
    pub(crate) fn looks_back(&self) -> bool {
        self.turned_to == Stage::LookBack
    }

    /// Follows what is drawn from now on. A mask stays in sight until there is something to see.
    pub(crate) fn follow(&mut self) {
        match self.turned_to {
            Stage::Painting => self.mask_makes_way = true,
            // While something is drawn it is seen, and then the steps of that.
            Stage::LookBack => {}
            _ => self.turned_to = Stage::Running,
        }
    }

    /// Shows what is being drawn.
    pub(crate) fn watch(&mut self) {
        (self.turned_to, self.compared) = (Stage::Running, None);
    }

    /// Something that is drawn comes into sight.
    pub(crate) fn make_way(&mut self) {
        if self.turned_to == Stage::Painting {
            self.turned_to = Stage::Running;
        }
    }

    /// Turns to a picture of the gallery.
    pub(crate) fn turn_to_picture(&mut self) {
        (self.turned_to, self.compared) = (Stage::Picture, None);
    }

    /// Turns to the mask.
    pub(crate) fn turn_to_mask(&mut self) {
        (self.turned_to, self.mask_makes_way) = (Stage::Painting, false);
    }

    /// Turns from the mask to what was drawn, or back.
    pub(crate) fn switch_mask(&mut self) {
        if self.turned_to == Stage::Painting {
            self.turned_to = Stage::Running;
        } else {
            self.turn_to_mask();
        }
    }

    /// Shows the steps of the last picture, or what was drawn.
    pub(crate) fn switch_look_back(&mut self) {
        if self.steps.is_none() {
            return;
        }
        self.turned_to = if self.turned_to == Stage::LookBack { Stage::Running } else { Stage::LookBack };
    }

    /// Closes what Escape closes here. Whether there was anything.
    pub(crate) fn close(&mut self) -> bool {
        self.compared.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const REST: Surroundings = Surroundings { paints: false, is_running: false };
    const PAINTS: Surroundings = Surroundings { paints: true, is_running: false };

    #[test]
    fn a_picture_that_is_looked_at_stays_until_something_is_asked_for() {
        let mut centre = Centre::default();
        assert_eq!((centre.stage(REST), centre.follows(REST)), (Stage::Running, true));
        centre.turn_to_picture();
        assert_eq!((centre.stage(REST), centre.follows(REST)), (Stage::Picture, false));
        centre.follow();
        assert_eq!((centre.stage(REST), centre.follows(REST)), (Stage::Running, true));
    }

    #[test]
    fn a_mask_stays_in_sight_until_there_is_something_to_see_and_then_until_it_is_turned_to() {
        let mut centre = Centre::default();
        centre.turn_to_mask();
        assert_eq!((centre.stage(PAINTS), centre.follows(PAINTS)), (Stage::Painting, false));
        centre.follow();
        assert_eq!((centre.stage(PAINTS), centre.follows(PAINTS)), (Stage::Painting, true));
        centre.make_way();
        assert_eq!(centre.stage(PAINTS), Stage::Running);
        centre.switch_mask();
        assert_eq!(
            (centre.stage(PAINTS), centre.follows(PAINTS)),
            (Stage::Painting, false),
            "the user wants to see it"
        );
        assert_eq!((centre.stage(REST), centre.follows(REST)), (Stage::Running, true), "another task has no mask");
    }

    #[test]
    fn a_comparison_lies_above_all_and_gives_back_what_was_there() {
        let mut centre = Centre::default();
        centre.turn_to_mask();
        centre.compared = Some(Compared::new([PathBuf::from("a"), PathBuf::from("b")]));
        assert_eq!(centre.stage(PAINTS), Stage::Compare);
        assert!(centre.close());
        assert_eq!(centre.stage(PAINTS), Stage::Painting);
        assert!(!centre.close());
    }
}
