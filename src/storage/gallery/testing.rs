//! Pictures for the tests of the gallery and of its window.

use image::RgbImage;
use serde_json::json;

use crate::content::imaging::png_text;
use crate::content::request::Recipe;

/// A recipe for a prompt; the rest is as good as any.
pub(crate) fn recipe(prompt: &str) -> Recipe {
    let request = json!({
        "task": { "name": "text-to-image" }, "prompt": prompt, "negative_prompt": "blurry", "scheduler": "euler-a",
        "steps": 20, "guidance_scale": 4.0, "guidance_rescale": 0.0, "seed": 42, "width": 64, "height": 64, "count": 1,
    });
    serde_json::from_value(json!({ "request": request, "model": "bundled", "app_version": "1.2.3" })).expect("a recipe")
}

/// A PNG of one colour, with a recipe.
pub(crate) fn png_file(width: u32, height: u32, recipe: Option<&Recipe>) -> Vec<u8> {
    let json = recipe.map(|recipe| serde_json::to_string(recipe).expect("a recipe is JSON"));
    let texts: Vec<_> = json.iter().map(|json| (png_text::BURNISHER, &**json)).collect();
    let picture = RgbImage::from_pixel(width, height, image::Rgb([200, 10, 30]));
    png_text::encode(&picture, &texts).expect("a PNG")
}

/// A PNG by another app: of a castle.
pub(crate) fn foreign_file() -> Vec<u8> {
    let text = "a castle\nNegative prompt: fog\n\
        Steps: 20, Sampler: DDIM, CFG scale: 7, Seed: 1, Size: 8x8, Model: v1-5";
    png_text::encode(&RgbImage::new(8, 8), &[(png_text::PARAMETERS, text)]).expect("a PNG")
}
