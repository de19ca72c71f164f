use burn::tensor::{Device, Tensor};
fn main() {
    let d = Device::flex();
    let t = Tensor::<2>::ones([2, 2], &d);
    println!("{}", t.matmul(Tensor::ones([2, 2], &d)));
}
