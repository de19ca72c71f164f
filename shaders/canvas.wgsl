// The canvas: a picture over a checkerboard, and a mask as a tint over both.
//
// Colours are numbers as they stand in files (gamma space), as egui draws and blends them: an opaque picture shown pixel by pixel
// leaves its own bytes on the screen. The picture's are multiplied with its alpha. A target that converts to sRGB by itself gets
// linear ones, by the entry points whose names say so.

struct Look {
    // Upper left corner on the screen in its pixels, and 1 by the size there.
    picture: vec4<f32>,
    mask: vec4<f32>,
    // Red, green, blue and how much of the picture it hides.
    tint: vec4<f32>,
    // The two colours of the checkerboard.
    light: vec4<f32>,
    dark: vec4<f32>,
}

@group(0) @binding(0) var<uniform> look: Look;
@group(0) @binding(1) var picture: texture_2d<f32>;
@group(0) @binding(2) var picture_sampler: sampler;
@group(0) @binding(3) var mask: texture_2d<f32>;
@group(0) @binding(4) var mask_sampler: sampler;

// A triangle that covers the viewport.
@vertex
fn vs_main(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4<f32>(corner * 2.0 - 1.0, 0.0, 1.0);
}

// Squares of eight pixels of the screen, seen where the picture is transparent.
fn checkerboard(at: vec2<f32>) -> vec3<f32> {
    let square = vec2<u32>(at) >> vec2<u32>(3u);
    return select(look.light.rgb, look.dark.rgb, ((square.x ^ square.y) & 1u) == 1u);
}

// Whether a place in a texture is one.
fn is_inside(uv: vec2<f32>) -> f32 {
    return f32(all(uv >= vec2<f32>(0.0)) && all(uv < vec2<f32>(1.0)));
}

fn picture_alone(at: vec2<f32>) -> vec3<f32> {
    let uv = (at - look.picture.xy) * look.picture.zw;
    let color = textureSampleLevel(picture, picture_sampler, uv, 0.0);
    return color.rgb + checkerboard(at) * (1.0 - color.a);
}

// The picture has margins here, and stripes tell the tint from a picture of that colour.
fn picture_with_mask(at: vec2<f32>) -> vec3<f32> {
    let uv = (at - look.picture.xy) * look.picture.zw;
    let color = textureSampleLevel(picture, picture_sampler, uv, 0.0) * is_inside(uv);
    let below = color.rgb + checkerboard(at) * (1.0 - color.a);
    let mask_uv = (at - look.mask.xy) * look.mask.zw;
    let masked = textureSampleLevel(mask, mask_sampler, mask_uv, 0.0).r * is_inside(mask_uv);
    let stripe = select(1.0, 0.8, fract((at.x + at.y) * 0.0625) < 0.5);
    return mix(below, look.tint.rgb, masked * look.tint.a * stripe);
}

fn linear_from_gamma(color: vec3<f32>) -> vec3<f32> {
    let low = color / 12.92;
    let high = pow((color + 0.055) / 1.055, vec3<f32>(2.4));
    return select(high, low, color < vec3<f32>(0.04045));
}

@fragment
fn fs_picture(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    return vec4<f32>(picture_alone(at.xy), 1.0);
}

@fragment
fn fs_masked(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    return vec4<f32>(picture_with_mask(at.xy), 1.0);
}

@fragment
fn fs_picture_linear(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    return vec4<f32>(linear_from_gamma(picture_alone(at.xy)), 1.0);
}

@fragment
fn fs_masked_linear(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {
    return vec4<f32>(linear_from_gamma(picture_with_mask(at.xy)), 1.0);
}
