//! Giving up in the middle of an operation.
//!
//! One convolution of a large picture takes seconds on a CPU, longer than anyone who pressed Stop wants to wait. So the kernels
//! look at a token as they go, and leave off once it is raised: what they give then has the right shape and means nothing.
//! Whoever works under a token therefore looks at it before believing a result. Limits: our CPU kernels; burn's own operations
//! run to their end.

use std::cell::RefCell;
use std::mem;

use crate::base::cancel::CancelToken;

thread_local! {
    /// The token of the work that this thread does; one that nobody raises where it does none.
    static CURRENT: RefCell<CancelToken> = RefCell::default();
}

/// Does work whose kernels leave off once `cancel` is raised: results count only if it isn't raised after them.
pub fn interruptible<T>(cancel: &CancelToken, work: impl FnOnce() -> T) -> T {
    /// Puts the token of before back, after a panic too.
    struct Restore(CancelToken);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(mem::take(&mut self.0));
        }
    }
    let _restore = Restore(CURRENT.replace(cancel.clone()));
    work()
}

/// Whether the work that this thread does is to be left off: whatever it gives now is thrown away.
pub fn is_interrupted() -> bool {
    CURRENT.with_borrow(CancelToken::is_cancelled)
}

/// The token that a kernel called from this thread looks at.
pub(super) fn current() -> CancelToken {
    CURRENT.with_borrow(CancelToken::clone)
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor};

    use super::*;
    use crate::ops;

    #[test]
    fn a_kernel_leaves_off_under_a_raised_token_and_works_again_after_it() {
        let device = Device::flex();
        let layer = ops::Conv2d::new(8, 8, 3, &device).with_bias(false).with_padding(ops::Padding::default());
        let x = Tensor::<4>::ones([1, 8, 16, 16], &device);
        let sum = || ops::conv2d(&layer, x.clone()).abs().sum().into_scalar::<f32>();
        let whole = sum();
        assert!(whole > 0.0);
        let raised = CancelToken::new();
        raised.cancel();
        assert!(interruptible(&raised, sum).abs() < f32::EPSILON);
        assert!((sum() - whole).abs() < f32::EPSILON);
        assert!((interruptible(&CancelToken::new(), sum) - whole).abs() < f32::EPSILON);
    }
}
