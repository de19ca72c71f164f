//! The generator against torch's own draws: `tests/golden/rng/generate.py`.

use burnisher::base::rng::{Generators, TorchRng};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    streams: Vec<Stream>,
    randn_tensor: Vec<RandnTensor>,
}

#[derive(Debug, Deserialize)]
struct Stream {
    seed: u64,
    dtype: String,
    draws: Vec<Draw>,
}

#[derive(Debug, Deserialize)]
struct Draw {
    n: usize,
    first: Vec<String>,
    last: Vec<String>,
    fnv1a: String,
}

#[derive(Debug, Deserialize)]
struct RandnTensor {
    seeds: Vec<u64>,
    shape: [usize; 4],
    fnv1a: [String; 2],
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../golden/rng/rng.json")).expect("the golden file is as generate.py writes it")
}

/// 64-bit FNV-1a.
fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> String {
    let hash = bytes
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

/// The bits of each value as hex, most significant digit first, and the little-endian bytes of all.
fn draw(rng: &mut TorchRng, dtype: &str, n: usize) -> (Vec<String>, Vec<u8>) {
    let values: Vec<Vec<u8>> = match dtype {
        "f32" => rng.randn(n).into_iter().map(|v| v.to_le_bytes().to_vec()).collect(),
        "f16" => rng.randn_f16(n).into_iter().map(|v| v.to_le_bytes().to_vec()).collect(),
        "bf16" => rng.randn_bf16(n).into_iter().map(|v| v.to_le_bytes().to_vec()).collect(),
        other => panic!("the golden has an unknown dtype {other}"),
    };
    let hex = |value: &Vec<u8>| value.iter().rev().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let hex = values.iter().map(hex).collect();
    (hex, values.concat())
}

#[test]
fn every_stream_is_torchs_to_the_last_bit() {
    let golden = golden();
    assert!(golden.streams.len() > 90, "only {} streams", golden.streams.len());
    for stream in golden.streams {
        let mut rng = TorchRng::manual_seed(stream.seed);
        for expected in &stream.draws {
            let (values, bytes) = draw(&mut rng, &stream.dtype, expected.n);
            let place = format!("seed {}, {} x {}", stream.seed, expected.n, stream.dtype);
            assert_eq!(values[..expected.first.len()], expected.first, "first values, {place}");
            assert_eq!(values[expected.n - expected.last.len()..], expected.last, "last values, {place}");
            assert_eq!(fnv1a(bytes), expected.fnv1a, "some value between, {place}");
        }
    }
}

#[test]
fn a_batch_is_drawn_by_one_generator_or_one_an_image_as_randn_tensor_does() {
    for case in golden().randn_tensor {
        let mut generators = Generators::per_image(case.seeds.iter().copied());
        for expected in &case.fnv1a {
            let bytes = generators.randn(case.shape).into_iter().flat_map(f32::to_le_bytes);
            assert_eq!(&fnv1a(bytes), expected, "{case:?}");
        }
    }
}

#[test]
fn an_empty_draw_is_empty_and_moves_nothing() {
    let mut rng = TorchRng::manual_seed(1);
    assert!(rng.randn(0).is_empty());
    assert_eq!(rng.randn(16), TorchRng::manual_seed(1).randn(16));
}

/// A generator that was written as JSON and read again.
fn stored(rng: &TorchRng) -> TorchRng {
    serde_json::from_str(&serde_json::to_string(rng).expect("a text")).expect("readable")
}

#[test]
fn a_stored_generator_goes_on_where_it_was() {
    // Odd numbers of few values leave half of a pair behind, which later draws of many values pass over.
    let draws = [3, 17, 0, 1, 16, 700, 5, 4096, 1, 33];
    for interrupted in 0..draws.len() {
        let mut whole = TorchRng::manual_seed(42);
        let mut other = TorchRng::manual_seed(42);
        for (i, n) in draws.into_iter().enumerate() {
            if i == interrupted {
                other = stored(&other);
            }
            let dtype = ["f32", "f16", "bf16"][i % 3];
            assert_eq!(draw(&mut whole, dtype, n), draw(&mut other, dtype, n), "draw {i}, stored before {interrupted}");
        }
    }
}

#[test]
fn stored_generators_are_small_and_draw_a_batch_as_before() {
    let mut generators = Generators::per_image([1, u64::MAX]);
    generators.randn([2, 4, 8, 8]);
    let text = serde_json::to_string(&generators).expect("a text");
    assert_eq!(text, r#"[{"seed":1,"drawn":256},{"seed":4294967295,"drawn":256}]"#);
    let mut read: Generators = serde_json::from_str(&text).expect("readable");
    assert_eq!(read.randn([2, 4, 8, 8]), generators.randn([2, 4, 8, 8]));
}

#[test]
fn a_generator_that_would_take_long_to_read_is_refused() {
    let error = serde_json::from_str::<TorchRng>(r#"{"seed":1,"drawn":18446744073709551615}"#).expect_err("too many");
    assert!(error.to_string().contains("18446744073709551615 words"), "{error}");
}
