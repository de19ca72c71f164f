//! A library of a hundred files, as large as people's are: reading them whole would take hours.

use std::fmt::Write;
use std::fs::File;
use std::io::Write as _;

use super::{CancelToken, Places, Tree, list, sound};

/// As many tensors as Stable Diffusion 1.5 has in a single file.
const TENSORS: usize = 1131;

/// A header of that many tensors of 4 GB in all, and how long a file with it is.
fn header() -> (Vec<u8>, u64) {
    let mut text = String::from("{\"__metadata__\":{\"format\":\"pt\"}");
    let mut end = 0_u64;
    for number in 0..TENSORS {
        let (name, shape) = match number {
            0 => ("model.diffusion_model.input_blocks.0.0.weight".to_owned(), [320, 4]),
            1 => (format!("first_stage_model.{number}.weight"), [960, 960]),
            _ => {
                let block = number / 16;
                let name = format!(
                    "model.diffusion_model.output_blocks.{block}.1.transformer_blocks.{number}.attn2.to_k.weight"
                );
                (name, [1152, 768])
            }
        };
        // The shape's ones make it a convolution's.
        let bytes = shape[0] * shape[1] * 4;
        let shape = if number == 0 { "[320,4,1,1]".to_owned() } else { format!("{shape:?}") };
        let start = end;
        end += bytes;
        write!(text, ",\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[{start},{end}]}}")
            .expect("memory");
    }
    text.push('}');
    let mut header = (text.len() as u64).to_le_bytes().to_vec();
    header.extend(text.into_bytes());
    let length = header.len() as u64 + end;
    (header, length)
}

#[test]
fn of_large_files_only_the_headers_are_read() {
    let tree = Tree::new();
    let (header, length) = header();
    for number in 0..100 {
        tree.folder("models");
        let mut file = File::create(tree.path(&format!("models/{number}.safetensors"))).expect("a file");
        file.write_all(&header).expect("written");
        // What was never written takes no room on the disk.
        file.set_len(length).expect("long");
    }
    let places = Places::only(vec![tree.path("models")]);
    let items = sound(list(&places));
    assert!(
        items.len() == 100
            && items.iter().all(|item| item.family_text() == "Stable Diffusion 1" && item.bytes == length)
    );
    let cancelled = CancelToken::new();
    cancelled.cancel();
    assert!(
        burnisher::storage::library::list(&places, burnisher::families::ALL, &cancelled).expect("threads").0.is_empty()
    );
}
