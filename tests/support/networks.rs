//! Networks of the shapes of Stable Diffusion 1.5 and SDXL on a GPU, with weights that are made up.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Device, Distribution, Tensor, TensorData};
use burnisher::models::autoencoder_kl::AutoencoderKL;
use burnisher::models::residuals::Residuals;
use burnisher::models::unet_2d_condition::UNet2DConditionModel;
use burnisher::models::unet_blocks::Pace;
use serde_json::{Map, Value, json};

/// Tokens of a prompt.
const TOKENS: usize = 77;

/// Which model's shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Stable Diffusion 1.5.
    Sd15,
    /// SDXL's UNet without its second conditioning, which is a few small layers.
    Sdxl,
}

/// The shapes of a model, or a part of them: fewer channels and pixels, but as many layers, and heads as wide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// Which model.
    pub(crate) family: Family,
    /// The divisor of channels and heads: 1, 2 or 4 for Stable Diffusion 1.5, 1 or 5 for SDXL.
    pub(crate) narrower: usize,
    /// Latents on each side.
    pub(crate) side: usize,
}

impl Scale {
    /// One step's question to the UNet, with guidance: two samples at once.
    pub(crate) fn unet(&self, device: &Device, dtype: DType) -> impl Fn() -> Tensor<4> + use<> {
        let (config, context) = self.unet_config();
        let model = UNet2DConditionModel::new(&config, device).expect("a unet").map(&mut MadeUp { device, dtype });
        let (sample, text) = (zeros([2, 4, self.side, self.side]), zeros([2, TOKENS, context]));
        let place = (device.clone(), dtype);
        move || predict(&model, (uploaded(&sample, &place), uploaded(&text, &place)))
    }

    /// One decode, which is the same for both models.
    pub(crate) fn decoder(&self, device: &Device, dtype: DType) -> impl Fn() -> Tensor<4> + use<> {
        let model = AutoencoderKL::new(&self.vae_config(), device).expect("a vae").map(&mut MadeUp { device, dtype });
        let (latents, place) = (zeros([1, 4, self.side, self.side]), (device.clone(), dtype));
        move || model.decode(uploaded(&latents, &place)).expect("nobody cancels")
    }

    /// The same question to the same UNet on two devices.
    pub(crate) fn unet_on(&self, first: &Place, second: &Place) -> [Tensor<4>; 2] {
        let (config, context) = self.unet_config();
        let mut made_up = MadeUp { device: &first.0, dtype: first.1 };
        let model = UNet2DConditionModel::new(&config, &first.0).expect("a unet").map(&mut made_up);
        let inputs = (made_up.numbers([2, 4, self.side, self.side]), made_up.numbers([2, TOKENS, context]));
        let moved = (moved(inputs.0.clone(), second), moved(inputs.1.clone(), second));
        [predict(&model, inputs), predict(&model.clone().to_device(&second.0).map(&mut Cast(second.1)), moved)]
    }

    /// The same decode on two devices.
    pub(crate) fn decoder_on(&self, first: &Place, second: &Place) -> [Tensor<4>; 2] {
        let mut made_up = MadeUp { device: &first.0, dtype: first.1 };
        let model = AutoencoderKL::new(&self.vae_config(), &first.0).expect("a vae").map(&mut made_up);
        let latents = made_up.numbers([1, 4, self.side, self.side]);
        let second_model = model.clone().to_device(&second.0).map(&mut Cast(second.1));
        let decoded = [model.decode(latents.clone()), second_model.decode(moved(latents, second))];
        decoded.map(|decoded| decoded.expect("nobody cancels"))
    }

    /// The UNet's config, and the width of the text that it looks at.
    fn unet_config(&self) -> (Map<String, Value>, usize) {
        let n = self.narrower;
        match self.family {
            Family::Sd15 => {
                let config = json!({
                    "sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8 / n, "norm_num_groups": 32 / n.min(2),
                    "block_out_channels": [320 / n, 640 / n, 1280 / n, 1280 / n], "layers_per_block": 2,
                });
                (map(config), 768)
            }
            Family::Sdxl => {
                let config = json!({
                    "sample_size": 128, "cross_attention_dim": 2048, "attention_head_dim": [5 / n, 10 / n, 20 / n],
                    "block_out_channels": [320 / n, 640 / n, 1280 / n], "layers_per_block": 2, "use_linear_projection": true,
                    "transformer_layers_per_block": [1, 2, 10],
                    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
                    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
                });
                (map(config), 2048)
            }
        }
    }

    fn vae_config(&self) -> Map<String, Value> {
        let n = self.narrower;
        map(json!({
            "block_out_channels": [128 / n, 256 / n, 512 / n, 512 / n], "layers_per_block": 2, "sample_size": 512,
            "norm_num_groups": 32 / n,
            "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
            "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"],
        }))
    }
}

/// A device and a number format.
pub(crate) type Place = (Device, DType);

fn predict(model: &UNet2DConditionModel, (sample, context): (Tensor<4>, Tensor<3>)) -> Tensor<4> {
    let predicted = model.forward(sample, 500.0, &context, &Residuals::default(), Pace::AtOnce);
    predicted.expect("nobody cancels")
}

fn zeros<const D: usize>(shape: [usize; D]) -> TensorData {
    TensorData::zeros::<f32, _>(shape)
}

/// What is there only from now on, unlike weights, and takes no launch.
fn uploaded<const D: usize>(data: &TensorData, (device, dtype): &Place) -> Tensor<D> {
    Tensor::from_data(data.clone().convert_dtype(*dtype), (device, *dtype))
}

fn moved<const D: usize>(tensor: Tensor<D>, place: &Place) -> Tensor<D> {
    tensor.to_device(&place.0).cast(place.1)
}

fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

/// Fills parameters with numbers that keep activations finite.
pub(crate) struct MadeUp<'a> {
    pub(crate) device: &'a Device,
    pub(crate) dtype: DType,
}

impl MadeUp<'_> {
    /// Numbers of -1 to 1.
    #[expect(clippy::disallowed_methods, reason = "the numbers are counted, not compared")]
    pub(crate) fn numbers<const D: usize>(&self, shape: [usize; D]) -> Tensor<D> {
        Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), (self.device, self.dtype))
    }
}

impl ModuleMapper for MadeUp<'_> {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let mut shape = parameter.lazy_shape().dims::<D>();
        let inputs: usize = shape.iter().skip(1).product();
        // A convolution's weight lies on a GPU as the loader lays it there: the outputs side by side.
        let is_convolution = D == 4;
        if is_convolution {
            shape.rotate_left(1);
        }
        let numbers = self.numbers(shape) * (inputs as f64).powf(-0.5);
        let axes: [usize; D] = std::array::from_fn(|axis| (axis + D - 1) % D);
        Param::from_tensor(if is_convolution { numbers.permute(axes) } else { numbers })
    }
}

/// Puts parameters into a number format.
struct Cast(DType);

impl ModuleMapper for Cast {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        Param::from_tensor(parameter.val().cast(self.0))
    }
}
