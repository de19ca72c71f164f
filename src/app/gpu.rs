//! The GPU that draws the window: how large a window it takes, and what happens when it refuses something.

use std::sync::Arc;

use eframe::egui_wgpu::{WgpuConfiguration, WgpuSetup};
use eframe::wgpu;
use egui::{Context, Vec2, ViewportCommand};

use crate::app::panels::notices::Notices;
use crate::base::error::Error;
use crate::base::sync::Latest;

/// Asks for textures, and with them a window, as large as the GPU can have.
pub(super) fn configure(mut configuration: WgpuConfiguration) -> WgpuConfiguration {
    if let WgpuSetup::CreateNew(setup) = &mut configuration.wgpu_setup {
        let usual = Arc::clone(&setup.device_descriptor);
        setup.device_descriptor = Arc::new(move |adapter| {
            let mut device = usual(adapter);
            let side = &mut device.required_limits.max_texture_dimension_2d;
            *side = adapter.limits().max_texture_dimension_2d.max(*side);
            device
        });
    }
    configuration
}

/// What the GPU refused to do. Without somebody who listens, the program would end there.
#[derive(Default)]
pub(super) struct Refusals {
    last: Latest<String>,
    /// Whether the window is larger than the GPU draws it.
    is_large: bool,
}

impl Refusals {
    /// Listens to a device from now on.
    pub(super) fn of(device: &wgpu::Device) -> Self {
        let refusals = Self::default();
        let last = refusals.last.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| last.put(error.to_string())));
        refusals
    }

    /// Makes a window smaller that is larger than the GPU draws it, and tells of what the GPU refused otherwise.
    pub(super) fn tell(&mut self, ctx: &Context, notices: &mut Notices) {
        let scale = ctx.pixels_per_point();
        let most = ctx.input(|input| input.max_texture_side) as f32;
        let size = ctx.viewport_rect().size() * scale;
        if size.max_elem() > most {
            let fitting = size.min(Vec2::splat(most)) / scale;
            ctx.send_viewport_cmd(ViewportCommand::InnerSize(fitting));
            self.is_large = true;
            return;
        }
        let refusal = self.last.take();
        if std::mem::take(&mut self.is_large) {
            notices.info(format!("The window was made smaller: the GPU draws at most {most} pixels a side"));
        } else if let Some(refusal) = refusal {
            let error = Error::new("the GPU refused to draw a part of the window").caused_by(Error::new(refusal));
            notices.error(error.advise("What is being drawn goes on, and the queue is kept"));
        }
    }
}
