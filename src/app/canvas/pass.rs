//! The canvas's own drawing on the GPU, by `shaders/canvas.wgsl`: a picture, and a mask over it.
//!
//! Of a mask only the rectangle that was touched since the last frame is handed over, and a picture once. A frame that changes
//! neither hands over nothing.

use std::mem::size_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use eframe::egui_wgpu::{Callback, CallbackResources, CallbackTrait, ScreenDescriptor};
use eframe::wgpu;
use egui::{Color32, ColorImage, PaintCallbackInfo, Rect, Shape};

use crate::app::painter::mask::{Area, Bitmap, MaskPatch};
use crate::app::theme;

const SHADER: &str = include_str!("../../../shaders/canvas.wgsl");

/// A picture's pixels, told from others by their number.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    pixels: Arc<ColorImage>,
    id: u64,
}

impl Sheet {
    pub(crate) fn new(pixels: Arc<ColorImage>) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self { pixels, id: LAST.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

/// What is to be drawn. Rectangles are in points.
pub(crate) struct Scene<'a> {
    pub sheet: &'a Sheet,
    /// Where the picture is.
    pub picture: Rect,
    /// Where the picture with its margins is.
    pub frame: Rect,
    /// Whether pixels are squares instead of being smoothed.
    pub is_sharp: bool,
    pub overlay: Option<Overlay<'a>>,
}

/// A mask over the picture.
pub(crate) struct Overlay<'a> {
    pub layer: &'a mut Bitmap,
    /// Where it is, in points.
    pub rect: Rect,
    pub is_sharp: bool,
    pub tint: Color32,
    /// How much of the picture it hides, 0 to 1.
    pub opacity: f32,
}

/// Which revision of which mask the GPU shows; 0 for none.
#[derive(Clone, Debug, Default)]
pub(super) struct ShownMask(Arc<AtomicU64>);

impl ShownMask {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, revision: u64) {
        self.0.store(revision, Ordering::Relaxed);
    }
}

impl Scene<'_> {
    /// What draws it in `room`; `None` if nothing of it is seen.
    pub(super) fn shape(
        self,
        ui: &egui::Ui,
        room: Rect,
        target: wgpu::TextureFormat,
        shown_mask: &ShownMask,
    ) -> Option<Shape> {
        let seen = self.frame.intersect(room);
        let pixel = ui.pixels_per_point();
        let place = |rect: Rect| {
            let (min, size) = (rect.min.to_vec2() * pixel, rect.size() * pixel);
            [min.x, min.y, 1.0 / size.x, 1.0 / size.y]
        };
        let rgba = |color: Color32, alpha: f32| {
            let [r, g, b] = [color.r(), color.g(), color.b()].map(|channel| f32::from(channel) / 255.0);
            [r, g, b, alpha]
        };
        let palette = theme::palette(ui);
        let overlay = self.overlay.as_ref();
        let look = SceneLook {
            picture: place(self.picture),
            mask: overlay.map_or([0.0; 4], |overlay| place(overlay.rect)),
            tint: overlay.map_or([0.0; 4], |overlay| rgba(overlay.tint, overlay.opacity)),
            light: rgba(palette.checker[0], 1.0),
            dark: rgba(palette.checker[1], 1.0),
        };
        if !seen.is_positive() {
            return None;
        }
        let mask = self.overlay.map(|overlay| MaskUpload {
            patch: overlay.layer.patch_since(shown_mask.get()),
            is_sharp: overlay.is_sharp,
            shown: shown_mask.clone(),
        });
        let drawing = Drawing { sheet: self.sheet.clone(), is_sharp: self.is_sharp, mask, look, target };
        Some(Callback::new_paint_callback(seen, drawing).into())
    }
}

/// The shader's `Look`.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
struct SceneLook {
    picture: [f32; 4],
    mask: [f32; 4],
    tint: [f32; 4],
    light: [f32; 4],
    dark: [f32; 4],
}

/// A frame's drawing.
struct Drawing {
    sheet: Sheet,
    is_sharp: bool,
    mask: Option<MaskUpload>,
    look: SceneLook,
    target: wgpu::TextureFormat,
}

/// What the GPU has to take in of a mask.
struct MaskUpload {
    patch: MaskPatch,
    is_sharp: bool,
    /// Where to note what the GPU shows then.
    shown: ShownMask,
}

impl CallbackTrait for Drawing {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if resources.get::<Pass>().is_none_or(|pass| pass.target != self.target) {
            resources.insert(Pass::new(device, self.target));
        }
        if let Some(pass) = resources.get_mut::<Pass>() {
            pass.take(device, queue, self);
        }
        Vec::new()
    }

    fn paint(&self, _: PaintCallbackInfo, render: &mut wgpu::RenderPass<'static>, resources: &CallbackResources) {
        let Some(pass) = resources.get::<Pass>() else { return };
        let Some((_, group)) = &pass.group else { return };
        render.set_pipeline(&pass.pipelines[usize::from(self.mask.is_some())]);
        render.set_bind_group(0, group, &[]);
        render.draw(0..3, 0..1);
    }
}

/// What stays on the GPU from frame to frame.
struct Pass {
    target: wgpu::TextureFormat,
    /// Without a mask, and with one.
    pipelines: [wgpu::RenderPipeline; 2],
    layout: wgpu::BindGroupLayout,
    /// Smoothing, and not.
    samplers: [wgpu::Sampler; 2],
    buffer: wgpu::Buffer,
    look: Option<SceneLook>,
    picture: SceneTexture,
    mask: SceneTexture,
    /// The bind group, and which textures and samplers are in it.
    group: Option<([u64; 2], wgpu::BindGroup)>,
}

/// A texture, and which state of what it shows.
struct SceneTexture {
    texture: wgpu::Texture,
    /// The picture's number, or the mask's revision.
    shown: u64,
    /// How many textures came before it.
    number: u64,
}

impl SceneTexture {
    fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        Self { texture: texture(device, format, 1, 1), shown: 0, number: 0 }
    }

    /// Makes it this large. Whether it wasn't.
    fn resize(&mut self, device: &wgpu::Device, width: usize, height: usize) -> bool {
        let (width, height) = (width as u32, height as u32);
        let fits = self.texture.width() == width && self.texture.height() == height;
        if !fits {
            self.texture = texture(device, self.texture.format(), width, height);
            self.number += 1;
        }
        !fits
    }
}

fn texture(device: &wgpu::Device, format: wgpu::TextureFormat, width: u32, height: u32) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some("canvas"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    })
}

/// Hands an area of a texture over. `bytes` begins with its first pixel; its rows lie `stride` bytes apart.
fn upload(queue: &wgpu::Queue, texture: &wgpu::Texture, area: Area, bytes: &[u8], stride: usize) {
    let origin = wgpu::Origin3d { x: area.left as u32, y: area.top as u32, z: 0 };
    let to = wgpu::TexelCopyTextureInfo { texture, mip_level: 0, origin, aspect: wgpu::TextureAspect::All };
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(stride as u32), rows_per_image: None };
    let size = wgpu::Extent3d { width: area.width() as u32, height: area.height() as u32, depth_or_array_layers: 1 };
    queue.write_texture(to, bytes, layout, size);
}

impl Pass {
    fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("canvas"),
            source: wgpu::ShaderSource::Wgsl(SHADER.into()),
        });
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("canvas"),
            entries: &layout_entries(),
        });
        let names =
            if target.is_srgb() { ["fs_picture_linear", "fs_masked_linear"] } else { ["fs_picture", "fs_masked"] };
        let sampler = |filter| {
            device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("canvas"),
                mag_filter: filter,
                min_filter: filter,
                ..Default::default()
            })
        };
        Self {
            target,
            pipelines: names.map(|name| pipeline(device, &module, &layout, name, target)),
            layout,
            samplers: [wgpu::FilterMode::Linear, wgpu::FilterMode::Nearest].map(sampler),
            buffer: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("canvas"),
                size: size_of::<SceneLook>() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
            look: None,
            picture: SceneTexture::new(device, wgpu::TextureFormat::Rgba8Unorm),
            mask: SceneTexture::new(device, wgpu::TextureFormat::R8Unorm),
            group: None,
        }
    }

    /// Takes in what changed.
    fn take(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, drawing: &Drawing) {
        if self.look != Some(drawing.look) {
            self.look = Some(drawing.look);
            queue.write_buffer(&self.buffer, 0, bytemuck::bytes_of(&drawing.look));
        }
        let [width, height] = drawing.sheet.pixels.size;
        if self.picture.shown != drawing.sheet.id && width * height > 0 {
            self.picture.resize(device, width, height);
            self.picture.shown = drawing.sheet.id;
            let bytes = bytemuck::cast_slice(&drawing.sheet.pixels.pixels);
            upload(queue, &self.picture.texture, Area::whole(width, height), bytes, 4 * width);
        }
        let mut is_sharp = [drawing.is_sharp, false];
        if let Some(mask) = &drawing.mask {
            is_sharp[1] = mask.is_sharp;
            self.take_mask(device, queue, mask);
        }
        let numbers = [&self.picture, &self.mask].map(|kept| kept.number);
        let key = [0, 1].map(|at| 2 * numbers[at] + u64::from(is_sharp[at]));
        if self.group.as_ref().is_none_or(|(made_of, _)| *made_of != key) {
            self.group = Some((key, self.bind(device, is_sharp)));
        }
    }

    fn take_mask(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, mask: &MaskUpload) {
        let MaskPatch { size: (width, height), area, pixels, revision } = &mask.patch;
        if width * height == 0 {
            return;
        }
        let is_new = self.mask.resize(device, *width, *height);
        if is_new && *area != Area::whole(*width, *height) {
            // A part of what isn't here: the next frame hands all of it over.
            return mask.shown.set(0);
        }
        if !area.is_empty() {
            upload(queue, &self.mask.texture, *area, pixels, area.width());
        }
        self.mask.shown = *revision;
        mask.shown.set(*revision);
    }

    fn bind(&self, device: &wgpu::Device, is_sharp: [bool; 2]) -> wgpu::BindGroup {
        let view = |kept: &SceneTexture| kept.texture.create_view(&wgpu::TextureViewDescriptor::default());
        let views = [view(&self.picture), view(&self.mask)];
        let sampler = |at: usize| wgpu::BindingResource::Sampler(&self.samplers[usize::from(is_sharp[at])]);
        let resources = [
            self.buffer.as_entire_binding(),
            wgpu::BindingResource::TextureView(&views[0]),
            sampler(0),
            wgpu::BindingResource::TextureView(&views[1]),
            sampler(1),
        ];
        let entries: Vec<_> =
            (0..).zip(resources).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
        let (label, layout) = (Some("canvas"), &self.layout);
        device.create_bind_group(&wgpu::BindGroupDescriptor { label, layout, entries: &entries })
    }
}

fn layout_entries() -> [wgpu::BindGroupLayoutEntry; 5] {
    let uniform = wgpu::BindingType::Buffer {
        ty: wgpu::BufferBindingType::Uniform,
        has_dynamic_offset: false,
        min_binding_size: std::num::NonZeroU64::new(size_of::<SceneLook>() as u64),
    };
    let texture = wgpu::BindingType::Texture {
        sample_type: wgpu::TextureSampleType::Float { filterable: true },
        view_dimension: wgpu::TextureViewDimension::D2,
        multisampled: false,
    };
    let sampler = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
    let entry = |binding, ty| {
        let visibility = wgpu::ShaderStages::FRAGMENT;
        wgpu::BindGroupLayoutEntry { binding, visibility, ty, count: None }
    };
    [entry(0, uniform), entry(1, texture), entry(2, sampler), entry(3, texture), entry(4, sampler)]
}

/// A pipeline that replaces what is there.
fn pipeline(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    layout: &wgpu::BindGroupLayout,
    name: &str,
    target: wgpu::TextureFormat,
) -> wgpu::RenderPipeline {
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("canvas"),
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(name),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module,
            entry_point: Some("vs_main"),
            buffers: &[],
            compilation_options: wgpu::PipelineCompilationOptions::default(),
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: Some(name),
            targets: &[Some(target.into())],
            compilation_options: wgpu::PipelineCompilationOptions::default(),
        }),
        multiview_mask: None,
        cache: None,
    })
}

#[cfg(test)]
mod tests {
    use eframe::wgpu::naga;

    use super::*;

    /// Checks the shader as every backend does, and translates it for Direct3D 12. What Metal gets is written by the same
    /// compiler, from what is checked here; its writer is only there on a Mac.
    #[test]
    fn the_shader_is_valid_and_translates_for_direct3d() {
        let module = naga::front::wgsl::parse_str(SHADER).expect("it is WGSL");
        let mut validator =
            naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty());
        let info = validator.validate(&module).expect("it is valid without any extra capability");
        let options = naga::back::hlsl::Options::default();
        let pipeline_options = naga::back::hlsl::PipelineOptions::default();
        let mut text = String::new();
        let mut writer = naga::back::hlsl::Writer::new(&mut text, &options, &pipeline_options);
        let written = writer.write(&module, &info, None).expect("it translates");
        let names: Vec<String> =
            written.entry_point_names.into_iter().collect::<Result<_, _>>().expect("every one does");
        assert_eq!(names.len(), 5, "{names:?}");
        assert!(text.contains("SampleLevel"));
    }

    #[test]
    fn the_look_is_laid_out_as_the_shader_reads_it() {
        let module = naga::front::wgsl::parse_str(SHADER).expect("it is WGSL");
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).expect("it has a layout");
        let (handle, _) = module.types.iter().find(|(_, ty)| ty.name.as_deref() == Some("Look")).expect("it is there");
        assert_eq!(layouter[handle].size as usize, size_of::<SceneLook>());
    }
}
