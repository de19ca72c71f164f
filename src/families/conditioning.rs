//! What a denoiser is told of the prompt.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

/// The words of a picture.
#[derive(Clone, Copy, Debug)]
pub struct PromptPair<'a> {
    /// What it is to show.
    pub positive: &'a str,
    /// What it is not to show; `None` without guidance, where nothing asks for it.
    pub negative: Option<&'a str>,
}

/// Prompts as a denoiser reads them. The first axis of each tensor counts prompts: under guidance the negative one comes first.
#[derive(Clone, Debug, Default)]
pub struct Conditioning {
    /// An embedding a token, `[prompts, tokens, width]`; `None` for a model that reads no text.
    pub text: Option<Tensor<3>>,
    /// An embedding a prompt, `[prompts, width]`.
    pub pooled: Option<Tensor<2>>,
    /// More that a family's denoiser reads, by name: sizes, a mask of the tokens.
    pub extra: BTreeMap<&'static str, Tensor<2>>,
}

impl Conditioning {
    /// The conditioning of a batch of `count` pictures: each prompt `count` times in a row.
    #[must_use]
    pub fn for_batch(&self, count: usize) -> Self {
        self.map(|text| repeated(&text, count), |row| repeated(&row, count))
    }

    /// The last of its prompts alone: the positive one.
    #[must_use]
    pub fn positive(&self) -> Self {
        self.map(last, last)
    }

    fn map(&self, text: impl Fn(Tensor<3>) -> Tensor<3>, row: impl Fn(Tensor<2>) -> Tensor<2>) -> Self {
        Self {
            text: self.text.clone().map(text),
            pooled: self.pooled.clone().map(&row),
            extra: self.extra.iter().map(|(name, tensor)| (*name, row(tensor.clone()))).collect(),
        }
    }
}

fn repeated<const D: usize>(tensor: &Tensor<D>, count: usize) -> Tensor<D> {
    let mut shape = tensor.dims();
    shape[0] = count;
    let each = |i| tensor.clone().narrow(0, i, 1).expand(shape);
    Tensor::cat((0..tensor.dims()[0]).map(each).collect(), 0)
}

fn last<const D: usize>(tensor: Tensor<D>) -> Tensor<D> {
    let prompts = tensor.dims()[0];
    tensor.narrow(0, prompts - 1, 1)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, TensorData};

    use super::*;

    #[test]
    fn every_part_of_a_conditioning_is_repeated_prompt_by_prompt() {
        let tensor =
            |values: [f32; 2]| Tensor::<2>::from_data(TensorData::new(values.to_vec(), [2, 1]), &Device::flex());
        let conditioning = Conditioning {
            text: Some(tensor([1.0, 2.0]).reshape([2, 1, 1])),
            pooled: Some(tensor([3.0, 4.0])),
            extra: [("time_ids", tensor([5.0, 6.0]))].into(),
        };
        let numbers = |conditioning: &Conditioning| {
            let text = conditioning.text.clone().map(|text| text.reshape([-1, 1]));
            let all = [text, conditioning.pooled.clone(), conditioning.extra.get("time_ids").cloned()];
            all.map(|tensor| tensor.expect("it is there").into_data().try_into_vec::<f32>().expect("f32"))
        };
        let batch = conditioning.for_batch(2);
        assert_eq!(numbers(&batch), [[1.0, 1.0, 2.0, 2.0], [3.0, 3.0, 4.0, 4.0], [5.0, 5.0, 6.0, 6.0]]);
        assert_eq!(numbers(&conditioning.positive()), [[2.0], [4.0], [6.0]]);
    }
}
