//! Cancelling in the middle of an operation.
//!
//! One convolution of a large picture takes seconds on a CPU, longer than anyone who pressed Stop wants to wait. So the kernels
//! poll the token of the work that their thread does, and stop early once it is raised: their result then has the right shape and
//! meaningless values. [`interruptible`] makes sure that nobody uses it: work under a raised token ends as cancelled, whatever it
//! returned. Limits: only our CPU kernels stop early; burn's own operations run to their end.

use std::cell::RefCell;
use std::mem;

use crate::base::cancel::CancelToken;
use crate::base::stop::Outcome;

thread_local! {
    /// The token of the work that this thread does; a token that nobody raises if it does none.
    static CURRENT: RefCell<CancelToken> = RefCell::default();
}

/// Does work whose kernels stop early once `cancel` is raised.
///
/// # Errors
/// `cancel` is raised, during the work or before it; or what the work says.
pub fn interruptible<T>(cancel: &CancelToken, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    /// Restores the previous token, also after a panic.
    struct Restore(CancelToken);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(mem::take(&mut self.0));
        }
    }
    let _restore = Restore(CURRENT.replace(cancel.clone()));
    let done = work();
    // What was computed meanwhile is meaningless, and so is an error about it.
    check_cancelled()?;
    done
}

/// Ends the work that this thread does if it was cancelled: networks call it between their layers.
///
/// # Errors
/// The token of the work is raised.
pub fn check_cancelled() -> Outcome<()> {
    CURRENT.with_borrow(CancelToken::check)
}

/// Tells whether the token of the work that this thread does is raised.
pub(super) fn is_interrupted() -> bool {
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
    use crate::base::stop::Stop;
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
        let mut left_off = None;
        let ended = interruptible(&raised, || {
            left_off = Some(sum());
            Ok(())
        });
        assert!(matches!(ended, Err(Stop::Cancelled)), "{ended:?}");
        assert!(left_off.is_some_and(|sum| sum.abs() < f32::EPSILON), "{left_off:?}");
        assert!((sum() - whole).abs() < f32::EPSILON);
        let again = interruptible(&CancelToken::new(), || Ok(sum())).expect("nobody cancelled it");
        assert!((again - whole).abs() < f32::EPSILON);
    }
}
